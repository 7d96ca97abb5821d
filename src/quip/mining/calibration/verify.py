"""Predicted against measured: real attempts, by the miner's own code, at a few levels.

Rates count this thread's processor time, so that what else the machine does matters little.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from quip._native import ising
from quip.consensus.work.ladder import margin_at
from quip.ising.puzzle import Puzzle, search_gate
from quip.mining.attempt import Effort, Workbench
from quip.mining.calibration.kept import Count, Kept
from quip.mining.calibration.ladder import UNIT, Ladder, level_of
from quip.mining.calibration.measure import Progress, instance_seed
from quip.mining.calibration.summary import Summary
from quip.mining.plan import Plan
from quip.mining.samplers.cpu import CpuSampler
from quip.mining.samplers.sampler import Sampler

GATE_SAMPLE = 1 << 21
"""Hashes of one timing."""
SMALL = 1_000
"""Spins: below, a graph is solved in a few sweeps, and many instances are cheap."""
BATCH_SMALL = 32
"""Attempts that a thread makes at once on such a graph."""
RATE_SECONDS = 4.0
MEDIAN_OF = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One level."""

    level: int
    margin: int
    plan: str
    proofs: int
    attempts: int
    predicted_updates: float
    """Per proof: the level's work."""
    measured_updates: float


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """What to check."""

    levels: Sequence[tuple[float, int]]
    """(core-seconds, proofs): the level at which a proof costs so much here, and how many are mined there."""
    threads: int
    seed: int
    kept: Kept = field(default_factory=Kept)


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


def attempt_updates_per_second(puzzle: Puzzle, sampler: Sampler, plan: Plan, margin: int, summary: Summary) -> float:
    """What one core does in a second of mining, gate and crossing counted as the spin updates of their time."""
    bench = Workbench(puzzle, sampler, ising.CancelFlag())
    kernel = summary.kernel_updates_per_second
    started, updates, number = time.thread_time(), 0.0, 0
    while time.thread_time() - started < RATE_SECONDS:
        effort = bench.attempt(instance_seed(1, number, b"rate"), margin, plan)
        updates += effort.spin_updates + effort.crossing_s * kernel
        number += 1
    gate = number * summary.gate_updates
    return (updates + gate) / (time.thread_time() - started + gate / kernel)


def verify(puzzle: Puzzle, summary: Summary, ladder: Ladder, todo: CheckPlan, progress: Progress) -> list[Check]:
    """Mines proofs at each level, under the ladder's cap, and counts what they cost. Raises OSError."""
    capped = Puzzle(replace(puzzle.rules, baseline_cap=ladder.calibration.baseline_cap))
    bench = Workbench(capped, CpuSampler(), ising.CancelFlag())
    checks = []
    for index, (seconds, asked) in enumerate(todo.levels):
        points = ladder.calibration.ladder
        level = max(level_of(summary.updates_per_second * seconds), points[0][0])
        margin = margin_at(points, level)
        plan = ladder.plans.at(level)
        target = _Target(margin, plan, asked, todo.seed * 16 + index)
        count = _counted(bench, target, todo, summary.kernel_updates_per_second)
        measured = (count.updates + count.attempts * summary.gate_updates) / count.proofs
        predicted = UNIT * 2.0 ** (level / 65536)
        checks.append(Check(level, margin, str(plan), count.proofs, count.attempts, predicted, measured))
        progress(index + 1, len(todo.levels))
    return checks


@dataclass(frozen=True, slots=True)
class _Target:
    margin: int
    plan: Plan
    proofs: int
    seed: int


def _counted(bench: Workbench, target: _Target, todo: CheckPlan, kernel: float) -> Count:
    """Attempts until there are enough proofs; those that were started in the same round are counted too.

    Crossing's time counts as `kernel` updates a second.
    """
    count = todo.kept.count(target.seed, target.margin)
    batch = BATCH_SMALL if bench.puzzle.rules.topology.n < SMALL else 1
    width = todo.threads * 8 * batch

    def mined(first: int) -> list[Effort]:
        seeds = (instance_seed(target.seed, number, b"verify") for number in range(first, first + batch))
        return [bench.attempt(seed, target.margin, target.plan) for seed in seeds]

    with ThreadPoolExecutor(todo.threads) as pool:
        while count.proofs < target.proofs:
            starts = range(count.attempts, count.attempts + width, batch)
            efforts = [effort for part in pool.map(mined, starts) for effort in part]
            count = Count(
                count.proofs + sum(effort.solutions is not None for effort in efforts),
                count.attempts + len(efforts),
                count.updates + sum(effort.spin_updates + effort.crossing_s * kernel for effort in efforts),
            )
            todo.kept.keep_count(target.seed, target.margin, count, count.proofs >= target.proofs)
    return count
