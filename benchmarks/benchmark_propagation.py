"""How fast blocks spread: eight nodes on loopback, one mines with one thread, seven follow. Real processes, real UDP.

    python -m benchmarks.benchmark_propagation [blocks]

Goal: 99 of 100 blocks are every node's head within 500 ms, with the public puzzle. Its real ladder makes a block in
minutes, so the chain here has the public puzzle and an easier beginning. Second part: two nodes that both mine; how
long after a block's arrival the other's work on the old head has stopped (limit 100 ms).
"""

import json
import sys
import tempfile
import time
import urllib.request
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from benchmarks import report
from quip.localnet.network import LocalNetwork
from quip.localnet.plan import Crew, NodePlan, plan_nodes

NODES = 8
BLOCKS = 100
RIVAL_BLOCKS = 30
GOAL_MS = 500.0
CANCEL_LIMIT_MS = 100.0
LOOK_S = 2.0  # asking the nodes takes CPU that they need
ENOUGH_S = 900.0
LEVEL = 1 << 16
EASY = {"dev": 22 * LEVEL, "public": 26 * LEVEL}
"""Where the ladder begins: a block in a second or two of one thread."""
TARGET_S = 2


def easy_spec(name: str, directory: Path) -> str:
    """A network's chain spec with an easier beginning and a short block time."""
    document = json.loads((report.ROOT / f"genesis_block_{name}.json").read_text(encoding="utf-8"))
    document["chain_id"] += 1_000
    document["difficulty"] |= {"start": EASY[name], "target_block_time": TARGET_S, "half_life": 40 * TARGET_S}
    file = directory / f"{name}.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)


def run(plans: list[NodePlan], miners: int, blocks: int) -> tuple[LocalNetwork, list[str]]:
    """Run the nodes, the first `miners` of them mining, until so many blocks are made; what each one's metrics said."""
    network = LocalNetwork(plans)
    try:
        for number, child in enumerate(network.children):
            child.start(mining=number < miners)
        end = time.monotonic() + ENOUGH_S
        while time.monotonic() < end:
            time.sleep(LOOK_S)
            network.look()
            if all(answer is not None and answer.number >= blocks for answer in network.answers.values()):
                break
        return network, [metrics_of(plan) for plan in plans]
    finally:
        network.close()


def metrics_of(plan: NodePlan) -> str:
    """The node's metrics page; empty where it has none."""
    for line in map(json.loads, plan.log.read_text(encoding="utf-8").splitlines()):
        if line["event"] == "metrics":
            with urllib.request.urlopen(line["url"], timeout=10) as page:
                return str(page.read().decode())
    return ""


def until_all(network: LocalNetwork) -> list[float]:
    """Milliseconds from a block's first sight to the last node's, ascending; only of blocks that all were there for."""
    spans = [network.presences[child.plan.name] for child in network.children]
    begin = max(span[0][0] for span in spans)
    complete = [seen.values() for seen in network.sightings.heads.values() if len(seen) == len(spans)]
    return sorted((max(seen) - min(seen)) * 1e3 for seen in complete if min(seen) > begin)


def share(ordered: list[float], part: float) -> float:
    """The smallest value that a part of them does not exceed."""
    return ordered[max(0, -(-int(part * 1000) * len(ordered) // 1000) - 1)]


def spread(name: str, blocks: int) -> list[str]:
    """The lines about one network."""
    with tempfile.TemporaryDirectory() as folder:
        plans = plan_nodes(Crew(NODES, 0, 0), 0, easy_spec(name, Path(folder)), Path(folder))
        network, _ = run(plans, 1, blocks)
        waits = until_all(network)
    p50, p99 = share(waits, 0.5), share(waits, 0.99)
    goal = f", goal {GOAL_MS:.0f} ms: {report.verdict(p99 < GOAL_MS)}" if name == "public" else ""
    return [
        f"* {name} puzzle, {len(waits)} blocks, until the last of {NODES} nodes has it as its head: "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, worst {waits[-1]:.0f} ms{goal}"
    ]


def arrivals(plan: NodePlan) -> list[float]:
    """Milliseconds from a block's arrival to the head's move, by the node's log, ascending."""
    waits: list[float] = []
    received: dict[str, str] = {}
    for line in map(json.loads, plan.log.read_text(encoding="utf-8").splitlines()):
        moment = line["timestamp"]
        if line["event"] == "block received":
            received.setdefault(line["hash"], moment)
        elif line["event"] == "block" and line["hash"] in received:
            waits.append((_unix(moment) - _unix(received[line["hash"]])) * 1e3)
    return sorted(waits)


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def slowest_bucket(page: str, metric: str) -> tuple[int, float, float]:
    """(observations, mean in ms, upper bound in ms of the slowest one) of a histogram."""
    rows = {line.split(" ")[0]: float(line.split(" ")[1]) for line in page.splitlines() if line.startswith(metric)}
    count, total = rows[f"{metric}_count"], rows[f"{metric}_sum"]
    bounds = [(float(key.split('"')[1]), rows[key]) for key in rows if "_bucket" in key]
    worst = next((after[0] for before, after in pairwise([(0.0, 0.0), *bounds]) if after[1] == count), float("inf"))
    return int(count), 1e3 * total / max(count, 1), 1e3 * worst


def cancel(blocks: int) -> list[str]:
    """The lines about cancelled work."""
    with tempfile.TemporaryDirectory() as folder:
        spec = easy_spec("public", Path(folder))
        extra = ("--metrics-port", "0", "--log-level", "DEBUG")
        plans = [
            NodePlan(plan.name, plan.kind, plan.port, plan.data_dir, (*plan.command, *extra))
            for plan in plan_nodes(Crew(2, 0, 0), 0, spec, Path(folder))
        ]
        _, pages = run(plans, 2, blocks)
        waits = sorted(wait for plan in plans for wait in arrivals(plan))
    found = [slowest_bucket(page, "quip_work_cancel_seconds") for page in pages]
    count, mean, worst = sum(f[0] for f in found), max(f[1] for f in found), max(f[2] for f in found)
    total = share(waits, 0.99) + worst
    return [
        f"* two miners, public puzzle: from a block's arrival to the new head p50 {share(waits, 0.5):.0f} ms, "
        f"p99 {share(waits, 0.99):.0f} ms ({len(waits)} blocks); from there to the end of the old work "
        f"mean {mean:.1f} ms, all {count} within {worst:.0f} ms; together {total:.0f} ms, "
        f"{CANCEL_LIMIT_MS:.0f} ms asked: {report.verdict(total < CANCEL_LIMIT_MS)}"
    ]  # fmt: skip


def section(blocks: int = BLOCKS) -> str:
    """The section of docs/benchmarks.md."""
    lines = ["## Propagation, eight nodes on loopback, one mines with one thread", ""]
    for name in EASY:
        lines += spread(name, blocks)
    return "\n".join([*lines, *cancel(min(blocks, RIVAL_BLOCKS))]) + "\n"


if __name__ == "__main__":
    print(section(*map(int, sys.argv[1:])))
