"""The node's miners: builds them from the configuration, starts and stops them, and says how they fare."""

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

import structlog

from quip.chain.template import Template
from quip.consensus.types.block import Block
from quip.ising.puzzle import REPLICAS
from quip.mining.miner import Miner, MinerSetup, MinerStatistics
from quip.mining.plan import Plan, shipped_plans
from quip.mining.samplers.cpu import CpuSampler
from quip.mining.samplers.cpu_fallback import CpuFallback
from quip.mining.samplers.sampler import Sampler
from quip.networks.network import Network
from quip.node.config.node_config import NodeConfig
from quip.node.mining.block_producer import BlockProducer
from quip.node.process.metrics import Metrics
from quip.rpc.encoding import quantity

log = structlog.get_logger("quip.mining")

REPORT_S = 30  # a line in the log so often, where no block comes


@dataclass(slots=True)
class Winnings:
    """What one miner won since the start."""

    earned: int = 0
    """Wei."""
    streak: int = 0
    """Blocks in a row, up to the head, that this miner won."""


class CountingWorkSource:
    """The desk as one miner sees it: its blocks are counted for it."""

    def __init__(self, name: str, desk: BlockProducer, miners: "Miners") -> None:
        self._name = name
        self._desk = desk
        self._miners = miners

    def template(self) -> Template | None:
        """What to mine now."""
        return self._desk.template()

    def is_current(self, template: Template) -> bool:
        """Does the template still build on the head?"""
        return self._desk.is_current(template)

    def seal(self, template: Template, nonce: int, solutions: tuple[bytes, ...]) -> Block | None:
        """The signed block."""
        return self._desk.seal(template, nonce, solutions)

    def submit(self, block: Block) -> bool:
        """Hand a block in; True if it is now the head."""
        won = self._desk.submit(block)
        if won:
            self._miners.count(self._name, self._desk.reward_of(block))
        return won


class Miners:
    """All miners of the configuration. `start` and `stop` once each."""

    def __init__(self, config: NodeConfig, rules: Network, desk: BlockProducer, counts: Metrics) -> None:
        self._desk = desk
        self._counts = counts
        self._mutex = threading.Lock()
        self._started = 0.0
        self._reported = 0.0
        self._idle_because: str | None = None
        self._miners: dict[str, Miner] = {}
        self._winnings: dict[str, Winnings] = {}
        for setup in miner_setups(config, rules):
            own_desk = CountingWorkSource(setup.name, desk, self)
            self._miners[setup.name] = Miner(setup, rules.puzzle, own_desk, counts.cancel_s.observe)
            self._winnings[setup.name] = Winnings()

    @property
    def running(self) -> bool:
        """True between `start` and `stop`."""
        return self._started > 0

    def start(self) -> None:
        """Begin to mine."""
        self._started = self._reported = time.monotonic()
        self._counts.mining.set(1)
        for miner in self._miners.values():
            miner.start()

    def stop(self) -> None:
        """End all work; returns when the threads have ended."""
        if self.running:
            self._started = 0.0
            self._counts.mining.set(0)
            for miner in self._miners.values():
                miner.stop()

    def new_head(self) -> None:
        """Work on another template from now on."""
        for miner in self._miners.values():
            miner.new_head()

    def lost_race(self) -> None:
        """Somebody else's block is the head: every streak ends."""
        with self._mutex:
            for winnings in self._winnings.values():
                winnings.streak = 0

    def count(self, name: str, reward: int) -> None:
        """A miner won a block that pays `reward` wei."""
        with self._mutex:
            for other, winnings in self._winnings.items():
                winnings.streak = winnings.streak + 1 if other == name else 0
            self._winnings[name].earned += reward

    def objects(self) -> list[dict[str, Any]]:
        """What quip_getMiners shows of each."""
        seconds = max(time.monotonic() - self._started, 1e-9) if self.running else 0.0
        return [self._object(miner.statistics(), seconds) for miner in self._miners.values()]

    def measure(self) -> None:
        """Set the metrics."""
        figures = ("attempts", "gate_hashes", "spin_updates", "valid_sets", "blocks_won", "failures")
        for miner in self._miners.values():
            found = miner.statistics()
            for figure in figures:
                self._counts.miner.labels(found.name, figure).set(getattr(found, figure))

    def observe(self) -> None:
        """Once a second: say when mining waits, and now and then how it goes."""
        if not self.running:
            return
        idle = self._desk.idle_because
        if idle != self._idle_because:
            self._idle_because = idle
            log.warning("mining waits", reason=idle) if idle else log.info("mining goes on")
        if time.monotonic() - self._reported >= REPORT_S:
            self._reported = time.monotonic()
            for entry in self.objects():
                shown = {key: entry[key] for key in ("id", "attempts", "spinUpdatesPerNs", "validSets", "blocksWon")}
                log.info("mining", **shown)

    def _object(self, found: MinerStatistics, seconds: float) -> dict[str, Any]:
        with self._mutex:
            winnings = self._winnings[found.name]
            earned, streak = winnings.earned, winnings.streak
        return {
            "id": found.name,
            "kind": found.kind,
            "device": found.device,
            "workers": found.workers,
            "attempts": found.attempts,
            "gateHashesPerSecond": round(found.gate_hashes / seconds, 1) if seconds else 0.0,
            "spinUpdatesPerNs": round(found.spin_updates / seconds / 1e9, 3) if seconds else 0.0,
            "bestMargin": found.best_margin,
            "validSets": found.valid_sets,
            "blocksWon": found.blocks_won,
            "streak": streak,
            "earned": quantity(earned),
        }


def miner_setups(config: NodeConfig, rules: Network) -> list[MinerSetup]:
    """One setup for each miner of the configuration; they share the worker threads evenly, at least one each.

    A GPU or annealer that cannot be used is stood in for by the CPU, which one log line says.
    """
    wanted = config.miners
    total = max(1, wanted.cpu + len(wanted.gpu) + len(wanted.qpu))
    workers = max(1, config.cpu.num_cpus // total)
    setups = []
    for number in range(1, wanted.cpu + 1):
        setups.append(_setup(f"CPU-{number}", tuple(CpuSampler() for _ in range(workers)), config, rules))
    missing = {"gpu": f"no GPU backend {config.gpu.backend!r} in this version", "qpu": "no QPU backend in this version"}
    for kind, devices in (("gpu", wanted.gpu), ("qpu", wanted.qpu)):
        for number, device in enumerate(devices, 1):
            name, reason = f"{kind.upper()}-{number}", missing[kind]
            log.warning("mining on the CPU instead", miner=name, wanted=kind, device=device, reason=reason)
            samplers = tuple(CpuFallback(kind, reason) for _ in range(workers))
            setups.append(_setup(name, samplers, config, rules))
    return setups


def _setup(name: str, samplers: tuple[Sampler, ...], config: NodeConfig, rules: Network) -> MinerSetup:
    """What the operator left at "auto" follows the calibrated plans."""
    return MinerSetup(
        name=name,
        samplers=samplers,
        plans=shipped_plans(rules.spec.name, rules.puzzle.rules.topology.digest),
        plan=None if config.cpu.num_sweeps is None else Plan(sweeps=config.cpu.num_sweeps),
        reads=config.cpu.num_reads or REPLICAS,
        first_nonce=secrets.randbits(48),
    )
