"""The survey of a staged plan: random instances through all its stages, none cut, and the chain fitted to them.

What a stage measures is one number an instance. Before there are elites it is turned into a prediction of what the
elites will reach at first, by regression on it and on B; afterwards it is the margin that they reach. `fitted` makes of
it the chain of `stages`: normal steps from one number to the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quip._native import ising
from quip.ising.puzzle import Puzzle
from quip.mining.attempt import Effort, Workbench
from quip.mining.calibration.measure import Progress, instance_seed
from quip.mining.calibration.stages import Chain, StagedPrice, Step
from quip.mining.plan import Anneal, Cut, Found, Measured, Plan, Probe, Round, Screen, Stage, plan_document, plan_of
from quip.mining.samplers.sampler import Sampler

WORST = -1e18
"""What every instance is better than."""
NEVER = 1 << 62
"""A margin that no set meets."""
LEAST_INSTANCES = 20


class TooFewTrajectories(ValueError):
    """A line through so few instances says nothing."""


@dataclass(frozen=True, slots=True)
class StageFit:
    """One stage that measures something, with those before it that do not."""

    stages: int
    """How many of the plan's stages are played when it has measured."""
    updates: float
    """Mean spin updates since the last stage that measured."""
    crossing_s: float
    """Mean processor time of crossing and recruiting since then."""
    proves: bool
    """The value is a margin that the elites reach; else a prediction."""
    weights: tuple[float, float, float]
    """The value is weights[0] B + weights[1] * (what was measured) + weights[2]."""
    slope: float
    constant: float
    sd: float
    """next = slope last + constant + sd N(0, 1); of the first one constant and sd are its mean and deviation."""
    correlation: float
    """Of the value with what the elites reach in the end."""


@dataclass(frozen=True, slots=True)
class Trajectories:
    """A survey in numbers, margins in 1/512 energy."""

    plan: list[dict[str, Any]]
    """The stages, without cuts."""
    instances: int
    seed: int
    fits: tuple[StageFit, ...]
    final_mean: float
    """Of the margins reached in the end."""
    final_sd: float

    def chain(self, entry_updates: float, updates_per_second: float) -> Chain:
        """For `stages`; `updates_per_second` turns crossing into spin updates."""
        first, *rest = self.fits
        steps = [
            Step(fit.updates + fit.crossing_s * updates_per_second, fit.slope, fit.constant, fit.sd, fit.proves)
            for fit in rest
        ]
        return Chain(entry_updates + first.updates, first.constant, first.sd, tuple(steps))

    def plan_at(self, price: StagedPrice, margin: float) -> Plan:
        """The plan with the cuts of a price: relative to the margin, so that they move with it."""
        stages = list(plan_of(self.plan).stages)
        for fit, cut in zip(self.fits, price.cuts, strict=False):
            index = fit.stages - 1
            if math.isinf(cut):  # it never pays to go on
                return Plan(tuple(stages[: index + 1]))
            stages[index] = _with_cut(stages[index], fit, margin - cut)
        return Plan(tuple(stages))


@dataclass(frozen=True, slots=True)
class TrajectorySurvey:
    """How much to measure."""

    plan: Plan
    instances: int
    seed: int
    threads: int


def trajectories(puzzle: Puzzle, sampler: Sampler, todo: TrajectorySurvey, progress: Progress) -> Trajectories:
    """Plays every stage on every instance; the same seed measures the same values. Raises TooFewTrajectories."""
    plan = uncut(todo.plan)
    bench = Workbench(puzzle, sampler, ising.CancelFlag())
    efforts: list[Effort] = []
    with ThreadPoolExecutor(todo.threads) as pool:
        seeds = (instance_seed(todo.seed, number, b"trajectory") for number in range(todo.instances))
        for effort in pool.map(lambda seed: bench.attempt(seed, NEVER, plan), seeds):
            efforts.append(effort)
            progress(len(efforts), todo.instances)
    return fitted(plan, efforts, todo.seed)


def fitted(plan: Plan, efforts: Sequence[Effort], seed: int) -> Trajectories:
    """The chain that describes these attempts best (least squares). Raises TooFewTrajectories."""
    whole = [effort for effort in efforts if all(math.isfinite(mark.value) for mark in effort.marks)]
    if len(whole) < LEAST_INSTANCES:
        raise TooFewTrajectories(f"{len(whole)} instances found enough elites; at least {LEAST_INSTANCES} are needed")
    marks = whole[0].marks
    measured = np.array([[mark.value for mark in effort.marks] for effort in whole])
    updates = _means([[mark.spin_updates for mark in effort.marks] for effort in whole])
    crossing = _means([[mark.crossing_s for mark in effort.marks] for effort in whole])
    totals = np.array([float(effort.total) for effort in whole])
    proves = [isinstance(plan.stages[mark.stages - 1], Found | Round) for mark in marks]
    reached = measured[:, proves.index(True)]
    weights = [
        (0.0, 1.0, 0.0) if proof else _prediction(totals, values, reached)
        for proof, values in zip(proves, measured.T, strict=True)
    ]
    chain = np.stack([w[0] * totals + w[1] * values + w[2] for w, values in zip(weights, measured.T, strict=True)])
    last = chain[-1]
    fits = []
    for index, mark in enumerate(marks):
        slope, constant, sd = _step(chain[index - 1], chain[index]) if index else (0.0, chain[0].mean(), chain[0].std())
        fits.append(
            StageFit(
                mark.stages, updates[index], crossing[index], proves[index], weights[index],
                _short(slope), _short(constant), _short(sd), _short(np.corrcoef(chain[index], last)[0, 1]),
            )
        )  # fmt: skip
    shape = _short(last.mean()), _short(last.std())
    return Trajectories(plan_document(plan), len(whole), seed, tuple(fits), *shape)


def _means(sums: Sequence[Sequence[float]]) -> list[float]:
    """Mean of what each stage added to a running sum."""
    return [_short(mean) for mean in np.diff(np.array(sums), axis=1, prepend=0.0).mean(axis=0)]


def _prediction(
    totals: NDArray[np.float64], values: NDArray[np.float64], reached: NDArray[np.float64]
) -> tuple[float, float, float]:
    columns = np.column_stack([totals, values, np.ones(len(totals))])
    weights, *_ = np.linalg.lstsq(columns, reached, rcond=None)
    return float(weights[0]), float(weights[1]), float(weights[2])


def _step(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float, float]:
    slope, constant = np.polyfit(before, after, 1)
    rest = after - slope * before - constant
    return float(slope), float(constant), float(rest.std(ddof=2))


def uncut(plan: Plan) -> Plan:
    """The plan with every instance going through all of it."""
    return Plan(tuple(_uncut(stage) for stage in plan.stages))


def _uncut(stage: Stage) -> Stage:
    match stage:
        case Screen(Cut(of)) | Probe(cut=Cut(of)) if of is not Measured.REACHED:
            return replace(stage, cut=Cut(of, least=WORST))
        case Screen() | Anneal() | Found() | Round():
            return replace(stage, cut=None)
        case _:
            return stage


def _with_cut(stage: Stage, fit: StageFit, slack: float) -> Stage:
    baseline, value, constant = (_short(weight) for weight in fit.weights)
    match stage:
        case Screen(Cut(of)) | Probe(cut=Cut(of)):
            return replace(stage, cut=Cut(of, value, baseline, constant, _short(slack)))
        case Found() | Round():
            return replace(stage, cut=Cut(Measured.REACHED, slack=_short(slack)))
        case _:
            raise TypeError(f"a {type(stage).__name__} measures nothing")


def _short(value: float) -> float:
    return float(f"{value:.7g}")
