"""What a strategy costs per valid proof, in spin updates, from a summary alone.

Margins are turned into normal scores: in the bulk by the measured quantiles, in the tail by the fitted line. Instances
have a latent quality a (what their runs have in common); a score is sqrt(c) a plus luck, c the correlation of
two runs. Probe value and quality are jointly normal. A strategy anneals the instances whose probe passes the cut, up to
1 + retries times:

    cost per proof = (gate + baseline + probe + E[anneals] * anneal) / P[proof]

with both expectations integrated over a.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from quip.ising.puzzle import REPLICAS
from quip.mining.calibration.summary import EffortSummary, Summary
from quip.mining.plan import Plan, annealing_plan

SHARES = (0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.06, 0.03, 0.015, 0.007)
"""Of the probed instances, kept for the anneal."""
RETRIES = (0, 1, 3)
LEAST_CORRELATION = 0.05
"""A probe that tells less is not considered."""
BUCKET = 1_024
"""Margins (1/512 energy) between which contenders are looked for once."""
CONTENTION = 2.0
"""A strategy this much dearer than the best at both ends of a bucket is not the best inside."""
NODES = 201
SPAN_SD = 9.0
"""The integral runs over this many sd on both sides: enough for costs of 10^15 attempts."""

_GRID = np.arange(-12.0, 37.0, 0.005)
_LOG_UPPER = np.array([math.log(0.5 * math.erfc(z / math.sqrt(2))) for z in _GRID])


def _upper(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """P[N(0,1) > z], to a relative 1e-5, from a table of logarithms."""
    return np.asarray(np.exp(np.interp(z, _GRID, _LOG_UPPER)), dtype=np.float64)


class Scores:
    """Normal scores of one effort's margins: P[margin >= M] = P[N(0,1) > score(M)]."""

    def __init__(self, effort: EffortSummary) -> None:
        normal = NormalDist()
        self._effort = effort
        self._tail = normal.inv_cdf(1 - effort.tail_share)
        shares = np.linspace(0, 1, len(effort.quantiles)) * (1 - effort.unsolved) + effort.unsolved
        known = (shares > 0.005) & (shares < 1 - effort.tail_share - 0.005)
        scores = [normal.inv_cdf(float(share)) for share in shares[known]]
        margins = list(np.array(effort.quantiles)[known])
        self._scores = np.array([*scores, self._tail])
        self._margins = np.maximum.accumulate([*margins, self._line(self._tail)])

    def _line(self, score: float) -> float:
        return self._effort.margin_mean + self._effort.margin_sd * score

    def at(self, margin: float) -> float:
        """The score of a margin."""
        if margin >= self._margins[-1]:
            return max(self._tail, (margin - self._effort.margin_mean) / self._effort.margin_sd)
        if margin <= self._margins[0]:
            return float(self._scores[0] + (margin - self._margins[0]) / self._effort.margin_sd)
        return float(np.interp(margin, self._margins, self._scores))


@dataclass(frozen=True, slots=True)
class AnnealPlan:
    """A strategy as it is priced; see `annealing_plan`."""

    sweeps: int
    probe_sweeps: int = 0
    probe_margin: int = 0
    retries: int = 0

    def staged(self) -> Plan:
        """As the miner runs it."""
        return annealing_plan(self.sweeps, self.probe_sweeps, self.probe_margin, self.retries)


@dataclass(frozen=True, slots=True)
class Price:
    """A strategy's expectation."""

    plan: AnnealPlan
    updates: float
    """Expected cost per valid proof, in spin updates."""
    proof_share: float
    """Proofs per instance drawn."""


@dataclass(frozen=True, slots=True)
class _Strategy:
    effort: EffortSummary
    probe: EffortSummary | None
    correlation: float
    share: float
    retries: int


