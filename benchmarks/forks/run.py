"""One run: two nodes with a link that is cut now and then, until they agree; then everything is checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.forks.chain_check import ChainCheck, check_directory
from benchmarks.forks.cuts import Cut, Cuts
from benchmarks.forks.relay import Link
from quip.localnet.network import LocalNetwork
from quip.localnet.plan import LOOPBACK, NodePlan, free_udp_ports, node_program
from quip.localnet.report import NetworkReport
from quip.localnet.run import Ending, LocalnetRun
from quip.node.startup import load_rules

NAMES = ("one", "other")
QUICK = ("--heartbeat-interval", "1", "--heartbeat-timeout", "4")
"""A cut link is noticed after four seconds, and a mended one soon used again."""
SHOWN_EVERY_S = 30.0
PROGRAM = Path(sys.executable).with_name("quip")


@dataclass(frozen=True, slots=True)
class Asked:
    """What to run."""

    genesis: str
    """For --genesis-config; a spec with ommers."""
    seconds: float
    seed: int
    directory: Path
    """Empty."""


@dataclass(slots=True)
class Run:
    """What came of it."""

    asked: Asked
    network: NetworkReport
    cuts: list[Cut]
    checks: dict[str, ChainCheck]
    """By node."""
    commands: dict[str, dict[str, Any]]
    """By command line: what `quip chain verify` and `quip db check` say of each node."""
    lost_datagrams: int
    problems: list[str]


def planned(asked: Asked, link: Link, ports: Sequence[int]) -> list[NodePlan]:
    """Two nodes with a mining thread each; whoever dials the other does so through the link."""
    publics = [relay.port for relay in link.relays]
    plans = []
    for name, port, public, peer in zip(NAMES, ports, publics, reversed(publics), strict=True):
        data_dir = asked.directory / name
        command = (
            node_program(), "--num-cpus", "1", "cpu", "--listen", LOOPBACK, "--port", str(port), *QUICK,
            "--public-host", LOOPBACK, "--public-port", str(public), "--peer", f"{LOOPBACK}:{peer}",
            "--genesis-config", asked.genesis, "--rpc-port", "0", "--node-name", name, "--data-dir", str(data_dir),
            "--archive",  # the check reads states of the whole chain
            "--records-dir", str(asked.directory / "records" / name),
            "--node-log", str(data_dir.with_name(f"{name}.json")),
        )  # fmt: skip
        plans.append(NodePlan(name, "cpu", port, data_dir, command))
    return plans


def run(asked: Asked) -> Run:
    """Mine, cut, mend; then stop both nodes and check what they hold."""
    ports = free_udp_ports(len(NAMES))
    with Link(ports) as link:
        cuts = Cuts(link, asked.seed, asked.seconds)
        shown_s = [0.0]

        def show(network: LocalNetwork, now_s: float, stage: str) -> None:
            if stage != "mining":
                link.mend()  # also where somebody has ended the mining early
            if now_s - shown_s[0] >= SHOWN_EVERY_S:
                shown_s[0] = now_s
                print(_line(network, cuts, now_s, stage), flush=True)

        network = LocalnetRun(planned(asked, link, ports), Ending(asked.seconds, None, None), show, cuts.act).run()
        lost = link.lost
    return _checked(Run(asked, network, cuts.done, {}, {}, lost, list(network.problems)))


def _line(network: LocalNetwork, cuts: Cuts, now_s: float, stage: str) -> str:
    heads = ", ".join(f"{name} {one.number if one else '-'}" for name, one in network.answers.items())
    forked = sum(cut.forked for cut in cuts.done)
    return f"{now_s:6.0f} s  {stage}: {heads}; {len(cuts.done)} cuts, {forked} forks"


def _checked(found: Run) -> Run:
    spec = load_rules(found.asked.genesis).spec
    for name in NAMES:
        data_dir = found.asked.directory / name
        for words in (("db", "check"), ("chain", "verify")):
            line = " ".join(("quip", *words))
            done = subprocess.run(
                [PROGRAM, *words, "--data-dir", data_dir, "--json"], capture_output=True, text=True, check=False
            )
            if done.returncode:
                found.problems.append(f"{name}: {line}: {done.stderr.strip() or done.stdout.strip()}")
            else:
                found.commands[f"{name}: {line}"] = json.loads(done.stdout)
        found.checks[name] = check = check_directory(spec, data_dir)
        found.problems += [f"{name}: {problem}" for problem in check.problems]
    if len({check.head for check in found.checks.values()}) != 1:
        found.problems.append("the stores have different heads")
    if not any(cut.forked for cut in found.cuts):
        found.problems.append("no cut made a fork")
    return found


def figures(found: Run) -> dict[str, Any]:
    """Everything, as JSON."""
    check = found.checks[NAMES[0]]
    ledger, ommers = check.ledger, check.ommers
    return {
        "commit": report.commit(),
        "niceness": os.nice(0),
        "genesis": found.asked.genesis,
        "seed": found.asked.seed,
        "network": found.network.as_json(),
        "cuts": [
            {"at": round(cut.at_s, 1), "apart": round(cut.apart_s, 1), "made": cut.made, "forked": cut.forked,
             "agreedAfter": None if cut.agreed_s is None else round(cut.agreed_s, 1)}
            for cut in found.cuts
        ],
        "lostDatagrams": found.lost_datagrams,
        "commands": found.commands,
        "ommers": len(ommers),
        "lostBlocks": {name: len(one.lost) for name, one in found.checks.items()},
        "neverShown": {name: len(one.lost - ommers) for name, one in found.checks.items()},
        "contested": len(ledger.contested),
        "streaks": dict(sorted(ledger.streaks.items())),
        "bonuses": [
            {"number": one.number, "counted": one.counted, "miner": f"0x{one.miner_id.hex()}", "wei": str(one.amount)}
            for one in ledger.bonuses
        ],
        "wei": {
            "genesis": str(check.genesis_supply), "own": str(ledger.own), "toOmmers": str(ledger.to_ommers),
            "returned": str(ledger.returned), "bonuses": str(ledger.in_bonuses), "supply": str(ledger.supply),
            "burnt": str(ledger.burnt), "pending": str(ledger.pending),
        },
        "problems": found.problems,
    }  # fmt: skip
