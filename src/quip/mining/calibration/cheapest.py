"""The cheapest plan at a margin: on large graphs one of the annealing strategies, or the staged plan under the best
cuts there; on small ones a screened plan (of which annealing every instance is one)."""

from __future__ import annotations

import math

from quip.mining.calibration.pricing import PriceList
from quip.mining.calibration.screened import ScreenedPrices
from quip.mining.calibration.stages import StagePrices
from quip.mining.calibration.summary import Summary
from quip.mining.plan import Plan

STEP = 1_024
"""Margins between which the logarithm of the staged plan's price is interpolated (2 energy)."""


class Cheapest:
    """Prices of a summary, corrected by its pilots."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._annealing = PriceList(summary)
        self._staged = None
        self._screened = None
        if summary.screened is not None:
            self._screened = ScreenedPrices(summary.screened, summary.costs)
        if summary.staged is not None:
            chain = summary.staged.chain(summary.costs.entry, summary.kernel_updates_per_second)
            self._staged = StagePrices(chain)
        self._nodes: dict[int, float] = {}

    def updates(self, margin: float) -> float:
        """Spin updates a proof; inf where no plan ever reaches the margin."""
        if self._screened is not None:
            return self._summary.corrected(self._screened.updates(margin))
        return self._summary.corrected(min(self._annealing_updates(margin), self._staged_updates(margin)))

    def plan(self, margin: float) -> Plan:
        """The plan. Raises ValueError where none ever reaches the margin."""
        if self._screened is not None:
            return self._screened.plan(margin)
        staged = self._staged_updates(margin)
        if self._staged is None or self._summary.staged is None or self._annealing_updates(margin) <= staged:
            return self._annealing.cheapest(margin).plan.staged()
        return self._summary.staged.plan_at(self._staged.at(margin), margin)

    def bracket(self) -> tuple[float, float]:
        """Margins that are surely too easy and too hard."""
        if self._screened is not None:
            return self._screened.bracket()
        efforts = self._summary.efforts
        easiest = min(effort.margin_mean - 8 * effort.margin_sd for effort in efforts)
        hardest = max(effort.margin_mean + 12 * effort.margin_sd for effort in efforts)
        if self._summary.staged is not None:
            hardest = max(hardest, self._summary.staged.final_mean + 12 * self._summary.staged.final_sd)
        while self._annealing.cheapest(easiest).proof_share < 0.999:
            easiest -= max(effort.margin_sd for effort in efforts)
        return easiest, hardest

    def _annealing_updates(self, margin: float) -> float:
        try:
            return self._annealing.cheapest(margin).updates
        except ValueError:
            return math.inf

    def _staged_updates(self, margin: float) -> float:
        if self._staged is None:
            return math.inf
        below = math.floor(margin / STEP)
        low, high = self._node(below), self._node(below + 1)
        if not math.isfinite(low + high):
            return math.inf
        return math.exp(low + (high - low) * (margin / STEP - below))

    def _node(self, index: int) -> float:
        """Logarithm of the staged plan's price at a multiple of STEP."""
        if index not in self._nodes:
            assert self._staged is not None, "asked for only where there is a staged plan"
            try:
                self._nodes[index] = math.log(self._staged.at(float(index * STEP)).updates)
            except ValueError:
                self._nodes[index] = math.inf
        return self._nodes[index]
