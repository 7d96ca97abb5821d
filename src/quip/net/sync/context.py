"""What all downloads of a node share: the chain to read, the peers, the orders to be carried out, and the counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from quip.consensus.errors.root import ConsensusError
from quip.net import limits
from quip.net.commands import Ask, Order
from quip.net.errors import NetError
from quip.net.ports import ChainView
from quip.net.sync.peers import SyncPeers
from quip.net.wire.messages import Request

ReportFault: TypeAlias = Callable[[int, ConsensusError | NetError], None]
"""How a stage of a download says that a peer sent something wrong: the peer is not asked again."""


class End(Enum):
    """Why a download is over."""

    DONE = "done"
    """All that the leader had is imported."""
    EARLY = "early"
    """The same, but for blocks whose time has not come."""
    FAILED = "failed"
    """It has to begin anew."""
    STORE = "store"
    """The chain takes no blocks at the moment."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What bounds a download; smaller in tests."""

    window: int = limits.SYNC_WINDOW
    headers: int = limits.MAX_HEADERS
    """In one request."""
    batch: int = limits.SYNC_IMPORT_BATCH
    spacing: int = limits.SYNC_CHECKPOINT_SPACING


@dataclass(slots=True)
class SyncContext:
    """What a download works with."""

    view: ChainView
    peers: SyncPeers
    tickets: Iterator[int]
    orders: list[Order]
    sizes: Sizes
    verified: int = 0
    """Seals found good since the start."""
    imported: int = 0
    """Blocks accepted since the start."""
    imported_s: float = 0.0
    """When the last of them was."""
    moved_s: float = 0.0
    """When SYNC_PACE more seals had last been verified."""
    pace: int = 0
    """Seals verified since then."""

    def ask(self, peer: int, request: Request) -> int:
        """Send a request; its ticket."""
        ticket = next(self.tickets)
        self.orders.append(Ask(peer, ticket, request, limits.SYNC_TIMEOUT_S))
        return ticket

    def moved(self, seals: int, now_s: float) -> None:
        """So many more seals are good."""
        self.verified += seals
        self.pace += seals
        if self.pace >= limits.SYNC_PACE:
            self.pace, self.moved_s = 0, now_s
