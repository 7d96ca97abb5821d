"""Is a single block worth its room? Asked of every block that comes by itself, wherever it comes in."""

from __future__ import annotations

from quip.chain.events import Head
from quip.chain.limits import SIDE_BLOCK_WORTH
from quip.consensus.work.units import work


def is_worth_storing(head: Head, total_difficulty: int) -> bool:
    """True unless a block of that total difficulty is lighter than the head by SIDE_BLOCK_WORTH blocks or more."""
    return total_difficulty > head.context.total_difficulty - SIDE_BLOCK_WORTH * work(head.context.controller)
