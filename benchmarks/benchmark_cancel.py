"""How long a miner's stages go on after their work became useless, at worst: the longest processor time between two
looks at the cancel flag, at the public puzzle's size and at the largest that the kernel takes (crates/ising/benches).

    python -m benchmarks cancel
"""

import subprocess
import tempfile
import time

import dwave.graphs
import numpy as np

from benchmarks import report
from quip._native import ising
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.mining.samplers.schedule import MINING, MINING_GREEDY, native_schedule
from quip.networks.shipped import load_spec

ASKED_MS = 10.0
LARGE = 45
"""Zephyr(45,4) has 65,520 spins, the kernel takes 65,536; a network's graph has fewer."""
PUBLIC_ELITES, MOST_ELITES = 20, 64
SWEEPS = 4096


def measured(n: int, couplers: bytes, elites: int, distance: int) -> list[tuple[str, str, float]]:
    """(stage, kernel path, milliseconds)."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(np.uint32(n).tobytes() + couplers)
        file.flush()
        words = ["cargo", "bench", "--quiet", "--locked", "--package", "quip-ising", "--bench", "cancel", "--"]
        asked = [*words, file.name, str(elites), str(distance)]
        out = subprocess.run(asked, cwd=report.ROOT, check=True, capture_output=True, text=True).stdout
    rows = [line.split("\t") for line in out.splitlines()]
    return [(stage, path, float(longest)) for stage, path, longest, _ in rows]


def large_graph() -> tuple[int, bytes]:
    """Spins and couplers."""
    graph = dwave.graphs.zephyr_graph(LARGE, 4)
    couplers = np.array(sorted(sorted(pair) for pair in graph.edges), np.uint32)
    return graph.number_of_nodes(), couplers.tobytes()


def schedule_ms() -> float:
    """The one thing that never looks: making the longest schedule, once a process."""

    def once() -> float:
        native_schedule.cache_clear()
        begun_s = time.thread_time()
        native_schedule(SWEEPS, MINING, MINING_GREEDY)
        return 1e3 * (time.thread_time() - begun_s)

    return sorted(once() for _ in range(report.REPEATS))[report.REPEATS // 2]


def section() -> str:
    """The section of docs/benchmarks.md."""
    rules = puzzle_rules(load_spec("public").puzzle)
    n, couplers = large_graph()
    small = measured(rules.topology.n, rules.topology.packed_couplers(), PUBLIC_ELITES, rules.min_distance)
    large = measured(n, couplers, MOST_ELITES, n * rules.min_distance // rules.topology.n)
    paths = ising.paths()
    found = {(size, stage, path): ms for size, rows in (("s", small), ("l", large)) for stage, path, ms in rows}
    head = ("stage", *(f"{spins:,} spins, {path}" for spins in (rules.topology.n, n) for path in paths))
    rows = [
        (stage, *(f"{found[size, stage, path]:.2f}" for size in "sl" for path in paths))
        for stage in dict.fromkeys(stage for stage, _, _ in small)
    ]
    worst, schedule = max(found.values()), schedule_ms()
    lines = [
        "## Cancelling", "",
        "Milliseconds: the longest processor time between two looks at the cancel flag, or behind the last one; median "
        f"of 5 runs. Zephyr graphs; {PUBLIC_ELITES} and {MOST_ELITES} elites. Stages that never look are included.",
        "", report.table(head, rows), "",
        f"* at worst {worst:.2f} ms, {ASKED_MS:.0f} ms asked: {report.verdict(worst <= ASKED_MS)}",
        f"* making a schedule of {SWEEPS:,} sweeps, once a process: {schedule:.1f} ms, {ASKED_MS:.0f} ms asked: "
        f"{report.verdict(schedule <= ASKED_MS)}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section())
