"""Announced blocks that are asked for: one request in flight per hash, one announcer after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from quip.net.commands import Ask
from quip.net.limits import ANNOUNCERS, BLOCK_TIMEOUT_S, FETCHES, FETCHES_PER_PEER
from quip.net.wire.messages import BlockRequest, BodiesRequest


@dataclass(slots=True)
class _Fetch:
    request: BlockRequest | BodiesRequest
    asked: int
    """The peer whose answer is awaited."""
    ticket: int
    others: list[int] = field(default_factory=list)
    """Who else has it."""


class BlockFetcher:
    """At most FETCHES at once; what is announced beyond that comes by the next heartbeat and sync."""

    def __init__(self, tickets: Iterator[int]) -> None:
        self._tickets = tickets
        self._fetches: dict[bytes, _Fetch] = {}
        self._by_ticket: dict[int, bytes] = {}

    def want(self, block_hash: bytes, peer: int, request: BlockRequest | BodiesRequest) -> Ask | None:
        """Ask the peer, or remember it for later if somebody is asked already."""
        fetch = self._fetches.get(block_hash)
        if fetch is not None:
            if peer != fetch.asked and peer not in fetch.others and len(fetch.others) < ANNOUNCERS:
                fetch.others.append(peer)
            return None
        mine = sum(1 for other in self._fetches.values() if other.asked == peer)
        if len(self._fetches) >= FETCHES or mine >= FETCHES_PER_PEER:
            return None
        fetch = self._fetches[block_hash] = _Fetch(request, peer, 0)
        return self._ask(block_hash, fetch)

    def asked(self, ticket: int) -> int:
        """Whose answer to a request of ours is awaited."""
        return self._fetches[self._by_ticket[ticket]].asked

    def hash_of(self, ticket: int) -> bytes | None:
        """What a request was for; None for another's ticket."""
        return self._by_ticket.get(ticket)

    def done(self, ticket: int) -> None:
        """The answer was good."""
        del self._fetches[self._by_ticket.pop(ticket)]

    def failed(self, ticket: int) -> Ask | None:
        """The answer was none, or bad: the request to the next announcer, None if there is no other."""
        return self._next(self._by_ticket.pop(ticket))

    def gone(self, peer: int) -> list[tuple[bytes, Ask | None]]:
        """The peer left: for every hash asked of it, the request to the next announcer."""
        moved = []
        for block_hash, fetch in list(self._fetches.items()):
            if peer in fetch.others:
                fetch.others.remove(peer)
            if fetch.asked == peer:
                self._by_ticket.pop(fetch.ticket, None)
                moved.append((block_hash, self._next(block_hash)))
        return moved

    def __contains__(self, block_hash: bytes) -> bool:
        return block_hash in self._fetches

    def __len__(self) -> int:
        return len(self._fetches)

    def _next(self, block_hash: bytes) -> Ask | None:
        fetch = self._fetches[block_hash]
        if not fetch.others:
            del self._fetches[block_hash]
            return None
        fetch.asked = fetch.others.pop(0)
        return self._ask(block_hash, fetch)

    def _ask(self, block_hash: bytes, fetch: _Fetch) -> Ask:
        fetch.ticket = next(self._tickets)
        self._by_ticket[fetch.ticket] = block_hash
        return Ask(fetch.asked, fetch.ticket, fetch.request, BLOCK_TIMEOUT_S)
