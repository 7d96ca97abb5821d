"""Which peer is told of which transaction: its hash, to all who are not known to have it; who wants it asks.

An announcement can be lost: a link that stood still delivers what waited at once, and what is above the rate then is
ignored. So who never showed that it has a transaction is reminded now and then, as long as the pool holds it.

What this file does not do: it judges no transaction. The pool says what has become executable; only that is passed on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from quip.net.commands import Tell
from quip.net.limits import (
    KNOWN_TRANSACTIONS_PER_PEER,
    MAX_TRANSACTION_CLAIMS,
    MAX_TRANSACTIONS_BYTES,
    REMIND_EVERY_S,
    SELF_RESTRAINT,
    TRANSACTION_PREFIX_BYTES,
    UNTOLD_TRANSACTIONS_PER_PEER,
)
from quip.net.link import Instant
from quip.net.ports import TransactionPool
from quip.net.token_bucket import Rate, TokenBucket
from quip.net.wire.codec import TABLE, code_of
from quip.net.wire.messages import TransactionClaim, TransactionGossip, Transactions, TransactionsRequest
from quip.primitives.bounded_dict import BoundedDict


@dataclass(slots=True)
class _Peer:
    """What a joined peer has, and what it is still to be told of."""

    budget: TokenBucket
    reminded_s: float
    known: BoundedDict[bytes, bool] = field(default_factory=lambda: BoundedDict(KNOWN_TRANSACTIONS_PER_PEER))
    """By hash: it was told, or (True) it has announced it or got it from here."""
    untold: BoundedDict[bytes, TransactionClaim] = field(
        default_factory=lambda: BoundedDict(UNTOLD_TRANSACTIONS_PER_PEER)
    )
    """By hash; where there are too many the oldest are forgotten."""
    reminders: int = 0
    """How many rounds of reminders it has had: where the next one begins in a large pool."""


class TransactionRelay:
    """Announces what the pool holds, in as few messages as their rate allows, and hands it out."""

    def __init__(self, pool: TransactionPool) -> None:
        self._pool = pool
        self._peers: dict[int, _Peer] = {}

    def joined(self, peer: int, now: Instant) -> list[Tell]:
        """The peer may be told from now on; first of what is in the pool already."""
        state = self._peers[peer] = _Peer(TokenBucket(_rate(), now.monotonic_s), now.monotonic_s)
        self._add(state, islice(self._pool.inventory(), UNTOLD_TRANSACTIONS_PER_PEER))
        return self._told(peer, state, now)

    def gone(self, peer: int) -> None:
        """The peer left."""
        self._peers.pop(peer, None)

    def heard(self, peer: int, message: TransactionGossip) -> None:
        """The peer announces these, so it has them."""
        state = self._peers.get(peer)
        if state is not None:
            for _, _, name in message.items:
                state.known[name] = True
                state.untold.pop(name, None)

    def ready(self, claims: Iterable[TransactionClaim], now: Instant) -> list[Tell]:
        """These have become executable in the pool."""
        added = tuple(claims)
        tells: list[Tell] = []
        for peer, state in self._peers.items():
            self._add(state, added)
            tells += self._told(peer, state, now)
        return tells

    def tick(self, now: Instant) -> list[Tell]:
        """Time passed: who was told as much as the rate allows can be told more, and one peer is reminded."""
        due = [state for state in self._peers.values() if state.reminded_s + REMIND_EVERY_S <= now.monotonic_s]
        if due:
            self._remind(min(due, key=lambda state: state.reminded_s), now)
        return [tell for peer, state in self._peers.items() for tell in self._told(peer, state, now)]

    def _remind(self, state: _Peer, now: Instant) -> None:
        """One message's worth, in a large pool each time another."""
        state.reminded_s = now.monotonic_s
        claims = list(self._pool.inventory())
        pages = max(1, -(-len(claims) // MAX_TRANSACTION_CLAIMS))
        begin = state.reminders % pages * MAX_TRANSACTION_CLAIMS
        state.reminders += 1
        for claim in claims[begin : begin + MAX_TRANSACTION_CLAIMS]:
            if not state.known.get(claim[2]):
                state.untold[claim[2]] = claim

    def answer(self, peer: int, request: TransactionsRequest) -> Transactions:
        """The answer to TRANSACTIONS_REQUEST: what the pool has, as far as one answer goes."""
        found: list[bytes] = []
        state = self._peers.get(peer)
        room = MAX_TRANSACTIONS_BYTES
        for name in request.hashes:
            transaction = self._pool.get(name)
            if transaction is not None:
                room -= len(transaction) + TRANSACTION_PREFIX_BYTES
                if room < 0:
                    break
                found.append(transaction)
                if state is not None:
                    state.known[name] = True
        return Transactions(tuple(found))

    def _add(self, state: _Peer, claims: Iterable[TransactionClaim]) -> None:
        for claim in claims:
            if claim[2] not in state.known:
                state.untold[claim[2]] = claim

    def _told(self, peer: int, state: _Peer, now: Instant) -> list[Tell]:
        """What is gone from the pool meanwhile is not worth a word."""
        tells: list[Tell] = []
        while state.untold and state.budget.take(now.monotonic_s):
            batch = list(islice(state.untold.values(), MAX_TRANSACTION_CLAIMS))
            for _, _, name in batch:
                del state.untold[name]
                state.known.setdefault(name, False)
            held = tuple(claim for claim in batch if self._pool.get(claim[2]) is not None)
            if held:
                tells.append(Tell(peer, TransactionGossip(held)))
        return tells


def _rate() -> Rate:
    """What a session lets through of ours."""
    rate = TABLE[code_of(TransactionGossip(()))].rate
    if rate is None:
        raise RuntimeError("every push but a goodbye has a rate")
    return rate.share(SELF_RESTRAINT)
