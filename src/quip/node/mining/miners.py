"""The node's miners: starts and stops them, and says how they fare."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from quip.chain.template import Template
from quip.consensus.types.block import Block
from quip.mining.miner import Miner, MinerStatistics
from quip.networks.network import Network
from quip.node.config.node_config import NodeConfig
from quip.node.mining.block_producer import BlockProducer
from quip.node.mining.expectation import Luck, expected_s
from quip.node.mining.miner_setups import miner_setups
from quip.node.process.clock import as_duration
from quip.node.process.metrics import Metrics
from quip.rpc.encoding import quantity

log = structlog.get_logger("quip.mining")

REPORT_S = 30  # a line in the log so often, where no block comes
MEASURED_S = 10.0  # so long the line that mining starts waits for the first measured speed

REPORTED = (
    "id", "attempts", "spinUpdatesPerNs", "validSets", "blocksWon", "bestMarginOfBlock", "marginNeeded"
)  # fmt: skip


@dataclass(slots=True)
class Winnings:
    """What one miner won since the start."""

    earned: int = 0
    """Wei."""
    streak: int = 0
    """Blocks in a row, up to the head, that this miner won."""


class CountingWorkSource:
    """The block producer as one miner sees it: its blocks are counted for it."""

    def __init__(self, name: str, producer: BlockProducer, miners: "Miners") -> None:
        self._name = name
        self._producer = producer
        self._miners = miners

    def template(self) -> Template | None:
        """What to mine now."""
        return self._producer.template()

    def is_current(self, template: Template) -> bool:
        """Does the template still build on the head?"""
        return self._producer.is_current(template)

    def seal(self, template: Template, nonce: int, solutions: tuple[bytes, ...]) -> Block | None:
        """The signed block."""
        return self._producer.seal(template, nonce, solutions)

    def submit(self, block: Block) -> bool:
        """Hand a block in; True if it is now the head."""
        self._miners.say_start()  # before the line of its block
        won = self._producer.submit(block)
        if won:
            self._miners.count(self._name, self._producer.reward_of(block))
        return won


class Miners:
    """All miners of the configuration. `start` and `stop` once each."""

    def __init__(self, config: NodeConfig, rules: Network, producer: BlockProducer, counts: Metrics) -> None:
        self._producer = producer
        self._counts = counts
        self._mutex = threading.Lock()
        self._started = 0.0
        self._reported = 0.0
        self._idle_because: str | None = None
        self._worked_s: float | None = None
        """When there was work first."""
        self._announced = False
        self._luck = Luck()
        self._miners: dict[str, Miner] = {}
        self._winnings: dict[str, Winnings] = {}
        self._setups = miner_setups(config, rules)
        self._calibrated = all(setup.plan is None and setup.plans.digest for setup in self._setups)
        for setup in self._setups:
            own_source = CountingWorkSource(setup.name, producer, self)
            self._miners[setup.name] = Miner(setup, rules.puzzle, own_source, counts.cancel_s.observe)
            self._winnings[setup.name] = Winnings()

    @property
    def running(self) -> bool:
        """True between `start` and `stop`."""
        return self._started > 0

    @property
    def failing(self) -> str | None:
        """Why no miner works, though all were started; None while one does."""
        if not self._miners:
            return "the configuration names no miner"
        reasons = {name: miner.failing for name, miner in self._miners.items()}
        if None in reasons.values():
            return None
        return "no miner works (" + "; ".join(f"{name}: {reason}" for name, reason in reasons.items()) + ")"

    def start(self) -> None:
        """Begin to mine."""
        self._started = self._reported = time.monotonic()
        for miner in self._miners.values():
            miner.start()

    def stop(self) -> None:
        """End all work; returns when the threads have ended."""
        if self.running:
            self._started = 0.0
            for miner in self._miners.values():
                miner.stop()

    def new_head(self) -> None:
        """Work on another template from now on."""
        for miner in self._miners.values():
            miner.new_head()

    def block_passed(self, steps: int) -> None:
        """The head is so many blocks further."""
        found = [miner.statistics() for miner in self._miners.values()]
        with self._mutex:
            self._luck.passed(steps, sum(one.valid_sets for one in found), sum(one.expected_sets for one in found))

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

    def outlook(self) -> dict[str, Any]:
        """What quip_getStatus shows of mining: how long a block should take, and how it went lately."""
        found = [miner.statistics() for miner in self._miners.values()] if self.running else []
        with self._mutex:
            luck = self._luck.object(sum(one.valid_sets for one in found), sum(one.expected_sets for one in found))
        return {"expectedBlockTime": self._expected_s(found), "luck": luck if self._calibrated else None}

    def measure(self) -> None:
        """Set the metrics."""
        figures = ("attempts", "gate_hashes", "spin_updates", "valid_sets", "blocks_won", "failures")
        self._counts.mining.set(self.running and not (self._producer.idle_because or self.failing))
        for miner in self._miners.values():
            found = miner.statistics()
            for figure in figures:
                self._counts.miner.labels(found.name, figure).set(getattr(found, figure))
        outlook = self.outlook()
        self._counts.expected_block_s.set(outlook["expectedBlockTime"] or 0)
        self._counts.luck.set((outlook["luck"] or {}).get("ratio") or 0)

    def observe(self) -> None:
        """Once a second: start again what failed, say when mining begins and waits, and now and then how it goes."""
        if not self.running:
            return
        now_s = time.monotonic()
        for miner in self._miners.values():
            miner.tend(now_s)
        idle = self._producer.idle_because or self.failing
        if idle != self._idle_because:
            self._idle_because = idle
            log.warning("mining waits", reason=idle, **self._producer.idle_details) if idle else log.info(
                "mining goes on"
            )
        if idle is None:
            self._worked_s = self._worked_s or now_s
            self._announce(now_s - self._worked_s)
        if now_s - self._reported >= REPORT_S:
            self._reported = now_s
            for entry in self.objects():
                log.info("mining", **{key: entry[key] for key in REPORTED})

    def _announce(self, working_s: float) -> None:
        """Say that mining starts, once the speed is known, or soon."""
        found = [miner.statistics() for miner in self._miners.values()]
        if not self._calibrated or self._expected_s(found) is not None or working_s >= MEASURED_S:
            self.say_start()

    def say_start(self) -> None:
        """Say once what mines, how, and how long a block should take. Any thread may call it."""
        with self._mutex:
            said, self._announced = self._announced, True
        if said:
            return
        found = [miner.statistics() for miner in self._miners.values()]
        expected = self._expected_s(found)
        required = self._producer.requirements()
        plan = self._setups[0].plan or self._setups[0].plans.at(required.level)
        speed = sum(one.updates_per_s or 0.0 for one in found)
        unknown = "not measured yet" if self._calibrated else "unknown: no calibration for this puzzle and plan"
        log.info(
            "mining starts",
            miners=", ".join(f"{one.name} ({one.workers} x {one.device})" for one in found),
            plan=str(plan),
            work=required.work,
            **({"updates_per_ns": round(speed / 1e9, 2)} if speed else {}),
            block_expected_every=unknown if expected is None else as_duration(expected),
        )

    def _expected_s(self, found: Sequence[MinerStatistics]) -> float | None:
        """Seconds to a block of ours, on average, at the work that is required now."""
        if not self._calibrated:
            return None
        return expected_s(self._producer.requirements().work, found)

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
            "bestMarginOfBlock": found.block.best_margin,
            "marginNeeded": found.block.margin,
            "attemptsForBlock": found.block.attempts,
            "validSets": found.valid_sets,
            "failures": found.failures,
            "refused": found.refused,
            "trouble": self._miners[found.name].trouble,
            "expectedBlockTime": self._expected_s([found]) if seconds else None,
            "blocksWon": found.blocks_won,
            "streak": streak,
            "earned": quantity(earned),
        }
