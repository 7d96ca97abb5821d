"""One node as a process: started, asked over RPC, signalled, killed.

`NodeProcess` runs any command of quip-network-node; `PlannedNode` one of a network's plan, which cannot outlive its
starter. Simulator, tests and benchmarks all run nodes by these.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quip.localnet import parent_death
from quip.localnet.plan import NodePlan
from quip.rpc.client import RpcClient, RpcRefused, RpcUnreachable
from quip.rpc.encoding import integer

STOP_S = 15.0  # a node stops within 5 s; on a machine with more nodes than cores it may take longer
ASK_S = 5.0


@dataclass(frozen=True, slots=True)
class PolledNode:
    """What a running node says of itself at one moment."""

    number: int
    hash: str
    total_difficulty: int
    peers: int
    miner_id: str
    mines_by: str
    """Kinds of its miners, such as CPU; `CPU (no GPU)` where it stands in."""
    idle_because: str | None
    blocks_won: int
    streak: int


class Leash:
    """The pipe whose closing tells the nodes that their starter is gone."""

    def __init__(self) -> None:
        self.nodes_end, self._own_end = os.pipe()

    def close(self) -> None:
        """Let go: every node that still runs is killed (where the kernel does not see to it)."""
        os.close(self.nodes_end)
        os.close(self._own_end)


class NodeProcess:
    """A node's process; started as often as it has ended. What it prints is appended to `output`."""

    def __init__(self, data_dir: Path, output: Path) -> None:
        self.data_dir = data_dir
        self.output = output
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, command: Sequence[str | Path], **settings: Any) -> None:
        """Start the process. `settings` as for subprocess.Popen."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, **settings)

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def status(self) -> int | None:
        """How the last process ended; None while it runs."""
        return None if self.process is None else self.process.poll()

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, deadline_s: float = STOP_S) -> float:
        """Send a signal and wait; the seconds that it took to end. Raises subprocess.TimeoutExpired."""
        started = time.monotonic()
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(deadline_s)
        return time.monotonic() - started

    @property
    def url(self) -> str | None:
        """Where it answers, as its file says; a killed node leaves the file behind."""
        try:
            return (self.data_dir / "rpc").read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

    def answering(self) -> RpcClient | None:
        """A client of this very process; None while it does not answer."""
        url, pid = self.url, self.pid
        if url is None or pid is None:
            return None
        client = RpcClient(url, ASK_S)
        try:
            return client if client.call("quip_getStatus")["pid"] == pid else None
        except (RpcUnreachable, RpcRefused):
            return None

    def height(self) -> int | None:
        """Number of its head; None while it does not answer."""
        client = self.answering()
        return None if client is None else integer(client.call("eth_blockNumber"))

    def resident_bytes(self) -> int:
        """Resident memory of the running process."""
        fields = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


class PlannedNode(NodeProcess):
    """A node of a plan. Use one thread: a node's life hangs on the starter's."""

    def __init__(self, plan: NodePlan, held_by: Leash) -> None:
        super().__init__(plan.data_dir, plan.output)
        self.plan = plan
        self.kills = 0
        self._leash = held_by

    def start(self, mining: bool) -> None:
        """Start the process in a group of its own: Ctrl-C is for the simulator, which stops its nodes in order."""
        command = [sys.executable, "-S", str(parent_death.__file__), str(os.getpid()), *self.plan.arguments(mining)]
        self.launch(command, stdin=self._leash.nodes_end, process_group=0)

    def kill(self) -> None:
        """kill -9, counted."""
        if self.process is not None:
            super().kill()
            self.kills += 1

    def ask_to_stop(self) -> None:
        """SIGTERM; `wait` follows."""
        if self.pid is not None and self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self) -> bool:
        """Wait for the end; False if it had to be killed because it did not come."""
        if self.process is None:
            return True
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        return True

    def ask(self) -> PolledNode | None:
        """What it says now; None while it does not answer."""
        url, pid = self.url, self.pid
        if url is None or pid is None:
            return None
        try:
            status, miners = RpcClient(url, ASK_S).batch([("quip_getStatus", ()), ("quip_getMiners", ())])
        except (RpcUnreachable, RpcRefused):
            return None
        return _answer(status, miners["local"]) if status["pid"] == pid else None

    def last_words(self) -> str:
        """The last lines that it printed."""
        return tail(self.plan.output)


def _answer(status: dict[str, Any], miners: list[dict[str, Any]]) -> PolledNode:
    head = status["head"]
    return PolledNode(
        number=int(head["number"], 16),
        hash=head["hash"],
        total_difficulty=int(head["totalDifficulty"], 16),
        peers=int(status["peers"]),
        miner_id=status["minerId"],
        mines_by=", ".join(dict.fromkeys(map(_mines_by, miners))) or "-",
        idle_because=status["idleBecause"],
        blocks_won=sum(miner["blocksWon"] for miner in miners),
        streak=max((miner["streak"] for miner in miners), default=0),
    )


def _mines_by(miner: dict[str, Any]) -> str:
    kind, device = str(miner["kind"]).upper(), str(miner["device"])
    return f"CPU (no {kind})" if kind != "CPU" and device.startswith("CPU") else kind


def tail(file: Path, lines: int = 5) -> str:
    """The end of a text file; empty where there is none."""
    try:
        return "\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def stop_all(children: list[PlannedNode]) -> list[str]:
    """Stop them all at once; the names of those that did not end in time and were killed."""
    for child in children:
        child.ask_to_stop()
    return [child.plan.name for child in children if not child.wait()]
