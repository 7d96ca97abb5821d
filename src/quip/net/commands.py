"""What sync and gossip want of the overlay: their output besides CheckSeals, ImportBlocks and Note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from quip.consensus.errors import ConsensusError
from quip.net.actions import CheckSeals, ImportBlocks, Log
from quip.net.errors import NetError
from quip.net.wire.messages import HeadClaim, Push, Request


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request; it comes back as replied or failed with the same ticket."""

    peer: int
    """The connection's number."""
    ticket: int
    request: Request
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Tell:
    """Push a message."""

    peer: int
    message: Push


@dataclass(frozen=True, slots=True)
class ReportPeer:
    """The peer sent something wrong: close, and ban it if the error is one that an honest node never causes."""

    peer: int
    error: ConsensusError | NetError


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection without a ban."""

    peer: int
    reason: str


@dataclass(frozen=True, slots=True)
class HeadClaimed:
    """Gossip to sync: the peer has a block that builds on something unknown here."""

    peer: int
    claim: HeadClaim
    held: bool
    """False: it only passed the block on, and may never hold it."""


@dataclass(frozen=True, slots=True)
class CreditBlock:
    """The peer brought a new block with a good seal before all others."""

    peer: int
    claim: HeadClaim


Order: TypeAlias = Ask | Tell | ReportPeer | Disconnect | HeadClaimed | CreditBlock | CheckSeals | ImportBlocks | Log
