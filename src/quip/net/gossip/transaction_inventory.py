"""Announced transactions: which of them are fetched for the pool, and of whom.

The pool behind it belongs to a later protocol version: `EmptyPool` wants nothing, so nothing is ever requested.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from quip.net.commands import Ask
from quip.net.errors import NetError
from quip.net.limits import MAX_TRANSACTIONS, TRANSACTIONS_TIMEOUT_S
from quip.net.link import Instant
from quip.net.wire.messages import Reply, Request, TransactionGossip, Transactions, TransactionsRequest


class TransactionPool(Protocol):
    """Pending transactions, by hash."""

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        """True if an announced transaction should be fetched."""
        ...

    def get(self, transaction_hash: bytes) -> bytes | None:
        """EIP-2718 bytes."""
        ...

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        """Fetched from a peer; the pool checks them itself."""
        ...


class EmptyPool:
    """Holds nothing and wants nothing: blocks of protocol version 1 have no transactions yet."""

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        """Never."""
        return False

    def get(self, transaction_hash: bytes) -> bytes | None:
        """Nothing."""
        return None

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        """Ignored."""


class TransactionInventory:
    """What peers announce, asked for; one request in flight per peer."""

    def __init__(self, pool: TransactionPool, tickets: Iterator[int]) -> None:
        self._pool = pool
        self._tickets = tickets
        self._asked: dict[int, int] = {}

    def announced(self, peer: int, message: TransactionGossip) -> Ask | None:
        """TRANSACTION_GOSSIP: ask for what the pool wants, if the peer is asked for nothing yet."""
        wanted: list[bytes] = []
        for kind, size, transaction_hash in message.items:
            if len(wanted) < MAX_TRANSACTIONS and self._pool.wants(kind, size, transaction_hash):
                wanted.append(transaction_hash)
        if not wanted or peer in self._asked.values():
            return None
        ticket = next(self._tickets)
        self._asked[ticket] = peer
        return Ask(peer, ticket, TransactionsRequest(tuple(wanted)), TRANSACTIONS_TIMEOUT_S)

    def replied(self, peer: int, ticket: int, request: Request, reply: Reply, now: Instant) -> None:
        """Transactions came."""
        if self._asked.pop(ticket, None) is not None and isinstance(reply, Transactions):
            self._pool.offered(peer, reply.transactions)

    def failed(self, peer: int, ticket: int, request: Request, error: NetError, now: Instant) -> None:
        """They will not come."""
        self._asked.pop(ticket, None)

    def gone(self, peer: int) -> None:
        """The connection ended."""
        self._asked = {ticket: asked for ticket, asked in self._asked.items() if asked != peer}

    def answer(self, request: TransactionsRequest) -> Transactions:
        """The answer to TRANSACTIONS_REQUEST."""
        found = (self._pool.get(transaction_hash) for transaction_hash in request.hashes)
        return Transactions(tuple(raw for raw in found if raw is not None))
