"""The real program as a real process, on ports that the system chooses, with a home of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from quip.localnet import node_process
from quip.localnet.plan import free_udp_ports
from quip.rpc.client import RpcClient

PROGRAMS = Path(sys.executable).parent
DEADLINE_S = 60.0
POLL_S = 0.02
Words = Sequence[str]


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The first true answer of `condition`; fails where none comes in time."""
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        pause.wait(POLL_S)
    raise AssertionError(f"waited {deadline_s} s in vain for {what}")


def environment(home: Path) -> dict[str, str]:
    """The variables of a process that knows nothing of the person who runs the tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("QUIP_", "DWAVE_", "NOTIFY_"))}
    return {**kept, "HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200"}


def run_program(program: str, *arguments: str, home: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the programs to its end."""
    return subprocess.run(
        [PROGRAMS / program, *arguments],
        env=environment(home), cwd=home, input=stdin, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip


class NodeProcess(node_process.NodeProcess):
    """quip-network-node, running on the test network and on a port of its own unless told otherwise."""

    process: subprocess.Popen[bytes]

    def __init__(
        self, home: Path, data_dir: Path, *arguments: str, genesis: str = "test", kind: str = "cpu", prefix: Words = ()
    ) -> None:
        """`prefix`: words before the command, such as what starts it in another network namespace."""
        super().__init__(data_dir, home / f"{data_dir.name}-{time.monotonic_ns()}.log")
        self.port = int(arguments[arguments.index("--port") + 1]) if "--port" in arguments else free_udp_ports()[0]
        listen = () if "--listen" in arguments else ("--listen", "127.0.0.1")
        command = [
            *prefix, PROGRAMS / "quip-network-node", "--num-cpus", "1", kind, "--genesis-config", genesis,
            "--data-dir", data_dir, "--rpc-port", "0", "--port", str(self.port), *listen, *arguments,
        ]  # fmt: skip
        self.launch(command, env=environment(home), cwd=home)

    def text(self) -> str:
        """What it printed so far."""
        return self.output.read_text(encoding="utf-8")

    def client(self) -> RpcClient:
        """A client, once it answers."""
        found: RpcClient = wait_until(self._running_and_answering, f"an answer of the node:\n{self.text()}")
        return found

    def _running_and_answering(self) -> RpcClient | None:
        assert self.status is None, f"the node ended with {self.status}:\n{self.text()}"
        return self.answering()

    def wait_for_height(self, number: int) -> int:
        """The head's number, once it is at least this."""
        client = self.client()
        reached: int = wait_until(
            lambda: (height := int(client.call("eth_blockNumber"), 16)) >= number and height, f"block {number}"
        )
        return reached

    def number(self) -> int:
        """The head's number, once it answers."""
        return int(self.client().call("eth_blockNumber"), 16)

    def stop(self, number: signal.Signals = signal.SIGTERM, deadline_s: float = DEADLINE_S) -> float:
        """Send a signal and wait; the seconds that it took to end."""
        return super().stop(number, deadline_s)

    def end(self) -> None:
        """Make sure that it does not run any more."""
        if self.status is None:
            self.kill()


def run_json(program: str, *arguments: str, home: Path) -> Any:
    """The JSON that a command prints; it has to succeed."""
    done = run_program(program, *arguments, "--json", home=home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
