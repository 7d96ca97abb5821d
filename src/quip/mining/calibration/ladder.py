"""From prices to a spec's ladder, level bounds and the miner's plans. A pure function of the summary."""

import math
from dataclasses import dataclass

from quip.consensus.work.ladder import Point
from quip.mining.calibration.pricing import AnnealPlan, PriceList
from quip.mining.calibration.spec_update import Calibration
from quip.mining.calibration.summary import Summary
from quip.mining.plan import PlanTable

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
    digest: str
    """Of the graph, in hex."""
    strategies: tuple[tuple[int, AnnealPlan], ...]
    """(level from which it is the cheapest, strategy), ascending."""

    @property
    def plans(self) -> PlanTable:
        """The miner's plans."""
        return PlanTable(self.digest, tuple((level, strategy.staged()) for level, strategy in self.strategies))

    def strategy_at(self, level: int) -> AnnealPlan:
        """The strategy for a level (16.16)."""
        below = [strategy for start, strategy in self.strategies if start <= level]
        return below[-1] if below else self.strategies[0][1]


def level_of(updates: float) -> int:
    """log2(work) in 16.16 of an expected cost in spin updates."""
    return round(math.log2(updates / UNIT) * ONE)


def build_ladder(summary: Summary, start_seconds: float) -> Ladder:
    """The ladder; `start_seconds`: core-seconds that a proof at the start level costs on the measuring machine."""
    prices = PriceList(summary)
    low_margin, high_margin = _bracket(prices, summary)
    lo = -(-level_of(summary.corrected(prices.cheapest(low_margin).updates) * FLOOR_SHARE) // STEP) * STEP
    start = max(lo, level_of(summary.updates_per_second * start_seconds))
    hi = start + HEADROOM
    points: list[Point] = []
    plans: list[tuple[int, AnnealPlan]] = []
    for level in range(lo, hi + STEP, STEP):
        low_margin = points[-1][1] if points else low_margin
        margin = _margin_at(prices, summary, level, (low_margin, high_margin))
        if points and margin <= points[-1][1]:
            continue
        points.append((level, margin))
        plan = prices.cheapest(margin).plan
        if not plans or plans[-1][1] != plan:
            plans.append((level, plan))
    cap = round(summary.baseline_mean + CAP_SD * summary.baseline_sd)
    calibration = Calibration(tuple(points), cap, start, lo, hi)
    return Ladder(calibration, summary.graph, tuple(plans))


def _bracket(prices: PriceList, summary: Summary) -> tuple[float, float]:
    """Margins that are surely too easy and too hard."""
    easiest = min(effort.margin_mean - 8 * effort.margin_sd for effort in summary.efforts)
    hardest = max(effort.margin_mean + 12 * effort.margin_sd for effort in summary.efforts)
    while prices.cheapest(easiest).proof_share < 0.999:
        easiest -= max(effort.margin_sd for effort in summary.efforts)
    return easiest, hardest


def _margin_at(prices: PriceList, summary: Summary, level: int, bracket: tuple[float, float]) -> int:
    """The margin whose cheapest proof costs 2^level, floored."""
    target = UNIT * 2 ** (level / ONE)
    low, high = bracket
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        try:
            dear = summary.corrected(prices.cheapest(middle).updates) > target
        except ValueError:
            dear = True
        if dear:
            high = middle
        else:
            low = middle
    return math.floor(low)
