"""The annealing kernel on Zephyr(12,4), h none: spin updates per ns of one core on each path, beside dwave-samplers
and, with PROTOTYPE=DIRECTORY, beside an outside kernel; interleaved, medians of 5, energies too.

    python -m benchmarks.benchmark_kernel
"""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from dwave.samplers import SimulatedAnnealingSampler

from benchmarks import prototype, report
from quip._native import ising
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.ising.puzzle import Puzzle, search_gate
from quip.mining.samplers.cpu import CpuSampler
from quip.mining.samplers.dimod import binary_model
from quip.mining.samplers.schedule import Betas
from quip.networks.shipped import load_spec

SWEEPS = (256, 1024, 4096)
REFERENCE_READS = 4
SEED = bytes(range(32))
GOALS = {"avx512": 900, "avx2": 300, "portable": 64}
"""Times dwave-samplers at 1,024 sweeps."""


class Contest:
    """All contestants on one instance."""

    def __init__(self) -> None:
        self.puzzle = Puzzle(puzzle_rules(load_spec("public").puzzle))
        self.model = self.puzzle.model(SEED)
        self.binary = binary_model(self.model)
        self.energies: dict[str, list[int]] = {}
        self.outside = None
        library = prototype.load()
        if library is not None:
            self.outside = prototype.Prototype(library, self.puzzle.rules.topology, self.model.couplings, 12, 4)

    def runs(self, sweeps: int) -> dict[str, tuple[int, Callable[[], float]]]:
        """Name -> (replicas, run)."""
        out: dict[str, tuple[int, Callable[[], float]]] = {}
        for path in ising.paths():
            out[path] = (512, lambda path=path: self._ours(path, sweeps))  # type: ignore[misc]
        out["miner's schedule"] = (512, lambda: self._miner(sweeps))
        if self.outside is not None:
            out["prototype"] = (512, lambda: self._prototype(sweeps))
        out["dwave-samplers"] = (REFERENCE_READS, lambda: self._reference(sweeps))
        return out

    def _ours(self, path: str, sweeps: int) -> float:
        return self._native(path, CpuSampler(path, Betas(), 0), sweeps)

    def _miner(self, sweeps: int) -> float:
        return self._native("miner's schedule", CpuSampler(), sweeps)

    def _native(self, name: str, sampler: CpuSampler, sweeps: int) -> float:
        started = time.perf_counter()
        drawn = sampler.sample(self.model, 512, sweeps, 1, ising.CancelFlag())
        seconds = time.perf_counter() - started
        assert drawn is not None
        self.energies[name] = drawn.samples.energies
        return seconds

    def _prototype(self, sweeps: int) -> float:
        assert self.outside is not None
        seconds, energies = self.outside.anneal(sweeps)
        self.energies["prototype"] = [int(energy) for energy in energies]
        return seconds

    def _reference(self, sweeps: int) -> float:
        started = time.perf_counter()
        answer = SimulatedAnnealingSampler().sample(
            self.binary, num_reads=REFERENCE_READS, num_sweeps=sweeps, beta_range=(0.1, 3.0), seed=1
        )
        seconds = time.perf_counter() - started
        self.energies["dwave-samplers"] = [round(float(energy)) for energy in answer.record.energy]
        return seconds


def compare(contest: Contest) -> tuple[str, dict[tuple[str, int], float]]:
    """The table, and updates/ns by (name, sweeps)."""
    rows, rates = [], {}
    for sweeps in SWEEPS:
        runs = contest.runs(sweeps)
        names = list(runs)
        contest.runs(2)["avx512" if "avx512" in names else names[0]][1]()
        rounds = [[runs[name][1]() for name in names] for _ in range(report.REPEATS)]
        seconds = [statistics.median(column) for column in zip(*rounds, strict=True)]
        for name, median in zip(names, seconds, strict=True):
            rates[name, sweeps] = runs[name][0] * contest.model.n * sweeps / median / 1e9
        slow = rates["dwave-samplers", sweeps]
        for name in names:
            energies = contest.energies[name]
            rate = rates[name, sweeps]
            means = (f"{np.mean(energies):.0f}", str(min(energies)))
            rows.append((str(sweeps), name, f"{rate:.3g}", f"{rate / slow:.0f}", *means))
    head = ("sweeps", "kernel", "updates/ns", "times dwave-samplers", "mean E", "best E")
    return report.table(head, rows), rates


def scaling(work: Callable[[], object]) -> float:
    """Throughput of two threads over one, median of rounds that run both."""
    ratios = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(report.REPEATS):
            one = report.timed(lambda: [work() for _ in range(4)])
            started = time.perf_counter()
            for future in [pool.submit(work) for _ in range(8)]:
                future.result()
            ratios.append(2 * one / (time.perf_counter() - started))
    return sorted(ratios)[report.REPEATS // 2]


def goals(rates: dict[tuple[str, int], float]) -> list[str]:
    """What had to be reached, and whether it was."""
    slow = rates["dwave-samplers", 1024]
    lines = []
    for path, goal in GOALS.items():
        if (path, 1024) in rates:
            times = rates[path, 1024] / slow
            lines.append(
                f"* {path}: {times:.0f} times dwave-samplers at 1,024 sweeps, "
                f"{goal} asked: {report.verdict(times >= goal)}"
            )
    if ("prototype", 1024) in rates:
        best = ising.paths()[0]
        for sweeps in SWEEPS:
            ratio = rates[best, sweeps] / rates["prototype", sweeps]
            lines.append(
                f"* {best}: {ratio:.2f} times the prototype at {sweeps} sweeps, "
                f"1.0 asked (goal 1.3): {report.verdict(ratio >= 1)}"
            )
    return lines


def section() -> str:
    """The section of docs/benchmarks.md."""
    contest = Contest()
    text, rates = compare(contest)
    two = scaling(contest.runs(256)[ising.paths()[0]][1])
    control = scaling(lambda: search_gate(bytes(32), 0, 1 << 21, 60))
    lines = [
        "## Annealing kernel, Zephyr(12,4), h none, one core", "",
        f"Medians of {report.REPEATS}, interleaved; ours and the prototype 512 replicas, "
        f"dwave-samplers {REFERENCE_READS} reads. Ours: whole calls, model layout and energies included; "
        "the prototype: its sweeps alone, by its own clock; dwave-samplers: `sample` on a ready model. All run beta "
        "0.1 to 3.0 but the row `miner's schedule`: the best path with the ramp and greedy finish that mining uses.",
        "", text, "", *goals(rates),
        f"* two threads: {two:.2f} times one, 1.9 asked: {report.verdict(two >= 1.9)}; this machine gives two threads "
        f"that only compute in registers (the gate search): {control:.2f}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section())
