"""Addresses: asked for, given on request, learned."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from quip.net.address import Address, is_dialable, is_unspecified, reach
from quip.net.commands import Ask
from quip.net.errors import NetError
from quip.net.limits import (
    MAX_ANCHORS,
    MAX_PEERS,
    PEERS_ANSWER_EVERY_S,
    PEERS_ASK_EVERY_S,
    PEERS_ASK_IN_NEED_S,
    PEERS_TIMEOUT_S,
    SAVE_EVERY_S,
    SAVE_SOON_S,
)
from quip.net.link import Instant, Purpose
from quip.net.peers.address_book import AddressBook
from quip.net.peers.peer_table import Peer, PeerTable
from quip.net.ports import PeerStorage
from quip.net.wire.messages import JoinRequest, Peers, PeersRequest, Reply, Request

_HOUR_S = 3_600


class Discovery:
    """The exchange of addresses with peers, at a bounded rate, and the book's way to disk."""

    def __init__(self, book: AddressBook, storage: PeerStorage, rng: Random, tickets: Iterator[int]) -> None:
        self._book = book
        self._storage = storage
        self._rng = rng
        self._tickets = tickets
        self._asked_s: dict[int, float] = {}
        self._answered_s: dict[int, float] = {}
        self._in_flight: dict[int, tuple[int, str]] = {}
        """By ticket: the connection that was asked, and the host at its end."""
        self._next_save_s: float | None = None

    def public_address(self, peer: Peer, join: JoinRequest) -> Address | None:
        """Where the peer says it can be dialled, as far as that can be."""
        public = join.public
        if public is None:
            return None
        try:
            if is_unspecified(public.host):
                public = Address(peer.link.address.host, public.port)
        except ValueError:
            return None
        return public if is_dialable(public) else None

    def joined(self, peer: Peer, now: Instant) -> Ask | None:
        """Learn the peer's own address; ask for others where we dialled."""
        if peer.link.outbound:
            self._book.succeeded(peer.link.address, now.unix_s)
        if peer.public is not None:
            self._learn(peer.link.address.host, peer.public, now.unix_s, now)
        if self._next_save_s is not None:
            self._next_save_s = min(self._next_save_s, now.monotonic_s + SAVE_SOON_S)
        return self._ask(peer, now) if peer.link.outbound else None

    def gone(self, peer: int) -> None:
        """The connection ended."""
        self._asked_s.pop(peer, None)
        self._answered_s.pop(peer, None)
        self._in_flight = {ticket: asked for ticket, asked in self._in_flight.items() if asked[0] != peer}

    def answer(self, peer: Peer, peers: PeerTable, now: Instant) -> Peers:
        """The answer to PEERS_REQUEST; empty if the last one was a moment ago."""
        last = self._answered_s.get(peer.connection)
        if last is not None and now.monotonic_s - last < PEERS_ANSWER_EVERY_S:
            return Peers(())
        self._answered_s[peer.connection] = now.monotonic_s
        to = reach(peer.link.address.host)
        live = {
            other.public: now.unix_s
            for other in peers.joined()
            if other is not peer and other.public is not None and reach(other.public.host) >= to
        }
        found = dict(self._book.sample(MAX_PEERS, to, now.unix_s)) | live
        found.pop(peer.public, None) if peer.public is not None else None
        rows = [(address, seen_s // _HOUR_S) for address, seen_s in found.items()]
        self._rng.shuffle(rows)
        return Peers(tuple(rows[:MAX_PEERS]))

    def replied(self, peer: int, ticket: int, request: Request, reply: Reply, now: Instant) -> None:
        """Addresses came."""
        asked = self._in_flight.pop(ticket, None)
        if asked is not None and isinstance(reply, Peers):
            for address, hour in reply.peers[:MAX_PEERS]:
                self._learn(asked[1], address, hour * _HOUR_S, now)

    def failed(self, peer: int, ticket: int, request: Request, error: NetError, now: Instant) -> None:
        """No addresses will come."""
        self._in_flight.pop(ticket, None)

    def tick(self, peers: PeerTable, now: Instant, *, in_need: bool) -> Ask | None:
        """Ask one outbound peer again, rarely; sooner if nobody is left to dial. Save the book."""
        every_s = PEERS_ASK_IN_NEED_S if in_need else PEERS_ASK_EVERY_S
        due = [
            peer
            for peer in peers.joined()
            if peer.link.outbound and now.monotonic_s - self._asked_s.get(peer.connection, 0.0) >= every_s
        ]
        self.save(peers, now)
        return self._ask(self._rng.choice(due), now) if due else None

    def save(self, peers: PeerTable, now: Instant, *, at_once: bool = False) -> None:
        """Keep the book and the anchors, if it is time."""
        if self._next_save_s is None:
            self._next_save_s = now.monotonic_s + SAVE_EVERY_S
        if not at_once and now.monotonic_s < self._next_save_s:
            return
        self._next_save_s = now.monotonic_s + SAVE_EVERY_S
        chosen = sorted(
            (peer for peer in peers.joined() if peer.link.purpose is Purpose.OUTBOUND), key=lambda peer: peer.joined_s
        )
        self._storage.save_addresses(self._book.rows(), [peer.link.address for peer in chosen[:MAX_ANCHORS]])

    def _ask(self, peer: Peer, now: Instant) -> Ask:
        ticket = next(self._tickets)
        self._in_flight[ticket] = peer.connection, peer.link.address.host
        self._asked_s[peer.connection] = now.monotonic_s
        return Ask(peer.connection, ticket, PeersRequest(), PEERS_TIMEOUT_S)

    def _learn(self, source: str, address: Address, seen_s: int, now: Instant) -> None:
        if is_dialable(address) and reach(address.host) >= reach(source):
            self._book.learn(address, source, seen_s, now.unix_s)
