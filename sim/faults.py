"""Faults as things that begin, can be seen to have happened, and end."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from sim.honest.history import FUTURE_LIMIT_S
from sim.honest.node import SimNode, World
from sim.scenario import FaultPlan, Kind
from sim.world.network import FakeNetwork

DOWNTIME_S = 12.0
"""How long a crashed node stays down, on average."""
LATE_FREEZE_S = 10.0
"""How long at most a node stands still that was not there when the others did."""
COMMIT_OPERATIONS = 40
"""A commit is about this many operations of the disk: the power goes in one of so many."""


class Fault(ABC):
    """One fault of a scenario."""

    def __init__(self, world: World, nodes: Sequence[SimNode], plan: FaultPlan) -> None:
        self.plan = plan
        self.world = world
        self.nodes = nodes
        self.befallen = [nodes[index] for index in plan.nodes]
        self.others = [node for index, node in enumerate(nodes) if index not in plan.nodes]
        self.rng = random.Random(f"fault {world.seed} {plan.kind.value} {plan.begin_s}")
        self.over = False

    @abstractmethod
    def begin(self) -> None:
        """From now on."""

    @abstractmethod
    def end(self) -> None:
        """No longer; what it left behind is for the nodes to mend."""

    @abstractmethod
    def happened(self) -> int:
        """How often it had an effect so far; 0: it was no fault at all."""


class Cut(Fault):
    """Paths between two groups, in one or both directions."""

    def begin(self) -> None:
        """Cut."""
        self._before = self.world.network.counts["cut paths met"]
        for source, target in self._paths():
            self.world.network.cut(source.address, target.address)

    def end(self) -> None:
        """Mend."""
        for source, target in self._paths():
            self.world.network.mend(source.address, target.address)

    def happened(self) -> int:
        """Chunks and handshakes that met a cut path."""
        return self.world.network.counts["cut paths met"] - self._before

    def _paths(self) -> list[tuple[SimNode, SimNode]]:
        there = [(one, other) for one in self.befallen for other in self.others]
        return there if self.plan.kind is Kind.ONE_WAY else there + [(other, one) for one, other in there]


class Crashes(Fault):
    """Nodes die and come back, again and again, until the fault ends."""

    def begin(self) -> None:
        """The first deaths."""
        self._before = sum(node.crashes for node in self.befallen)
        for node in self.befallen:
            self._later(node, self.rng.uniform(0, 10), self._strike)

    def end(self) -> None:
        """Everybody is started again."""
        self.over = True
        for node in self.befallen:
            if node.up and self.plan.kind is Kind.POWER:
                node.crash(self.rng.getrandbits(32))  # a disk that waits for its end gets it now
            if not node.up:
                node.boot()

    def happened(self) -> int:
        """Deaths."""
        return sum(node.crashes for node in self.befallen) - self._before

    def _strike(self, node: SimNode) -> None:
        if not node.up:
            node.boot()
            self._later(node, self.rng.uniform(5, 40), self._strike)
        elif self.plan.kind is Kind.POWER:
            node.disk.cut_power_after(self.rng.randint(1, COMMIT_OPERATIONS), self.rng.getrandbits(32))
            self._later(node, self.rng.uniform(10, 30), self._restart)
        else:
            node.crash(self.rng.getrandbits(32))
            self._later(node, self.rng.expovariate(1 / DOWNTIME_S), self._strike)

    def _restart(self, node: SimNode) -> None:
        """Boot what lost its power; if it has not happened yet, it still will."""
        if not node.up:
            node.boot()
            self._later(node, self.rng.uniform(5, 20), self._strike)
        else:
            self._later(node, 5.0, self._restart)

    def _later(self, node: SimNode, delay_s: float, act: object) -> None:
        self.world.queue.after(delay_s, lambda: None if self.over else act(node))  # type: ignore[operator]


class Skew(Fault):
    """Wrong clocks."""

    def begin(self) -> None:
        """Move the clocks."""
        self._ahead_before = sum(node.counts["blocks ahead"] for node in self.befallen)
        for place, node in enumerate(self.befallen):
            sign = 1 if self.plan.kind is Kind.AHEAD or place % 2 == 0 else -1
            node.clock.skew_s = sign * self._seconds()

    def end(self) -> None:
        """Put them right."""
        for node in self.befallen:
            node.clock.skew_s = 0.0

    def happened(self) -> int:
        """Blocks that were too early for others; for a small skew, wrong clocks."""
        if self.plan.kind is Kind.SKEW:
            return len(self.befallen)
        return sum(node.counts["blocks ahead"] for node in self.befallen) - self._ahead_before

    def _seconds(self) -> float:
        limit = FUTURE_LIMIT_S
        return 2 * limit + 60 * self.plan.strength if self.plan.kind is Kind.AHEAD else (limit - 4) * self.plan.strength


class Late(Fault):
    """The nodes were not there before."""

    _distance = 0

    def begin(self) -> None:
        """Here they come."""
        height = max(node.chain.head.header.number for node in self.others if node.up)
        for node in self.befallen:
            if not node.up:
                node.boot()
            self._distance += 1 + abs(height - node.chain.head.header.number)

    def end(self) -> None:
        """They stay."""

    def happened(self) -> int:
        """Blocks that they were behind, or ahead on their branch, when they came."""
        return self._distance


class Freeze(Fault):
    """Nodes stand still, and go on where they were."""

    def begin(self) -> None:
        """Some for seconds, some for so long that nobody waits for them."""
        for node in self.befallen:
            self._strike(node, self.plan.end_s - self.plan.begin_s)

    def _strike(self, node: SimNode, longest_s: float) -> None:
        queue = self.world.queue
        if node.up:
            node.freeze(queue.now_s + self.rng.uniform(2, longest_s))
        elif not self.over:  # it is not there yet
            queue.after(1.0, lambda: self._strike(node, min(longest_s, LATE_FREEZE_S)))

    def end(self) -> None:
        """All are awake by now, or soon."""

    def happened(self) -> int:
        """Events, its own timers' too, that had to wait."""
        return sum(node.counts["frozen"] for node in self.befallen)


