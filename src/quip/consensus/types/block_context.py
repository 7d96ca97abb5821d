"""What a block's children need to know about the chain below it, carried from block to block.

With the parent's header and the parent's context the requirements of a child are a pure function: no ancestor is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class RecentBlock(NamedTuple):
    """What the difficulty of a block `lag` blocks later depends on."""

    timestamp: int
    """Unix seconds."""
    ommers: int
    """Number of ommers that the block includes."""
    streak: int
    """Number of consecutive blocks, up to and including this one, with this block's miner id; 0 for genesis."""
    ended_streak: int
    """The streak that ended just before that one began; 0 where there was none."""


@dataclass(frozen=True, slots=True)
class BlockContext:
    """Sums and counters up to and including one block. Levels are log2(work) in 16.16 fixed point."""

    total_difficulty: int
    """Sum of the difficulties from genesis to this block, in units of work."""
    controller: int
    """c(n): the controller's level for this block (c(0) = c(1) = ... = start)."""
    next_controller: int
    """c(n + 1): the controller's level for a child of this block."""
    recent: tuple[RecentBlock, ...]
    """Of blocks n - lag (or genesis) to n, the oldest first."""

    @property
    def streak(self) -> int:
        """Of this block: `RecentBlock.streak`."""
        return self.recent[-1].streak

    @property
    def ended_streak(self) -> int:
        """Of this block: `RecentBlock.ended_streak`."""
        return self.recent[-1].ended_streak
