"""Predicted against measured: real attempts, by the miner's own code, at a few levels.

Rates count this thread's processor time, so that what else the machine does matters little.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from quip._native import ising
from quip.consensus.work.ladder import margin_at
from quip.ising.puzzle import Puzzle, search_gate
from quip.mining.attempt import Workbench
from quip.mining.calibration.ladder import UNIT, Ladder, level_of
from quip.mining.calibration.measure import Progress, instance_seed
from quip.mining.calibration.pricing import AnnealPlan
from quip.mining.calibration.summary import Summary
from quip.mining.plan import Plan
from quip.mining.samplers.sampler import Sampler

GATE_SAMPLE = 1 << 21
"""Hashes of one timing."""
RATE_SECONDS = 4.0
MEDIAN_OF = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One level."""

    level: int
    margin: int
    plan: AnnealPlan
    proofs: int
    attempts: int
    predicted_updates: float
    """Per proof: the level's work."""
    measured_updates: float


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """What to check."""

    core_seconds: Sequence[float]
    """A level for each: that which costs so many core-seconds a proof here."""
    proofs: int
    threads: int
    seed: int


def gate_hashes_per_second() -> float:
    """Of one core, median."""
    rates = []
    for turn in range(MEDIAN_OF):
        started = time.thread_time()
        search_gate(turn.to_bytes(32, "big"), 0, GATE_SAMPLE, 60)
        rates.append(GATE_SAMPLE / (time.thread_time() - started))
    return sorted(rates)[MEDIAN_OF // 2]


def kernel_updates_per_second(puzzle: Puzzle, sampler: Sampler, sweeps: int) -> float:
    """Of one core, median: the kernel alone."""
    model = puzzle.model(instance_seed(0, 0, b"rate"))
    rates = []
    for turn in range(MEDIAN_OF):
        started = time.thread_time()
        drawn = sampler.sample(model, 1, sweeps, turn, ising.CancelFlag())
        assert drawn is not None, "nobody cancels"
        rates.append(drawn.spin_updates / (time.thread_time() - started))
    return sorted(rates)[MEDIAN_OF // 2]


def attempt_updates_per_second(puzzle: Puzzle, sampler: Sampler, plan: Plan, margin: int) -> float:
    """Spin updates that one core does in a second of attempts, all overhead included."""
    bench = Workbench(puzzle, sampler, ising.CancelFlag())
    started, updates, number = time.thread_time(), 0, 0
    while time.thread_time() - started < RATE_SECONDS:
        updates += bench.attempt(instance_seed(1, number, b"rate"), margin, plan).spin_updates
        number += 1
    return updates / (time.thread_time() - started)


def verify(bench: Workbench, summary: Summary, ladder: Ladder, todo: CheckPlan, progress: Progress) -> list[Check]:
    """Mines `todo.proofs` proofs at each level and counts what they cost."""
    checks = []
    for index, seconds in enumerate(todo.core_seconds):
        points = ladder.calibration.ladder
        level = max(level_of(summary.updates_per_second * seconds), points[0][0])
        margin = margin_at(points, level)
        plan = ladder.strategy_at(level)
        seed = todo.seed * 16 + index
        proofs, attempts, updates = _count(bench, margin, plan.staged(), todo, seed)
        gate = summary.gate_hash_updates * float(1 << summary.gate_bits)
        measured = (updates + attempts * gate) / proofs
        predicted = UNIT * 2.0 ** (level / 65536)
        checks.append(Check(level, margin, plan, proofs, attempts, predicted, measured))
        progress(index + 1, len(todo.core_seconds))
    return checks


def _count(bench: Workbench, margin: int, plan: Plan, todo: CheckPlan, seed: int) -> tuple[int, int, int]:
    """Attempts in rounds until there are enough proofs; a started round is counted whole."""
    proofs = attempts = updates = 0
    width = todo.threads * 8
    with ThreadPoolExecutor(todo.threads) as pool:
        while proofs < todo.proofs:
            numbers = range(attempts, attempts + width)
            for effort in pool.map(
                lambda number: bench.attempt(instance_seed(seed, number, b"verify"), margin, plan), numbers
            ):
                attempts += 1
                updates += effort.spin_updates
                proofs += effort.solutions is not None
    return proofs, attempts, updates
