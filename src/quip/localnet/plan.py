"""Which nodes a simulation runs, and the exact command of each: options in, commands out."""

import shutil
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from quip.node.config.cpus import logical_cpus
from quip.node.config.node_config import FIRST_RPC_PORT, RPC_RULE_PORTS
from quip.node.config.settings import Kind
from quip.node.errors import ConfigError

PROGRAM = "quip-network-node"
SCENARIOS: dict[str, dict[Kind, int]] = {
    "mixed": {"cpu": 3, "gpu": 2, "qpu": 1},
    "cpu": {"cpu": 4, "gpu": 0, "qpu": 0},
    "gpu": {"cpu": 0, "gpu": 2, "qpu": 0},
}
MAX_NODES = 64  # each is a process of some 150 MB
HIGHEST_PORT = 65_535
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node: what it is called, where it listens and keeps its data, and how it is started."""

    name: str
    kind: Kind
    port: int
    data_dir: Path
    command: tuple[str, ...]
    """Without --auto-mine."""

    @property
    def log(self) -> Path:
        """Its log as JSON lines."""
        return self.data_dir.with_name(f"{self.name}.json")

    @property
    def output(self) -> Path:
        """What it prints."""
        return self.data_dir.with_name(f"{self.name}.log")

    def arguments(self, mining: bool) -> list[str]:
        """The command to run."""
        return [*self.command, "--auto-mine"] if mining else list(self.command)


@dataclass(frozen=True, slots=True)
class Crew:
    """How many nodes of each kind. Raises ConfigError where there are none or too many."""

    cpu: int
    gpu: int
    qpu: int

    def __post_init__(self) -> None:
        counts = (self.cpu, self.gpu, self.qpu)
        if min(counts) < 0 or not 1 <= sum(counts) <= MAX_NODES:
            raise ConfigError(f"a simulation of {sum(counts)} nodes", f"ask for 1 to {MAX_NODES} of them")

    @property
    def kinds(self) -> list[tuple[Kind, int]]:
        """(kind, number within its kind), the bootstrap first."""
        counted: list[tuple[Kind, int]] = [("cpu", self.cpu), ("gpu", self.gpu), ("qpu", self.qpu)]
        return [(kind, number) for kind, count in counted for number in range(1, count + 1)]


def plan_nodes(crew: Crew, base_port: int, genesis: str, directory: Path) -> list[NodePlan]:
    """The nodes of a simulation: the first is the bootstrap, the others dial it. `base_port` 0: any free ports."""
    kinds = crew.kinds
    ports = _ports(base_port, len(kinds))
    ruled = all(port in RPC_RULE_PORTS for port in ports)
    threads = max(1, logical_cpus() // len(kinds))
    program = node_program()
    plans: list[NodePlan] = []
    for (kind, number), port in zip(kinds, ports, strict=True):
        name = f"{kind}-{number}"
        peer = () if not plans else ("--peer", f"{LOOPBACK}:{ports[0]}")
        rpc_port = FIRST_RPC_PORT + port - RPC_RULE_PORTS.start if ruled else 0
        command = (
            program, "--num-cpus", str(threads), kind, "--listen", LOOPBACK, "--port", str(port), *peer,
            "--genesis-config", genesis, "--rpc-port", str(rpc_port), "--node-name", name,
            "--data-dir", str(directory / name), "--node-log", str(directory / f"{name}.json"),
        )  # fmt: skip
        plans.append(NodePlan(name, kind, port, directory / name, command))
    return plans


def free_udp_ports(count: int = 1) -> list[int]:
    """Different ports of loopback that nobody uses at the moment."""
    with ExitStack() as stack:  # all held at once, so that they differ
        probes = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]


def _ports(base_port: int, count: int) -> Sequence[int]:
    if base_port == 0:
        return free_udp_ports(count)
    if base_port < 1 or base_port + count - 1 > HIGHEST_PORT:
        raise ConfigError(f"--base-port {base_port} leaves no ports for {count} nodes", "the default is 20049")
    return range(base_port, base_port + count)


def node_program() -> str:
    """The path of quip-network-node. Raises ConfigError where it is not installed."""
    beside = Path(sys.executable).with_name(PROGRAM)
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise ConfigError(f"there is no {PROGRAM} beside {sys.executable}", "install it: pip install -e .")
    return found
