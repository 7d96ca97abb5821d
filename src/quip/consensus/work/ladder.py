"""The ladder: how far below its instance's baseline a proof must be, as a function of the level.

A table of points (level, margin), strictly increasing in both; between two points the margin is interpolated
linearly and floored; outside the table nothing is defined. Levels are log2(work) in 16.16 fixed point, margins are in
units of 1/512 energy.

>>> margin_at(((0, -100), (10, 0), (20, 5)), 15)
2
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[int, int]


def margin_at(ladder: Sequence[Point], level: int) -> int:
    """The margin at a level within the table. Raises ValueError outside it (our bug: `spec` checks the cover)."""
    if not ladder[0][0] <= level <= ladder[-1][0]:
        raise ValueError(f"level {level} is outside the ladder {ladder[0][0]}..{ladder[-1][0]}")
    index = min(bisect_right(ladder, (level, ladder[-1][1])), len(ladder) - 1)
    low_level, low_margin = ladder[index - 1]
    high_level, high_margin = ladder[index]
    return low_margin + (high_margin - low_margin) * (level - low_level) // (high_level - low_level)


def fault_of(ladder: Sequence[Point], low: int, high: int) -> str | None:
    """Why the table is no ladder for the levels low..high; None if it is one."""
    if len(ladder) < 2:
        return "a ladder has at least two points"
    for (level, margin), (next_level, next_margin) in pairwise(ladder):
        if next_level <= level or next_margin <= margin:
            return f"not strictly increasing after level {level}"
    if ladder[0][0] > low or ladder[-1][0] < high:
        return f"covers {ladder[0][0]}..{ladder[-1][0]}, not {low}..{high}"
    return None
