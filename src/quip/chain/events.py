"""What the chain tells its subscribers, in order, after the store has committed.

An import that moves the head gives Disconnected for every block that leaves (the old head first), Connected for every
block that enters (the lowest first), then one HeadChanged. A block on a side branch gives nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header


@dataclass(frozen=True, slots=True)
class Head:
    """The canonical chain's last block."""

    hash: bytes
    header: Header
    context: BlockContext


@dataclass(frozen=True, slots=True)
class Connected:
    """A block joined the canonical chain."""

    hash: bytes
    header: Header


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A block left the canonical chain in a reorganisation."""

    hash: bytes
    header: Header


@dataclass(frozen=True, slots=True)
class HeadChanged:
    """The head moved; `depth` canonical blocks left for it."""

    old: Head
    new: Head
    depth: int


ChainEvent: TypeAlias = Connected | Disconnected | HeadChanged
Subscriber: TypeAlias = Callable[[ChainEvent], None]