class PriceList:
    """Prices of all strategies of a summary."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._strategies = self._all()
        tables = [self._prepare(strategy) for strategy in self._strategies]
        self._near: dict[int, NDArray[np.intp]] = {}
        self._scores = [Scores(effort) for effort in summary.efforts]
        self._effort = np.array([summary.efforts.index(strategy.effort) for strategy in self._strategies])
        self._quality = np.array([table[0] for table in tables])
        self._weights = np.array([table[1] for table in tables])
        self._luck = np.array([[table[2]] for table in tables])
        self._tries = np.array([[1.0 + strategy.retries] for strategy in self._strategies])
        self._anneal = np.array([self._updates(strategy.effort.sweeps) for strategy in self._strategies])
        self._entry = np.array([self._entry_updates(strategy) for strategy in self._strategies])

    def cheapest(self, margin: float) -> Price:
        """The cheapest strategy at a margin. Raises ValueError if none ever reaches it."""
        rows = self._contenders(int(margin // BUCKET))
        costs, shares = self._price(rows, margin)
        index = int(costs.argmin())
        if not np.isfinite(costs[index]):
            raise ValueError(f"no strategy ever reaches a margin of {margin}")
        return Price(self._plan(self._strategies[int(rows[index])]), float(costs[index]), float(shares[index]))

    def _contenders(self, bucket: int) -> NDArray[np.intp]:
        """The strategies that can be cheapest somewhere in a bucket of margins: near the best at one of its ends."""
        if bucket not in self._near:
            everything = np.arange(len(self._strategies))
            near = np.zeros(len(everything), dtype=bool)
            for end in (bucket, bucket + 1):
                costs, _ = self._price(everything, end * float(BUCKET))
                near |= costs <= CONTENTION * costs.min()
            self._near[bucket] = everything[near]
        return self._near[bucket]

    def price(self, plan: AnnealPlan, margin: float) -> Price:
        """The price of a plan that is on the list. Raises KeyError on another."""
        for index, strategy in enumerate(self._strategies):
            if self._plan(strategy) == plan:
                costs, shares = self._price(np.array([index]), margin)
                return Price(plan, float(costs[0]), float(shares[0]))
        raise KeyError(plan)

    def _updates(self, sweeps: int) -> float:
        return float(REPLICAS * self._summary.spins * sweeps)

    def _entry_updates(self, strategy: _Strategy) -> float:
        """Gate, baseline and probe of one instance."""
        summary = self._summary
        gate = summary.gate_updates
        probe = strategy.probe.sweeps if strategy.probe is not None else 0
        return gate + self._updates(summary.baseline_sweeps + probe)

    def _all(self) -> list[_Strategy]:
        out: list[_Strategy] = []
        efforts = self._summary.efforts
        for s, effort in enumerate(efforts):
            out.extend(_Strategy(effort, None, 0.0, 1.0, retries) for retries in RETRIES)
            for p, probe in enumerate(efforts[:s]):
                # A probe no longer than the baseline tells of the baseline's luck, not of the instance.
                correlation = self._summary.correlations[p][s]
                if probe.sweeps > self._summary.baseline_sweeps and correlation > LEAST_CORRELATION:
                    out.extend(
                        _Strategy(effort, probe, correlation, share, retries) for share in SHARES for retries in RETRIES
                    )
        return out

    def _plan(self, strategy: _Strategy) -> AnnealPlan:
        probe = strategy.probe
        if probe is None:
            return AnnealPlan(strategy.effort.sweeps, retries=strategy.retries)
        cut = probe.probe_mean + probe.probe_sd * NormalDist().inv_cdf(1 - strategy.share)
        return AnnealPlan(strategy.effort.sweeps, probe.sweeps, round(cut), strategy.retries)

    def _prepare(self, strategy: _Strategy) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Scores that the quality a contributes, weights times the chance to pass the probe, and the sd of luck."""
        common = min(max(strategy.effort.run_correlation, 0.0), 0.999)
        z = np.linspace(-SPAN_SD, SPAN_SD, NODES)
        weights = np.exp(-z * z / 2)
        weights /= weights.sum()
        if strategy.probe is not None:
            # Correlation with the quality itself: luck weakens it.
            with_quality = min(strategy.correlation / math.sqrt(max(common, 1e-6)), 0.999)
            cut = NormalDist().inv_cdf(1 - strategy.share)
            weights = weights * _upper((cut - with_quality * z) / math.sqrt(1 - with_quality**2))
        return math.sqrt(common) * z, weights, math.sqrt(1 - common)

    def _price(self, rows: NDArray[np.intp], margin: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cost per proof and proofs per instance of some strategies."""
        weights, tries = self._weights[rows], self._tries[rows]
        needed = np.array([scores.at(margin) for scores in self._scores])[self._effort[rows]]
        solved = _upper((needed[:, None] - self._quality[rows]) / self._luck[rows])
        solved = np.clip(solved, 1e-300, 1 - 1e-12)
        within = -np.expm1(tries * np.log1p(-solved))  # P[one of the tries succeeds]
        proofs = (weights * within).sum(axis=1)
        anneals = (weights * within / solved).sum(axis=1)  # 1 + f + ... + f^retries, f = 1 - solved
        with np.errstate(divide="ignore", over="ignore"):
            costs = (self._entry[rows] + anneals * self._anneal[rows]) / proofs
        return np.where(proofs > 1e-250, costs, np.inf), proofs
