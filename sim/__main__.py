"""`python -m sim SEED [SEED ...] [--count N] [--trace]`: play seeds, say what came of each, exit 1 if one failed."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from sim.simulation import Report, run


def main() -> int:
    """Parses the command line and plays."""
    parser = argparse.ArgumentParser(prog="python -m sim", description=__doc__)
    parser.add_argument("seed", type=int, nargs="*", default=[1], help="seeds to play (default 1)")
    parser.add_argument("--count", type=int, default=0, help="play so many seeds from the first one on")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--trace", action="store_true", help="print every event")
    asked = parser.parse_args()
    seeds = list(range(asked.seed[0], asked.seed[0] + asked.count)) if asked.count else asked.seed
    if len(seeds) == 1:
        return int(not _show(run(seeds[0], print if asked.trace else None)))
    failed = 0
    for seed, line in _results(seeds, asked.jobs):
        failed += bool(line)
        if line:
            print(f"seed {seed}: {line}", flush=True)
    print(f"{len(seeds)} seeds, {failed} failed")
    return int(failed > 0)


def _show(report: Report) -> bool:
    print(f"seed {report.scenario.seed}: {report.scenario.describe()}")
    print(f"event log: {report.lines} lines, hash {report.digest}")
    print(f"common chain of {report.blocks} blocks after {report.simulated_s:.0f} s; healed in {report.converged_s} s")
    print("counts: " + ", ".join(f"{name} {count}" for name, count in sorted(report.counts.items())))
    for breach in report.breaches:
        print(f"FAILED: {breach}")
    if report.breaches:
        print("the last events:", *report.last[-40:], sep="\n  ")
        print(f"replay: make sim SEED={report.scenario.seed} TRACE=1")
    return report.passed


def _results(seeds: list[int], jobs: int) -> Iterator[tuple[int, str]]:
    """What was wrong with each, in one line; empty: nothing."""
    with ProcessPoolExecutor(jobs) as pool:
        for seed, played in [(seed, pool.submit(_breaches, seed)) for seed in seeds]:
            failure = played.exception()
            if failure is None:
                yield seed, "; ".join(played.result())
            else:
                yield seed, "".join(traceback.format_exception(failure))


def _breaches(seed: int) -> list[str]:
    return run(seed).breaches


if __name__ == "__main__":
    sys.exit(main())
