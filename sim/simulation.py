"""One run: a scenario is played, healed, left alone and judged."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from structlog.testing import capture_logs

from quip.primitives.hashes import keccak256
from sim import oracle
from sim.event_log import EventLog
from sim.faults import Fault, fault_of
from sim.honest.history import BLOCK_TIME_S, FUTURE_LIMIT_S, branch, past, simulated_puzzle, simulated_spec
from sim.honest.mempool import transfer
from sim.honest.node import SimNode, SimNodePlan, World
from sim.liars.manners import liar_of
from sim.scenario import LATE, Kind, Scenario, honest_address, scenario_of
from sim.world.clock import EventQueue
from sim.world.disk import NodeDisk, memory_directory
from sim.world.network import FakeNetwork

USERS = 8
"""Who send the transactions of a scenario, in turn."""
CONVERGE_S = 60.0
"""After the last fault: max(60 s, two block times) until all share a tip."""
PATIENCE_S = 300.0
"""A fault that has had no effect by its end goes on, at most so long."""
DRAIN_S = 30.0
"""Without new blocks, before the final look."""
LAST_TICKS_S = 3.0
"""And so long where the nodes disagree then."""


@dataclass(slots=True)
class Report:
    """What came of a run."""

    scenario: Scenario
    breaches: list[str] = field(default_factory=list)
    digest: str = ""
    """Hash of the event log."""
    lines: int = 0
    blocks: int = 0
    """Height of the common chain."""
    simulated_s: float = 0.0
    converged_s: float | None = None
    """Seconds from healing to the first common tip."""
    counts: Counter[str] = field(default_factory=Counter)
    last: list[str] = field(default_factory=list)
    """The end of the event log."""

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.breaches


def run(seed: int, echo: Callable[[str], object] | None = None) -> Report:
    """Play the scenario of a seed. What the nodes' code raises passes through."""
    return play(scenario_of(seed), echo)


def play(scenario: Scenario, echo: Callable[[str], object] | None = None) -> Report:
    """Play a scenario."""
    with memory_directory() as place, capture_logs() as logs:
        simulation = Simulation(scenario, place, echo)
        report = simulation.play()
        report.breaches += [f"logged: {entry}" for entry in logs if entry["log_level"] in ("error", "critical")]
        return report