class DiskFull(Fault):
    """No room on the disk."""

    def begin(self) -> None:
        """Full."""
        for node in self.befallen:
            node.disk.set_full(True)

    def end(self) -> None:
        """Somebody made room."""
        for node in self.befallen:
            node.disk.set_full(False)

    def happened(self) -> int:
        """Seconds for which imports were put off."""
        return sum(node.counts["stalled"] for node in self.befallen)


class BadWeather(Fault):
    """Loss, or delays and narrow links."""

    def begin(self) -> None:
        """It comes."""
        network, strength = self.world.network, self.plan.strength
        self._before = network.counts["lost chunks"] + network.counts["reordered chunks"]
        self._fair = network.weather
        if self.plan.kind is Kind.LOSS:
            network.weather = replace(network.weather, loss=0.1 + 0.3 * strength)
        else:
            delay_s = 0.3 + 1.2 * strength
            network.weather = replace(network.weather, delay_s=delay_s, jitter_s=delay_s, bytes_per_s=20_000.0)

    def end(self) -> None:
        """It goes."""
        network, fair = self.world.network, self._fair
        if self.plan.kind is Kind.LOSS:
            network.weather = replace(network.weather, loss=fair.loss)
        else:
            network.weather = replace(
                network.weather, delay_s=fair.delay_s, jitter_s=fair.jitter_s, bytes_per_s=fair.bytes_per_s
            )

    def happened(self) -> int:
        """Chunks lost or overtaken."""
        network: FakeNetwork = self.world.network
        seen = network.counts["lost chunks"] + network.counts["reordered chunks"] - self._before
        return seen if self.plan.kind is Kind.LOSS else max(seen, 1)


_CLASSES: dict[Kind, type[Fault]] = {
    Kind.SPLIT: Cut,
    Kind.LONER: Cut,
    Kind.ONE_WAY: Cut,
    Kind.CRASH: Crashes,
    Kind.POWER: Crashes,
    Kind.SKEW: Skew,
    Kind.AHEAD: Skew,
    Kind.STALE: Late,
    Kind.DEEP: Late,
    Kind.DISK_FULL: DiskFull,
    Kind.FREEZE: Freeze,
    Kind.LOSS: BadWeather,
    Kind.SLOW: BadWeather,
}


def fault_of(world: World, nodes: Sequence[SimNode], plan: FaultPlan) -> Fault:
    """The fault of a plan."""
    return _CLASSES[plan.kind](world, nodes, plan)
