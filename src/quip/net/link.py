"""What the outside tells the network about one connection: why it was opened, who is there, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from quip.net.address import Address


@dataclass(frozen=True, slots=True)
class Instant:
    """Now, by both clocks."""

    monotonic_s: float
    """Never goes back; every timeout counts by it."""
    unix_s: int
    """Wall clock; only the future limit of blocks reads it, and what is shown to people."""


class Purpose(Enum):
    """Why a connection was opened."""

    INBOUND = "inbound"
    """The other side dialled."""
    MANUAL = "manual"
    """The operator named the peer (--peer, quip peers add)."""
    OUTBOUND = "outbound"
    """Chosen from the address book (or an anchor)."""
    FEELER = "feeler"
    """Only to see whether the address answers; closed once joined."""


@dataclass(frozen=True, slots=True)
class Link:
    """A connection whose TLS handshake is done: both sides proved the key of their certificate."""

    address: Address
    """The other side's UDP address as this side sees it."""
    node_id: bytes
    """BLAKE3 of the other side's public key (SubjectPublicKeyInfo, DER), 32 bytes."""
    purpose: Purpose

    @property
    def outbound(self) -> bool:
        """True if this side dialled: it owns the client's QUIC stream numbers and sends JOIN_REQUEST."""
        return self.purpose is not Purpose.INBOUND
