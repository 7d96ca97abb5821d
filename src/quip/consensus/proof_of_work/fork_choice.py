"""Which of two fully verified tips is the chain, and how deep a block is buried.

Only work counts: never height, timestamps or energies. Ties keep the first seen.
"""

from __future__ import annotations

from quip.consensus.work.units import work

SAFE_BLOCKS = 6
"""Blocks' worth of work (at the block's own controller) above a `safe` block."""
FINALIZED_BLOCKS = 64
"""The same for a `finalized` block. A label, no limit on reorganisations."""


def is_heavier(candidate_total: int, head_total: int) -> bool:
    """True if a tip of total difficulty `candidate_total` replaces a head of `head_total`."""
    return candidate_total > head_total


def is_buried(head_total: int, block_total: int, block_controller: int, blocks: int) -> bool:
    """True if the work above a block is at least `blocks` * work(c(number of the block))."""
    return head_total - block_total >= blocks * work(block_controller)
