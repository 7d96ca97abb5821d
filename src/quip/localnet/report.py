"""What a simulation showed: blocks, forks, wins, streaks, propagation, difficulty, and whether one tip remains."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from quip.localnet.log_reader import Sightings
from quip.localnet.network import LocalNetwork
from quip.localnet.random_kills import Kill
from quip.rpc.client import RpcClient, RpcRefused, RpcUnreachable
from quip.rpc.encoding import integer

MAX_BLOCKS = 100_000  # of a longer chain, the report covers the last ones
MAX_POINTS = 200  # of the difficulty's curve
READ_S = 30.0


@dataclass(slots=True)
class NetworkReport:
    """The report, as JSON names it, and what went wrong."""

    figures: dict[str, Any]
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """One tip, and nothing went wrong."""
        return bool(self.figures["oneTip"]) and not self.problems

    def as_json(self) -> dict[str, Any]:
        """The whole report."""
        return {**self.figures, "problems": self.problems}


@dataclass(frozen=True, slots=True)
class Mined:
    """A block of the final chain."""

    number: int
    hash: str
    timestamp: int
    work: int
    node: str
    """Name of the node that mined it, or its miner id if that is none of ours."""


def collect(network: LocalNetwork, kills: Sequence[Kill], started: float, mined_s: float) -> NetworkReport:
    """The report of a network whose nodes still answer."""
    blocks = final_chain(network)
    tips = network.tips
    chain = {block.hash for block in blocks}
    side = [seen for seen in network.sightings.heads if seen not in chain] if blocks else []
    reorganisations = network.sightings.reorganisations
    first, last = (blocks[0], blocks[-1]) if blocks else (None, None)
    span_s = last.timestamp - first.timestamp if first and last else 0
    figures: dict[str, Any] = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(mined_s, 1),
        "oneTip": network.one_tip,
        "tips": tips,
        "blocks": last.number if last else 0,
        "blockTime": round(span_s / (len(blocks) - 1), 2) if len(blocks) > 1 else None,
        "forks": {
            "sideBlocks": len(side),
            "reorganisations": len(reorganisations),
            "deepest": max(reorganisations, default=0),
        },
        "propagation": propagation(network.sightings, network.presences),
        "nodes": [_node(network, number, blocks) for number in range(len(network.children))],
        "difficulty": curve(blocks),
        "kills": [asdict(kill) for kill in kills],
    }
    problems = list(network.sightings.complaints)
    if not network.one_tip:
        silent = sorted(set(network.answers) - set(tips))
        problems.append(f"not converged: {len(set(tips.values()))} tips" + (f", silent: {silent}" if silent else ""))
    return NetworkReport(figures, problems)


def final_chain(network: LocalNetwork) -> list[Mined]:
    """The blocks of the tip that most nodes name, genesis left out; empty where nobody answers."""
    counts = Counter(network.tips.values())
    if not counts:
        return []
    tip = counts.most_common(1)[0][0]
    child = next(c for c in network.children if network.tips.get(c.plan.name) == tip)
    head = network.answers[child.plan.name]
    url = child.url
    if head is None or url is None:
        return []
    numbers = range(max(1, head.number - MAX_BLOCKS + 1), head.number + 1)
    calls = [("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
    try:
        found = RpcClient(url, READ_S).batch(calls)
    except (RpcUnreachable, RpcRefused):
        return []
    return [_mined(block, network.miner_ids) for block in found if block is not None]


def _mined(block: dict[str, Any], miner_ids: dict[str, str]) -> Mined:
    miner = block["extraData"][:42]
    number, timestamp, work = integer(block["number"]), integer(block["timestamp"]), integer(block["difficulty"])
    return Mined(number, block["hash"], timestamp, work, miner_ids.get(miner, miner))


def _node(network: LocalNetwork, number: int, blocks: Sequence[Mined]) -> dict[str, Any]:
    child = network.children[number]
    name = child.plan.name
    answer = network.answers[name]
    runs = [len(list(run)) for winner, run in groupby(blocks, lambda block: block.node) if winner == name]
    return {
        "name": name,
        "kind": child.plan.kind,
        "minesBy": answer.mines_by if answer else None,
        "insteadBecause": network.sightings.fallbacks.get(name),
        "pid": child.pid,
        "port": child.plan.port,
        "rpc": child.url,
        "dataDir": str(child.plan.data_dir),
        "minerId": answer.miner_id if answer else None,
        "wins": sum(runs),
        "longestStreak": max(runs, default=0),
        "kills": child.kills,
        "peers": answer.peers if answer else None,
        "tip": answer.hash if answer else None,
    }


def propagation(sightings: Sightings, presences: dict[str, list[list[float]]]) -> dict[str, Any]:
    """How long after its first sight at any node a block became the head of each other one, in milliseconds.

    Only of nodes that were in the network all that time: what a node catches up with is not propagation.
    """
    delays = []
    blocks = 0
    for seen in sightings.heads.values():
        first = min(seen.values())
        later = [
            when - first
            for node, when in seen.items()
            if when > first and any(start <= first and when <= end for start, end in presences.get(node, ()))
        ]
        blocks += bool(later)
        delays += later
    delays.sort()
    return {
        "blocks": blocks,
        "samples": len(delays),
        "p50Ms": _milliseconds(delays, 0.50),
        "p99Ms": _milliseconds(delays, 0.99),
        "maxMs": _milliseconds(delays, 1.0),
    }


def _milliseconds(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that a share of them does not exceed."""
    if not ordered:
        return None
    return round(1000 * ordered[math.ceil(share * len(ordered)) - 1], 1)


def curve(blocks: Sequence[Mined]) -> list[dict[str, Any]]:
    """Work over time: at most MAX_POINTS blocks, evenly chosen, the last one among them."""
    step = max(1, math.ceil(len(blocks) / MAX_POINTS))
    chosen = blocks[::-1][::step][::-1]
    return [{"number": block.number, "timestamp": block.timestamp, "work": block.work} for block in chosen]
