"""The raw summary: everything that pricing needs, small enough to keep in the repository.

Every margin is described by its quantiles over instances, and above them by a normal distribution fitted to the
upper tail of what was measured (a line through the normal scores).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quip.ising.puzzle import REPLICAS
from quip.mining.calibration.measure import Measurement
from quip.mining.calibration.screened import Costs, Counted, Screened, Screening
from quip.mining.calibration.tail import fitted_tail, tail_size
from quip.mining.calibration.trajectories import StageFit, Trajectories

QUANTILES = 101
POOL = 1.4


@dataclass(frozen=True, slots=True)
class EffortSummary:
    """One number of sweeps."""

    sweeps: int
    probe_mean: float
    probe_sd: float
    margin_mean: float
    """Of the normal distribution fitted to the tail."""
    margin_sd: float
    tail_share: float
    """Of the runs, those that the tail was fitted to; the fit holds above them, the quantiles below."""
    run_correlation: float
    """Of two runs' margins on one instance: the instance's share of the variance."""
    unsolved: float
    """Share of runs without any diverse set."""
    quantiles: tuple[float, ...]
    """Of the margins reached, 0 % to 100 %, as measured."""


@dataclass(frozen=True, slots=True)
class Pilot:
    """What mining showed at one level before the ladder was made."""

    updates: float
    """Per proof, as priced from the survey."""
    ratio: float
    """Measured over priced."""
    proofs: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A survey in numbers. Margins, probes and baselines in 1/512 energy."""

    name: str
    graph: str
    spins: int
    baseline_sweeps: int
    gate_bits: int
    instances: int
    seed: int
    baseline_mean: float
    baseline_sd: float
    gate_hash_updates: float
    """Spin updates that one gate hash is worth (both timed side by side)."""
    updates_per_second: float
    """Of one core running the cheapest plan at the start level, all overhead included."""
    efforts: tuple[EffortSummary, ...]
    correlations: tuple[tuple[float, ...], ...]
    """[p][s]: of the probe value at effort p and the margin at effort s."""
    machine: str
    pilots: tuple[Pilot, ...] = ()
    """By rising cost; none where the survey alone is exact enough."""
    kernel_updates_per_second: float = 0.0
    """Of one core that does nothing but sweeps: what crossing's time is worth in spin updates."""
    staged: Trajectories | None = None
    """Of the staged plan, on large graphs."""
    screened: Screened | None = None
    """Of plans that start with what the baseline holds, on small ones; annealing without a screen is one of them."""

    @property
    def gate_updates(self) -> float:
        """What finding an instance behind the gate costs, in spin updates."""
        return self.gate_hash_updates * float(1 << self.gate_bits)

    @property
    def costs(self) -> Costs:
        """What looking at an instance and annealing it cost."""
        sweep = float(REPLICAS * self.spins)
        return Costs(self.gate_updates + sweep * self.baseline_sweeps, sweep)

    def corrected(self, updates: float) -> float:
        """A priced cost with the pilots' ratios applied: constant below the cheapest.

        The staged plan's prices err in the spread of a normal tail, which is a straight line in logarithms: it is
        fitted to the pilots (weighted by proofs) and goes on above them. Counted prices are corrected from pilot to
        pilot.
        """
        if not self.pilots or math.isinf(updates):
            return updates
        costs = np.log([pilot.updates for pilot in self.pilots])
        ratios = np.log([pilot.ratio for pilot in self.pilots])
        if self.staged is None or len(self.pilots) < 3:
            return updates * math.exp(float(np.interp(math.log(updates), costs, ratios)))
        weights = np.sqrt([pilot.proofs for pilot in self.pilots])
        slope, constant = np.polyfit(costs, ratios, 1, w=weights)
        return updates * math.exp(float(slope) * max(math.log(updates), float(costs[0])) + float(constant))


def parse_summary(document: Mapping[str, Any]) -> Summary:
    """The reverse of `asdict`. Raises KeyError or TypeError on anything else."""
    efforts = tuple(
        EffortSummary(**{**effort, "quantiles": tuple(effort["quantiles"])}) for effort in document["efforts"]
    )
    correlations = tuple(tuple(row) for row in document["correlations"])
    pilots = tuple(Pilot(**pilot) for pilot in document.get("pilots", ()))
    staged, screened = document.get("staged"), document.get("screened")
    if staged is not None:
        fits = tuple(StageFit(**{**fit, "weights": tuple(fit["weights"])}) for fit in staged["fits"])
        staged = Trajectories(**{**staged, "fits": fits})
    if screened is not None:
        points = tuple(Counted(**{**point, "plan": Screening(**point["plan"])}) for point in screened["points"])
        looked, played = tuple(screened["instances"]), tuple(screened["played"])
        screened = Screened(**{**screened, "points": points, "instances": looked, "played": played})
    read = {"efforts": efforts, "correlations": correlations, "pilots": pilots, "staged": staged, "screened": screened}
    return Summary(**{**document, **read})


def pooled(pilots: Sequence[Pilot]) -> tuple[Pilot, ...]:
    """By rising cost, those that are priced within POOL of each other as one: their cost over their proofs."""
    out: list[Pilot] = []
    for pilot in sorted(pilots, key=lambda one: one.updates):
        if out and pilot.updates < POOL * out[-1].updates:
            out.append(_pooled(out.pop(), pilot))
        else:
            out.append(pilot)
    return tuple(out)


def _pooled(one: Pilot, other: Pilot) -> Pilot:
    proofs = one.proofs + other.proofs
    share, rest = one.proofs / proofs, other.proofs / proofs
    return Pilot(one.updates**share * other.updates**rest, one.ratio * share + other.ratio * rest, proofs)


def effort_summaries(measured: Measurement) -> tuple[EffortSummary, ...]:
    """One summary per effort."""
    return tuple(_effort(measured, index) for index in range(len(measured.sweeps)))


def _effort(measured: Measurement, index: int) -> EffortSummary:
    margins = measured.margins[:, index, :]
    probes = measured.probes[:, index]
    ran = margins[~np.isnan(margins)]
    solved = ran[np.isfinite(ran)]
    twice = margins[np.isfinite(margins).all(axis=1)]
    mean, sd = fitted_tail(np.sort(ran))
    levels = np.linspace(0, 1, QUANTILES)
    quantiles = np.quantile(solved, levels) if len(solved) else np.zeros(QUANTILES)
    return EffortSummary(
        sweeps=measured.sweeps[index],
        probe_mean=_short(probes.mean()),
        probe_sd=_short(probes.std()),
        margin_mean=_short(mean),
        margin_sd=_short(sd),
        tail_share=_short(tail_size(len(ran)) / len(ran)),
        run_correlation=_short(_correlation(twice[:, 0], twice[:, 1])),
        unsolved=_short(1 - len(solved) / len(ran)),
        quantiles=tuple(_short(value) for value in quantiles),
    )


def correlations(measured: Measurement) -> tuple[tuple[float, ...], ...]:
    """[p][s] of probe values and margins; those of one effort (p = s) come from the same run and price nothing."""
    table = []
    for probe in range(len(measured.sweeps)):
        row = []
        for effort in range(len(measured.sweeps)):
            margins = measured.margins[:, effort, 0]
            solved = np.isfinite(margins)
            row.append(_short(_correlation(measured.probes[solved, probe], margins[solved])))
        table.append(tuple(row))
    return tuple(table)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.clip(np.corrcoef(a, b)[0, 1], -0.999, 0.999))


def _short(value: Any) -> float:
    return float(f"{float(value):.7g}")
