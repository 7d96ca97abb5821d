"""Measuring: baselines, probes and margins reached, on random instances.

Margins are in 1/512 energy. A run's *probe value* is B minus the sum of its 512 energies: how far its mean lies below
the baseline. Its *margin* is the largest one that its samples can prove, distance rule included.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from quip._native import ising
from quip.ising.puzzle import REPLICAS, Puzzle
from quip.mining.samplers.sampler import Sampler

RUNS = 2
"""Anneals of an instance at each effort: two tell what is the instance and what is luck."""
UNBOUNDED = 1 << 30
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured; the first axis is the instance."""

    sweeps: tuple[int, ...]
    baselines: NDArray[np.float64]
    """(instances,)"""
    probes: NDArray[np.float64]
    """(instances, efforts)"""
    margins: NDArray[np.float64]
    """(instances, efforts, RUNS); -inf where no diverse set was found, nan where nothing was run."""


@dataclass(frozen=True, slots=True)
class Survey:
    """How much to measure."""

    sweeps: tuple[int, ...]
    instances: int
    seed: int
    threads: int
    repeat_every: int = 1
    """Only every so-many-th instance gets all RUNS: where instances differ more than runs, more instances tell more."""


def instance_seed(seed: int, number: int, label: bytes = b"calibration") -> bytes:
    """The 32-byte puzzle seed of a survey's instance. (Gate bits do not change what an instance costs.)"""
    return blake2b(number.to_bytes(8, "big"), digest_size=32, key=seed.to_bytes(8, "big"), person=label).digest()


def measure(puzzle: Puzzle, sampler: Sampler, survey: Survey, progress: Progress) -> Measurement:
    """Runs the survey; the same seed measures the same."""
    rows: list[tuple[float, Sequence[float], Sequence[Sequence[float]]]] = []
    with ThreadPoolExecutor(survey.threads) as pool:
        numbers = range(survey.instances)
        for row in pool.map(lambda number: _instance(puzzle, sampler, survey, number), numbers):
            rows.append(row)
            progress(len(rows), survey.instances)
    return Measurement(
        sweeps=survey.sweeps,
        baselines=np.array([row[0] for row in rows]),
        probes=np.array([row[1] for row in rows]),
        margins=np.array([row[2] for row in rows]),
    )


def _instance(
    puzzle: Puzzle, sampler: Sampler, survey: Survey, number: int
) -> tuple[float, list[float], list[list[float]]]:
    seed = instance_seed(survey.seed, number)
    rules = puzzle.rules
    model = puzzle.model(seed)
    cancel = ising.CancelFlag()
    base = model.baseline(puzzle.schedule, cancel)
    assert base is not None, "nobody cancels a survey"
    baseline = min(base.total, rules.baseline_cap)
    probes: list[float] = []
    margins: list[list[float]] = []
    for sweeps in survey.sweeps:
        reached = []
        for run in range(RUNS if number % survey.repeat_every == 0 else 1):
            drawn = sampler.sample(model, REPLICAS, sweeps, number * RUNS + run, cancel)
            assert drawn is not None, "nobody cancels a survey"
            found = drawn.samples.diverse(UNBOUNDED, rules.min_solutions, rules.min_distance, rules.fold)
            reached.append(float("-inf") if found is None else float(baseline - REPLICAS * found[0]))
            if run == 0:
                energies = drawn.samples.energies
                probes.append(base.total - REPLICAS * sum(energies) / len(energies))
        margins.append(reached + [float("nan")] * (RUNS - len(reached)))
    return base.total, probes, margins
