"""From prices to a spec's ladder, level bounds and the miner's plans. A pure function of the summary."""

import math
from dataclasses import dataclass

from quip.consensus.work.ladder import Point
from quip.mining.calibration.cheapest import Cheapest
from quip.mining.calibration.spec_update import Calibration
from quip.mining.calibration.summary import Summary
from quip.mining.plan import Plan, PlanTable

UNIT = 1000
"""Spin updates in one unit of work."""
ONE = 1 << 16
STEP = ONE // 2
"""Levels between two points."""
HEADROOM = 20 * ONE
"""hi lies this far above the start: a million times the work."""
CAP_SD = 8
BISECTIONS = 30
FLOOR_SHARE = 1.02
"""The lowest level costs this much more than the cheapest proof there is: below, nothing gets cheaper."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """What goes into a spec, and what the miner goes by."""

    calibration: Calibration
    plans: PlanTable


def level_of(updates: float) -> int:
    """log2(work) in 16.16 of an expected cost in spin updates."""
    return round(math.log2(updates / UNIT) * ONE)


def build_ladder(summary: Summary, start_seconds: float) -> Ladder:
    """The ladder; `start_seconds`: core-seconds that a proof at the start level costs on the measuring machine.

    A plan serves from its point up to the next. A staged one is the best halfway: its cuts keep their distance from a
    margin that rises, and those of the point itself make a proof at level 25.49 17 % dearer (23.49: 2.9 times) than the
    best; those of halfway, 4 % (15 %).
    """
    cheapest = Cheapest(summary)
    low_margin, high_margin = cheapest.bracket()
    lo = -(-level_of(cheapest.updates(low_margin) * FLOOR_SHARE) // STEP) * STEP
    start = max(lo, level_of(summary.updates_per_second * start_seconds))
    hi = start + HEADROOM
    ahead = STEP // 2 if summary.staged is not None else 0
    points: list[Point] = []
    plans: list[tuple[int, Plan]] = []
    for level in range(lo, hi + STEP, STEP):
        low_margin = points[-1][1] if points else low_margin
        margin = _margin_at(cheapest, level, (low_margin, high_margin))
        if points and margin <= points[-1][1]:
            continue
        points.append((level, margin))
        plan = cheapest.plan(_margin_at(cheapest, level + ahead, (margin, high_margin)))
        if not plans or plans[-1][1] != plan:
            plans.append((level, plan))
    cap = round(summary.baseline_mean + CAP_SD * summary.baseline_sd)
    calibration = Calibration(tuple(points), cap, start, lo, hi)
    return Ladder(calibration, PlanTable(summary.graph, tuple(plans)))


def _margin_at(cheapest: Cheapest, level: int, bracket: tuple[float, float]) -> int:
    """The margin whose cheapest proof costs 2^level, floored."""
    target = UNIT * 2 ** (level / ONE)
    low, high = bracket
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if cheapest.updates(middle) > target:
            high = middle
        else:
            low = middle
    return math.floor(low)
