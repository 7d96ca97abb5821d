"""How long a block should take this node, and how its luck was.

A level's work is what a proof of it costs on average, in 1,000 spin updates, when mined by the cheapest plan: that is
what calibration measured. Divided by the measured speed it is a time; what was found, divided by what the work done
should have found, is luck.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from quip.mining.worker import UPDATES_PER_WORK, MinerStatistics

BLOCKS = 100


def expected_s(work: int, found: Sequence[MinerStatistics]) -> float | None:
    """Mean seconds to a block of these miners together; None while no speed is known."""
    speed = sum(one.updates_per_s or 0.0 for one in found)
    return round(UPDATES_PER_WORK * work / speed, 1) if speed else None


class Luck:
    """Valid sets found and expected over the last BLOCKS blocks of the chain. One thread at a time."""

    def __init__(self) -> None:
        self._totals: deque[tuple[int, float]] = deque([(0, 0.0)], maxlen=BLOCKS + 1)
        """Found and expected since the start, as they stood at each of the last heads."""

    def passed(self, blocks: int, found: int, expected: float) -> None:
        """The head is `blocks` further; with what was found and expected since the start."""
        self._totals.extend([(found, expected)] * min(blocks, BLOCKS + 1))

    def object(self, found: int, expected: float) -> dict[str, Any]:
        """For quip_getStatus; `ratio` is None until a set was to be expected."""
        first_found, first_expected = self._totals[0]
        found, expected = found - first_found, expected - first_expected
        return {
            "blocks": len(self._totals) - 1,
            "found": found,
            "expected": round(expected, 3),
            "ratio": round(found / expected, 3) if expected >= 1 else None,
        }
