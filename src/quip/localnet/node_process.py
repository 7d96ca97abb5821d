"""One node as a process: started on a leash, asked over RPC, stopped, killed."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quip.localnet import parent_death
from quip.localnet.plan import NodePlan
from quip.rpc.client import RpcClient, RpcRefused, RpcUnreachable

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
    """The pipe whose closing tells the nodes that the simulator is gone."""

    def __init__(self) -> None:
        self.nodes_end, self._own_end = os.pipe()

    def close(self) -> None:
        """Let go: every node that still runs is killed (where the kernel does not see to it)."""
        os.close(self.nodes_end)
        os.close(self._own_end)


class NodeProcess:
    """A node's process; started as often as it is killed. Use one thread: a node's life hangs on the starter's."""

    def __init__(self, plan: NodePlan, held_by: Leash) -> None:
        self.plan = plan
        self.kills = 0
        self._leash = held_by
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, mining: bool) -> None:
        """Start the process; its output is appended to the plan's file."""
        self.plan.output.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-S", str(parent_death.__file__), str(os.getpid()), *self.plan.arguments(mining)]
        with self.plan.output.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=self._leash.nodes_end, stdout=output, stderr=output, process_group=0
            )  # a group of its own: Ctrl-C is for the simulator, which then stops its nodes in order

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def status(self) -> int | None:
        """How the last process ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.kills += 1

    def ask_to_stop(self) -> None:
        """SIGTERM; `wait` follows."""
        if self.pid is not None and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> bool:
        """Wait for the end; False if it had to be killed because it did not come."""
        if self._process is None:
            return True
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True

    @property
    def url(self) -> str | None:
        """Where it answers, as its file says; a killed node leaves the file behind."""
        try:
            return (self.plan.data_dir / "rpc").read_text(encoding="utf-8").strip() or None
        except OSError:
            return None

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


def stop_all(children: list[NodeProcess]) -> list[str]:
    """Stop them all at once; the names of those that did not end in time and were killed."""
    for child in children:
        child.ask_to_stop()
    return [child.plan.name for child in children if not child.wait()]
