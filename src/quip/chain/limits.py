"""Everything in the chain that can grow has a bound, and a reason."""

from __future__ import annotations

MAX_BRANCH_DEPTH = 64
"""Blocks below the head at which a branch may leave the canonical chain before its work is known (protocol: 64)."""
CACHED_BLOCKS = 2_048
"""Headers and contexts kept in memory, under 2 kB each: a few hundred blocks of history plus side branches."""
CACHED_FORKS = 4_096
"""Side blocks whose fork point is remembered, about 200 bytes each."""
CACHED_ANCESTRIES = 16
"""Tips whose ancestry is kept, 40 kB each: the head, its rivals and what was built last."""
INVALID_HASHES = 4_096
"""Hashes known to be invalid, 32 bytes each; an evicted one is only judged again."""
FUTURE_BLOCKS = 64
"""Blocks that came too early; nobody honest is ahead by more than a few."""
FUTURE_BYTES = 32 << 20
"""The same in bytes: four of the largest blocks."""
FUTURE_WAIT_S = 3_600
"""Seconds that an early block is kept for; a clock further off is not worth the room."""
SIDE_BLOCK_WORTH = 6
"""A single block lighter than the head by this many blocks' work is not stored: sync decides, if its branch grows."""
