"""Announced transactions: which of them are fetched for the pool, and of whom.

    TRANSACTION_GOSSIP -> heard, per peer -> TRANSACTIONS_REQUEST, one a peer -> the pool, which judges them elsewhere

A transaction is asked of one peer at a time; where it does not come, of the next one that announced it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from quip.net.commands import Ask, Disconnect, Order, ReportPeer
from quip.net.errors import NetError, WrongAnswer
from quip.net.limits import (
    ALL_TRANSACTIONS_AT_ONCE,
    ALL_TRANSACTIONS_PER_S,
    BROKEN_TRANSACTION_PROMISES,
    FETCHED_TRANSACTIONS,
    HEARD_TRANSACTIONS_PER_PEER,
    MAX_TRANSACTIONS,
    MAX_TRANSACTIONS_BYTES,
    TRANSACTION_PREFIX_BYTES,
    TRANSACTIONS_AT_ONCE,
    TRANSACTIONS_PER_S,
    TRANSACTIONS_TIMEOUT_S,
)
from quip.net.link import Instant
from quip.net.ports import TransactionPool
from quip.net.token_bucket import Rate, TokenBucket
from quip.net.wire.messages import (
    Reply,
    Request,
    TransactionClaim,
    TransactionGossip,
    Transactions,
    TransactionsRequest,
)
from quip.primitives.bounded_dict import BoundedDict
from quip.primitives.hashes import keccak256

_RATE = Rate(TRANSACTIONS_PER_S, TRANSACTIONS_AT_ONCE)
_COMMON_RATE = Rate(ALL_TRANSACTIONS_PER_S, ALL_TRANSACTIONS_AT_ONCE)


@dataclass(slots=True)
class _Peer:
    """What one peer announced, and what it is asked for."""

    budget: TokenBucket
    heard: dict[bytes, TransactionClaim] = field(default_factory=dict)
    """By hash, not asked of it yet."""
    ticket: int | None = None
    """Of the request in flight."""
    asked: dict[bytes, TransactionClaim] = field(default_factory=dict)
    broken: int = 0
    """Requests in a row that brought nothing."""
    idle: bool = False
    """There was nothing that it could be asked for at the last look."""


class TransactionFetcher:
    """What peers announce, asked for: one request in flight per peer, so many transactions a second of each and of all.

    Who was not asked for longest is asked first, so that many who flood leave the others their share.
    """

    def __init__(self, pool: TransactionPool, tickets: Iterator[int]) -> None:
        self._pool = pool
        self._tickets = tickets
        self._peers: dict[int, _Peer] = {}
        """Who was not asked for longest comes first."""
        self._common = TokenBucket(_COMMON_RATE, 0.0)
        self._in_flight: dict[bytes, int] = {}
        """Hash -> the peer that is asked for it."""
        self._fetched: BoundedDict[bytes, None] = BoundedDict(FETCHED_TRANSACTIONS)
        """Handed to the pool, which may still be judging them."""
        self._orders: list[Order] = []

    def announced(self, peer: int, message: TransactionGossip, now: Instant) -> None:
        """TRANSACTION_GOSSIP: what the pool wants is remembered, as much as there is room for, and asked for."""
        state = self._peers.get(peer)
        if state is None:
            state = self._peers[peer] = _Peer(TokenBucket(_RATE, now.monotonic_s))
        for claim in message.items:
            if len(state.heard) < HEARD_TRANSACTIONS_PER_PEER and self._wants(claim):
                state.heard[claim[2]] = claim
                state.idle = False
        self._ask_all(now)

    def replied(self, peer: int, ticket: int, request: Request, reply: Reply, now: Instant) -> None:
        """Transactions came: some of those asked for, in their order (the session has seen to that)."""
        state, asked = self._answered(peer, ticket)
        if state is None or not isinstance(reply, Transactions):
            return
        names = [keccak256(transaction) for transaction in reply.transactions]
        for name, transaction in zip(names, reply.transactions, strict=True):
            kind, size, _ = asked[name]
            if size != len(transaction) or kind != _kind_of(transaction):
                reason = "a transaction of another type or size than announced"
                self._orders.append(ReportPeer(peer, WrongAnswer(reason, name="TRANSACTIONS")))
                return
        if names:
            state.broken = 0
            self._fetched.update(dict.fromkeys(names))
            self._pool.offered(peer, reply.transactions)
        else:
            self._break_promise(peer, state)
        state.idle = False
        self._ask_all(now)

    def failed(self, peer: int, ticket: int, request: Request, error: NetError, now: Instant) -> None:
        """They will not come."""
        state, _ = self._answered(peer, ticket)
        if state is not None:
            self._break_promise(peer, state)
            self._look_again(now)

    def gone(self, peer: int, now: Instant) -> None:
        """The peer left; what was asked of it is asked of others."""
        state = self._peers.pop(peer, None)
        if state is not None:
            self._land(state.asked)
            self._look_again(now)

    def tick(self, now: Instant) -> None:
        """Time passed: who was asked for as much as the rate allows can be asked again."""
        self._look_again(now)

    def drain(self) -> list[Order]:
        """What is wanted, since the last call."""
        orders, self._orders = self._orders, []
        return orders

    def _wants(self, claim: TransactionClaim) -> bool:
        kind, size, name = claim
        fits = size + TRANSACTION_PREFIX_BYTES <= MAX_TRANSACTIONS_BYTES
        return fits and name not in self._fetched and self._pool.wants(kind, size, name)

    def _answered(self, peer: int, ticket: int) -> tuple[_Peer | None, dict[bytes, TransactionClaim]]:
        """The peer whose request that was, and what it was asked for; no peer if nobody waits for the answer."""
        state = self._peers.get(peer)
        if state is None or state.ticket != ticket:
            return None, {}
        asked, state.asked, state.ticket = state.asked, {}, None
        self._land(asked)
        return state, asked

    def _land(self, asked: dict[bytes, TransactionClaim]) -> None:
        for name in asked:
            del self._in_flight[name]

    def _look_again(self, now: Instant) -> None:
        """Whoever had nothing to be asked for may have something now."""
        for state in self._peers.values():
            state.idle = False
        self._ask_all(now)

    def _ask_all(self, now: Instant) -> None:
        waiting = [
            (peer, state)
            for peer, state in self._peers.items()
            if state.ticket is None and state.heard and not state.idle
        ]
        for peer, state in waiting:
            state.idle = self._choose(peer, state, now) and not state.asked
            if state.asked:
                state.ticket = next(self._tickets)
                request = TransactionsRequest(tuple(state.asked))
                self._orders.append(Ask(peer, state.ticket, request, TRANSACTIONS_TIMEOUT_S))
                self._peers[peer] = self._peers.pop(peer)

    def _choose(self, peer: int, state: _Peer, now: Instant) -> bool:
        """What a peer is asked for next: of what it announced, as much as one answer and both rates allow. True if that
        is all there is."""
        room = MAX_TRANSACTIONS_BYTES
        for name, claim in list(state.heard.items()):
            if not self._wants(claim):
                del state.heard[name]
                continue
            if name in self._in_flight:
                continue
            room -= claim[1] + TRANSACTION_PREFIX_BYTES
            if room < 0 or len(state.asked) == MAX_TRANSACTIONS or not self._afford(state, now):
                return False
            state.asked[name] = state.heard.pop(name)
            self._in_flight[name] = peer
        return True

    def _afford(self, state: _Peer, now: Instant) -> bool:
        if not self._common.has_any(now.monotonic_s) or not state.budget.take(now.monotonic_s):
            return False
        self._common.charge(1.0)
        return True

    def _break_promise(self, peer: int, state: _Peer) -> None:
        """Once is a block that took them, or a hiccup; always is a way to keep us busy."""
        state.broken += 1
        if state.broken >= BROKEN_TRANSACTION_PROMISES:
            self._orders.append(Disconnect(peer, "announces transactions that it does not give"))


def _kind_of(transaction: bytes) -> int:
    """A legacy transaction is an RLP list; the first byte of any other is its type."""
    return 0 if transaction[0] >= 0xC0 else transaction[0]
