"""The native kernel as a dimod sampler beside dwave-samplers' simulated annealing, tabu search and steepest descent:
processor time until an energy is reached, on one Zephyr(12,4) instance with couplings of -1 and +1.

    python -m benchmarks sampler
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dimod
from dwave.samplers import SimulatedAnnealingSampler, SteepestDescentSampler, TabuSampler

from benchmarks import report
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.ising.puzzle import Puzzle
from quip.mining.samplers.dimod import NativeDimodSampler, binary_model
from quip.networks.shipped import load_spec

SEED = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Setting:
    """One sampler with one effort."""

    sampler: str
    words: str
    run: Callable[[dimod.BinaryQuadraticModel], Any]


def native(sweeps: int, rounds: int) -> Setting:
    """Ours."""
    run = NativeDimodSampler().sample
    words = f"512 reads of {sweeps} sweeps" + (f", {rounds} rounds" if rounds else "")
    return Setting("native", words, lambda bqm: run(bqm, num_sweeps=sweeps, num_rounds=rounds, seed=1))


def annealing(sweeps: int, reads: int) -> Setting:
    """dwave-samplers' SimulatedAnnealingSampler."""
    run = SimulatedAnnealingSampler().sample
    words = f"{reads} reads of {sweeps} sweeps"
    return Setting("annealing", words, lambda bqm: run(bqm, num_reads=reads, num_sweeps=sweeps, seed=1))


def settings() -> list[Setting]:
    """By sampler, rising effort."""
    tabu, descent = TabuSampler().sample, SteepestDescentSampler().sample
    return [
        *(native(*effort) for effort in ((64, 0), (1024, 0), (256, 2), (256, 4), (512, 6), (1024, 10))),
        *(annealing(*effort) for effort in ((1024, 4), (4096, 16), (16384, 16))),
        *(Setting("tabu", f"{ms / 1000:.0f} s", lambda bqm, ms=ms: tabu(bqm, num_reads=1, timeout=ms, seed=1))  # type: ignore[misc]
          for ms in (2_000, 20_000)),
        Setting("steepest descent", "2,000 reads", lambda bqm: descent(bqm, num_reads=2_000, seed=1)),
    ]  # fmt: skip


def section() -> str:
    """The section of docs/benchmarks.md."""
    bqm = binary_model(Puzzle(puzzle_rules(load_spec("public").puzzle)).model(SEED))
    results: list[tuple[Setting, float, float]] = []
    for setting in settings():
        begun_s = time.process_time()
        answer = setting.run(bqm)
        spent_s = time.process_time() - begun_s
        results.append((setting, spent_s, float(answer.record.energy.min())))
    rows = [(one.sampler, one.words, f"{spent_s:.2f}", f"{best:.0f}") for one, spent_s, best in results]
    lines = ["## Samplers, Zephyr(12,4), one core", "", "Processor time of whole calls; one instance, one seed.", "",
             report.table(("sampler", "effort", "core-s", "best E"), rows), ""]  # fmt: skip
    ours = [(spent_s, best) for one, spent_s, best in results if one.sampler == "native"]
    for other in ("annealing", "tabu", "steepest descent"):
        spent, target = max((spent_s, best) for one, spent_s, best in results if one.sampler == other)
        sooner = [spent_s for spent_s, best in ours if best <= target]
        lines.append(f"* {other} needs {spent:.1f} core-s for {target:.0f}; the native sampler "
                     + (f"{min(sooner):.2f} for no more" if sooner else "never gets there"))  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section())
