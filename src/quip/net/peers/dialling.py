"""Whom to dial, and when: the operator's peers until they answer, anchors, then the address book, and feelers.

What this file does not do: it opens nothing; it returns Dial actions and is told what became of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from quip.net.actions import Dial
from quip.net.address import Address, is_nearby, netgroup
from quip.net.limits import (
    DIAL_EVERY_S,
    DIAL_IDLE_S,
    DIAL_TIMEOUT_S,
    FEELER_EVERY_S,
    FLEETING_S,
    MANUAL_BACKOFF_MAX_S,
    MANUAL_BACKOFF_S,
    OUTBOUND_PER_GROUP,
    STEADY_AFTER_S,
)
from quip.net.link import Instant, Purpose
from quip.net.overlay_config import OverlayConfig
from quip.net.peers.address_book import AddressBook
from quip.net.peers.bans import Bans
from quip.net.peers.peer_table import Peer, PeerTable


@dataclass(slots=True)
class _Manual:
    failures: int = 0
    next_s: float = 0.0
    node_id: bytes | None = None
    """Who answered there last."""
    trouble: str = ""
    """Why it is not connected, as the log has said."""


class Dialler:
    """Keeps up the outbound connections."""

    def __init__(self, config: OverlayConfig, book: AddressBook, bans: Bans, rng: Random) -> None:
        self._config = config
        self._book = book
        self._bans = bans
        self._rng = rng
        self._manual: dict[Address, _Manual] = {}
        self._flying: dict[Address, tuple[Purpose, float]] = {}
        self._selves: set[Address] = set()
        self._anchors: list[Address] = []
        self._next_dial_s = 0.0
        self._next_feeler_s: float | None = None

    def use_anchors(self, anchors: list[Address]) -> None:
        """Outbound peers of the last run, dialled before any other of the book."""
        self._anchors = list(anchors)

    def due(self, peers: PeerTable, now: Instant) -> list[Dial]:
        """What to dial now."""
        self._flying = {address: entry for address, entry in self._flying.items() if entry[1] > now.monotonic_s}
        dials = [*self._manual_dials(peers, now), *self._outbound_dials(peers, now), *self._feeler_dials(peers, now)]
        for dial in dials:
            self._flying[dial.address] = (dial.purpose, now.monotonic_s + DIAL_TIMEOUT_S)
            self._book.attempted(dial.address, now.unix_s)
        return dials

    def answered(self, address: Address, node_id: bytes) -> None:
        """The dial was answered, by whomever."""
        self._flying.pop(address, None)
        if address in self._manual:
            self._manual[address].node_id = node_id

    def failed(self, address: Address, now: Instant) -> None:
        """The dial, or the join after it, came to nothing."""
        self._flying.pop(address, None)
        self._book.failed(address, now.unix_s)
        self._back_off(address, now)

    def ended(self, peer: Peer, now: Instant) -> None:
        """A connection that we dialled is gone."""
        entry = self._manual.get(peer.link.address)
        if entry is not None and peer.join is not None and now.monotonic_s - peer.joined_s >= STEADY_AFTER_S:
            entry.failures = 0
            entry.trouble = ""
        held_s = now.monotonic_s - peer.joined_s if peer.join is not None else 0.0
        if peer.link.purpose is Purpose.OUTBOUND and held_s < FLEETING_S:
            self._book.attempted(peer.link.address, now.unix_s)  # it joined, which is not yet worth much
        self._back_off(peer.link.address, now)

    def is_news(self, address: Address, reason: str) -> bool:
        """True if this is why a manual peer is not connected, and the log has not said so at an earlier dial."""
        entry = self._manual.get(address)
        if entry is None or entry.trouble == reason:
            return False
        entry.trouble = reason
        return True

    def is_self(self, address: Address) -> None:
        """The address is this node's own: it is not dialled again."""
        self._flying.pop(address, None)
        self._selves.add(address)
        self._book.drop(address)

    def forget_selves(self) -> None:
        """The operator changed something: every manual peer is dialled again, at once."""
        self._selves.clear()
        self._manual.clear()

    def names(self, address: Address) -> bool:
        """True for the address of a manual peer."""
        return address in set(self._operators())

    def awaited(self, peers: PeerTable) -> int:
        """Manual peers that are not this node and not joined."""
        return sum(1 for address in self._operators() if not self._is_joined(address, peers))

    def in_need(self, peers: PeerTable) -> bool:
        """True if there are too few chosen outbound peers."""
        return len(peers.of_purpose(Purpose.OUTBOUND)) < self._config.target_outbound

    def _operators(self) -> Iterator[Address]:
        return (address for address in dict.fromkeys(self._config.manual()) if address not in self._selves)

    def _is_joined(self, address: Address, peers: PeerTable) -> bool:
        entry = self._manual.get(address)
        return any(
            (peer.link.outbound and peer.link.address == address)
            or (entry is not None and peer.link.node_id == entry.node_id)
            for peer in peers.joined()
        )

    def _manual_dials(self, peers: PeerTable, now: Instant) -> list[Dial]:
        wanted = list(self._operators())
        self._manual = {address: self._manual.get(address) or _Manual() for address in wanted}
        open_addresses = {peer.link.address for peer in peers.all() if peer.link.outbound}
        return [
            Dial(address, Purpose.MANUAL)
            for address, entry in self._manual.items()
            if now.monotonic_s >= entry.next_s
            and address not in self._flying
            and address not in open_addresses
            and not self._is_joined(address, peers)
        ]

    def _outbound_dials(self, peers: PeerTable, now: Instant) -> list[Dial]:
        flying = [address for address, (purpose, _) in self._flying.items() if purpose is Purpose.OUTBOUND]
        chosen = [peer.link.address for peer in peers.of_purpose(Purpose.OUTBOUND)]
        if len(flying) + len(chosen) >= self._config.target_outbound or now.monotonic_s < self._next_dial_s:
            return []
        groups = Counter(netgroup(address.host) for address in (*flying, *chosen))
        refused = self._refused(peers)
        while self._anchors:
            anchor = self._anchors.pop(0)
            if anchor not in refused and self._is_diverse(anchor, groups, now):
                return [self._dial_from_book(anchor, Purpose.OUTBOUND, now)]
        for _ in range(8):
            address = self._book.select(now.unix_s, refused)
            if address is None:
                break
            if self._is_diverse(address, groups, now):
                return [self._dial_from_book(address, Purpose.OUTBOUND, now)]
            refused.add(address)
        self._next_dial_s = now.monotonic_s + DIAL_IDLE_S
        return []

    def _feeler_dials(self, peers: PeerTable, now: Instant) -> list[Dial]:
        if self._next_feeler_s is None:
            self._next_feeler_s = now.monotonic_s + FEELER_EVERY_S * self._rng.uniform(0.5, 1.5)
        if now.monotonic_s < self._next_feeler_s or self._config.target_outbound == 0:
            return []
        self._next_feeler_s = now.monotonic_s + FEELER_EVERY_S * self._rng.uniform(0.5, 1.5)
        refused = self._refused(peers)
        address = self._book.contested()
        if address is None or address in refused:
            address = self._book.select(now.unix_s, refused, new_only=True)
        return [] if address is None else [Dial(address, Purpose.FEELER)]

    def _dial_from_book(self, address: Address, purpose: Purpose, now: Instant) -> Dial:
        self._next_dial_s = now.monotonic_s + DIAL_EVERY_S * self._rng.uniform(0.5, 1.5)
        return Dial(address, purpose)

    def _refused(self, peers: PeerTable) -> set[Address]:
        connected = {peer.link.address for peer in peers.all()}
        # Anybody can name any address as its own: only one that it speaks from counts as connected.
        public = {peer.public for peer in peers.all() if peer.public and peer.public.host == peer.link.address.host}
        return connected | public | self._selves | set(self._flying) | set(self._manual)

    def _is_diverse(self, address: Address, groups: Counter[str], now: Instant) -> bool:
        if self._bans.against(b"", address.host, now.unix_s) is not None:
            return False
        group = netgroup(address.host)
        return is_nearby(group) or groups[group] < OUTBOUND_PER_GROUP

    def _back_off(self, address: Address, now: Instant) -> None:
        entry = self._manual.get(address)
        if entry is None:
            return
        wait_s = min(MANUAL_BACKOFF_MAX_S, MANUAL_BACKOFF_S * 2 ** min(entry.failures, 10))
        entry.failures += 1
        entry.next_s = now.monotonic_s + wait_s * self._rng.uniform(0.75, 1.25)
