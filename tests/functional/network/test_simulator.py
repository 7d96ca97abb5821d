"""quip-network-simulator with real nodes: what it reports, that it kills and revives, that nothing outlives it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quip.rpc.client import RpcClient, RpcRefused, RpcUnreachable
from support.easy_chain import easy_chain
from support.node_process import PROGRAMS, environment, wait_until

DEADLINE_S = 120.0


class Simulator:
    """The program as a process, on ports that nobody else uses."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.directory = home / "simulation"
        self.report = home / "report.json"
        command: list[str | Path] = [
            PROGRAMS / "quip-network-simulator", "--base-port", "0", "--data-dir", self.directory, "--report",
            self.report, "--genesis-config", easy_chain(home), *arguments,
        ]  # fmt: skip
        self._output = home / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(command, env=environment(home), cwd=home, stdout=output, stderr=output)

    def text(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def pids(self, count: int) -> set[int]:
        """Process ids of the nodes that answer, once there are so many."""

        def answering() -> set[int]:
            assert self.process.poll() is None, self.text()
            found = set()
            for file in self.directory.glob("*/rpc"):
                try:
                    found.add(RpcClient(file.read_text().strip()).call("quip_getStatus")["pid"])
                except (OSError, RpcUnreachable, RpcRefused):
                    continue
            return found if len(found) == count else set()

        pids: set[int] = wait_until(answering, f"{count} nodes", DEADLINE_S)
        return pids

    def end(self) -> dict[str, Any]:
        """Wait for the end; the report."""
        self.process.wait(DEADLINE_S)
        report: dict[str, Any] = json.loads(self.report.read_text())
        return report


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for lock in tmp_path.glob("simulation/*/lock"):
        assert not lives(int(lock.read_text() or 0)), f"{lock} is still held"


def lives(pid: int) -> bool:
    """True for a process that runs and is one of our nodes; a zombie has no command line."""
    try:
        return b"quip-network-node" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_network_of_three_is_killed_at_revived_and_ends_with_one_tip(home: Path) -> None:
    simulator = Simulator(
        home,
        "--scenario",
        "gpu",
        "--num-gpu",
        "1",
        "--num-cpu",
        "2",
        "--duration",
        "24",
        "--kill-random",
        "--seed",
        "3",
    )
    report = simulator.end()
    assert simulator.process.returncode == 0, simulator.text()
    assert report["oneTip"]
    assert len(set(report["tips"].values())) == 1
    assert len(report["tips"]) == 3
    assert report["problems"] == []
    assert report["blocks"] >= 4
    assert sum(node["wins"] for node in report["nodes"]) == report["blocks"]
    assert report["kills"], "nobody was killed"
    assert sum(node["kills"] for node in report["nodes"]) == len(report["kills"])
    assert report["propagation"]["samples"] > 0
    assert report["difficulty"][-1]["number"] == report["blocks"]
    (gpu,) = (node for node in report["nodes"] if node["kind"] == "gpu")
    assert gpu["minesBy"] == "CPU (no GPU)"
    assert gpu["insteadBecause"]
    text = simulator.report.with_suffix(".txt").read_text()
    assert text in simulator.text()
    for word in ("one: 0x", "propagation", "forks", "difficulty", "streak"):
        assert word in text


def test_ctrl_c_ends_it_with_a_report(home: Path) -> None:
    simulator = Simulator(home, "--scenario", "cpu", "--num-cpu", "2")
    pids = simulator.pids(2)
    simulator.process.send_signal(signal.SIGINT)
    assert simulator.end()["oneTip"]
    assert simulator.process.returncode == 0, simulator.text()
    assert not any(map(lives, pids))


def test_no_node_outlives_a_killed_simulator(home: Path) -> None:
    simulator = Simulator(home, "--scenario", "cpu", "--num-cpu", "2", "--blocks", "100000")
    pids = simulator.pids(2)
    assert all(map(lives, pids))
    simulator.process.kill()
    simulator.process.wait()
    wait_until(lambda: not any(map(lives, pids)), "the end of the nodes", 10.0)
    assert not any(map(lives, pids))