class Simulation:
    """The nodes of one scenario, and what befalls them."""

    def __init__(self, scenario: Scenario, place: Path, echo: Callable[[str], object] | None = None) -> None:
        queue = EventQueue()
        network = FakeNetwork(queue, random.Random(f"network {scenario.seed}"), scenario.weather)
        log = EventLog(queue, echo)
        histories = (past()[: scenario.history], branch() if self._is_deep(scenario) else ())
        start = max((blocks[-1].header.timestamp for blocks in histories if blocks), default=None)
        spec = simulated_spec()
        start_unix_s = (spec.genesis.timestamp if start is None else start) + BLOCK_TIME_S
        self.world = World(queue, network, log, spec, simulated_puzzle(), start_unix_s, scenario.seed)
        self.scenario = scenario
        self.report = Report(scenario)
        self.nodes = [self._node(index, place) for index in range(scenario.nodes)]
        self.liars = [liar_of(self.world, plan, self.nodes) for plan in scenario.liars]
        self.faults = [fault_of(self.world, self.nodes, plan) for plan in scenario.faults]

    def play(self) -> Report:
        """All of it."""
        queue, report = self.world.queue, self.report
        late = {index for fault in self.scenario.faults if fault.kind in LATE for index in fault.nodes}
        for index, node in enumerate(self.nodes):
            node.prepare(self._history(index))
            if index not in late:
                queue.at(index * 0.5, node.boot)
        for liar in self.liars:
            queue.at(liar.plan.begin_s, liar.begin)
        for fault in self.faults:
            queue.at(fault.plan.begin_s, fault.begin)
            queue.at(fault.plan.end_s, self._ender(fault))
        self._plan_transactions()
        queue.run_until(self.scenario.heal_s)
        while not all(fault.over for fault in self.faults):
            queue.run_until(queue.now_s + 1.0)
        patient_until_s = queue.now_s + PATIENCE_S
        while self._is_ahead_of_time() and queue.now_s < patient_until_s:
            queue.run_until(queue.now_s + 1.0)
        self._converge()
        for node in self.nodes:
            node.stop_mining()
        for liar in self.liars:
            liar.stop_lying()
        queue.run_until(queue.now_s + DRAIN_S)
        if not oracle.one_tip(self.nodes):  # an early block's time has just come: each node sees it at its next tick
            queue.run_until(queue.now_s + LAST_TICKS_S)
        self._judge()
        return report

    def _plan_transactions(self) -> None:
        """Users' transactions: each sender's one after the other, to whatever nodes are up then."""
        queue, draw = self.world.queue, random.Random(f"users {self.scenario.seed}")
        times = sorted(draw.uniform(0.0, self.scenario.heal_s) for _ in range(self.scenario.transactions))
        for number, when in enumerate(times):
            secret = keccak256(f"user {number % USERS}".encode())
            encoded = transfer(secret, self.world.spec.chain_id, number // USERS, draw.randint(1, 9))
            queue.at(when, self._user(encoded, draw.sample(self.nodes, len(self.nodes))))

    def _user(self, encoded: bytes, nodes: list[SimNode]) -> Callable[[], None]:
        """Sends a transaction to the first of these nodes that is up."""

        def send() -> None:
            for node in nodes:
                if node.up:
                    self.report.counts["transactions sent"] += 1
                    node.mempool.send(encoded)
                    return

        return send

    def _is_ahead_of_time(self) -> bool:
        """Whether a clock that was wrong has left a head behind that others may not accept yet."""
        latest = self.world.start_unix_s + self.world.queue.now_s + FUTURE_LIMIT_S
        return any(node.chain.head.header.timestamp > latest for node in self.nodes if node.up)

    def _ender(self, fault: Fault) -> Callable[[], None]:
        """Ends a fault, but not before it had an effect."""

        def end() -> None:
            queue = self.world.queue
            if not fault.happened() and queue.now_s < fault.plan.end_s + PATIENCE_S:
                queue.after(1.0, end)
                return
            self.world.log.add("fault", f"{fault.plan.kind.value} ends")
            fault.over = True
            fault.end()

        return end

    def _converge(self) -> None:
        queue = self.world.queue
        healed_s = queue.now_s
        height = max(node.chain.head.header.number for node in self.nodes if node.up)
        while queue.now_s < healed_s + CONVERGE_S:
            queue.run_until(queue.now_s + 0.5)
            if self.report.converged_s is None and oracle.one_tip(self.nodes):
                self.report.converged_s = queue.now_s - healed_s
        if height == max(node.chain.head.header.number for node in self.nodes if node.up):
            self.report.breaches.append(f"no block was mined in {CONVERGE_S:.0f} s after healing")
        if self.report.converged_s is None:
            heads = {node.name: node.chain.head.header.number if node.up else "down" for node in self.nodes}
            self.report.breaches.append(f"no common tip within {CONVERGE_S:.0f} s of healing: {heads}")

    def _judge(self) -> None:
        report, world = self.report, self.world
        report.simulated_s = world.queue.now_s
        down = [node.name for node in self.nodes if not node.up]
        if down:
            report.breaches.append(f"down at the end: {down}")
            return
        report.blocks = self.nodes[0].chain.head.header.number
        report.breaches += self._unhappened()
        report.breaches += oracle.of_live_nodes(world, self.nodes)
        if not self.liars:
            report.breaches += oracle.left_over(self.nodes)
        report.digest, report.lines, report.last = world.log.digest(), world.log.lines, list(world.log.last)
        self._count()
        for node in self.nodes:
            node.shut_down()
        report.breaches += oracle.of_stores(world, self.nodes)

    def _unhappened(self) -> Iterator[str]:
        for fault in self.faults:
            if not fault.happened():
                yield f"the fault {fault.plan.kind.value} had no effect"
        for liar in self.liars:
            if not liar.lies:
                yield f"liar {liar.plan.number} ({liar.plan.manner.value}) told no lie"

    def _count(self) -> None:
        counts = self.report.counts
        counts.update(self.world.network.counts)
        for node in self.nodes:
            counts["deepest reorganisation"] = max(
                counts["deepest reorganisation"], node.counts["deepest reorganisation"]
            )
            counts["mined"] += node.counts["mined"]
            counts["crashes"] += node.crashes
        shown, bonuses = oracle.shown_and_settled(self.nodes[0].chain)
        counts["ommers shown"] += shown
        counts["bonuses settled"] += bonuses
        for fault in self.faults:
            counts[f"fault {fault.plan.kind.value}"] += fault.happened()
        for liar in self.liars:
            counts[f"lies {liar.plan.manner.value}"] += liar.lies.total()
        counts["steps"] = self.world.queue.steps

    def _node(self, index: int, place: Path) -> SimNode:
        scenario = self.scenario
        plan = SimNodePlan(
            name=f"n{index + 1}",
            number=index + 1,
            address=honest_address(index),
            share=scenario.shares[index],
            manual=tuple(honest_address(other) for other in scenario.manual[index]),
        )
        return SimNode(self.world, plan, NodeDisk(place, plan.number))

    def _history(self, index: int) -> tuple:  # type: ignore[type-arg]
        shared = past()[: self.scenario.history]
        for fault in self.scenario.faults:
            if index in fault.nodes and fault.kind is Kind.DEEP:
                return branch()
            if index in fault.nodes and fault.kind is Kind.STALE:
                return shared[: int(len(shared) * fault.strength * 0.9)]
        return shared

    @staticmethod
    def _is_deep(scenario: Scenario) -> bool:
        return any(fault.kind is Kind.DEEP for fault in scenario.faults)
