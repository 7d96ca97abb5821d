"""What sync, gossip and discovery want of the overlay: their output besides CheckSeals, ImportBlocks and Log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from quip.consensus.block_validation import SealVerdict
from quip.consensus.errors.root import ConsensusError
from quip.net.actions import CheckSeals, ImportBlocks, Log
from quip.net.errors import NetError
from quip.net.events import ImportOutcome
from quip.net.link import Instant
from quip.net.wire.messages import HeadClaim, Push, Reply, Request


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request. Who ordered it is told what came of it, by this ticket, unless the connection ends before."""

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


class Requester(Protocol):
    """Who orders an Ask. It alone is handed the answer; a ticket that it no longer knows it ignores."""

    def replied(self, peer: int, ticket: int, request: Request, reply: Reply, now: Instant) -> None:
        """The answer came."""
        ...

    def failed(self, peer: int, ticket: int, request: Request, error: NetError, now: Instant) -> None:
        """No answer will come."""
        ...


class JobOwner(Requester, Protocol):
    """Who orders CheckSeals and ImportBlocks. It alone is handed the results; a job that it gave up it ignores."""

    def drain(self) -> list[Order]:
        """What is to be done, in order; once."""
        ...

    def seals_checked(self, job: int, verdicts: Sequence[SealVerdict], now: Instant) -> None:
        """Per seal the sealed header, or the rule that it breaks; per ommer what was found of its seal."""
        ...

    def imported(self, job: int, outcomes: Sequence[ImportOutcome], now: Instant) -> None:
        """What became of each block."""
        ...


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A request that was sent, and who waits for its answer."""

    owner: Requester
    ticket: int
    """The owner's."""
    request: Request
