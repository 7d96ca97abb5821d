"""The nodes of one simulation together: started in order, looked at all at once, killed and started again."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from quip.localnet.log_reader import LogReader, Sightings
from quip.localnet.node_process import Leash, PlannedNode, PolledNode, stop_all
from quip.localnet.plan import NodePlan
from quip.node.errors import NodeError

START_S = 300.0  # a first start makes keys; many nodes share few cores, and others may want them too
BEHIND = 1  # blocks that a node may be behind the others and still counts as having caught up

Wait = Callable[[], bool]
"""Waits a moment; False if the simulation was told to stop."""


class NodeDidNotStart(NodeError):
    """A node ended at once, or does not answer."""

    code = "simulated-node-failed"

    def __init__(self, child: PlannedNode) -> None:
        super().__init__(
            f"node {child.plan.name} on port {child.plan.port} does not start:\n{child.last_words()}",
            "take other ports with --base-port, or fewer nodes with --num-cpu, --num-gpu, --num-qpu",
        )


class LocalNetwork:
    """Real nodes. `close` ends them all."""

    def __init__(self, plans: Sequence[NodePlan]) -> None:
        self._leash = Leash()
        self.children = [PlannedNode(plan, self._leash) for plan in plans]
        self.answers: dict[str, PolledNode | None] = {plan.name: None for plan in plans}
        self.presences: dict[str, list[list[float]]] = {plan.name: [] for plan in plans}
        """Node -> [from, to] in Unix time: connected and caught up, until its process ended."""
        self.miner_ids: dict[str, str] = {}
        """Miner id -> node."""
        self.sightings = Sightings()
        self._logs = {plan.name: LogReader(plan.log) for plan in plans}
        self._asking = ThreadPoolExecutor(len(plans), "ask")

    def start_all(self, mining: bool, wait: Wait) -> None:
        """Start the bootstrap, then the others. Raises NodeDidNotStart."""
        for number, child in enumerate(self.children):
            child.start(mining)
            if number == 0:
                self._await([child], wait)
        self._await(self.children, wait)

    def _await(self, children: Sequence[PlannedNode], wait: Wait) -> None:
        end = time.monotonic() + START_S
        while True:
            self.look()
            silent = [child for child in children if self.answers[child.plan.name] is None]
            if not silent:
                return
            for child in silent:
                if child.status is not None or time.monotonic() > end:
                    raise NodeDidNotStart(child)
            if not wait():
                return

    def look(self) -> None:
        """Ask every node, and read what their logs have new."""
        found = self._asking.map(PlannedNode.ask, self.children)
        for child, answer in zip(self.children, found, strict=True):
            self.answers[child.plan.name] = answer
            if answer is not None:
                self.miner_ids[answer.miner_id] = child.plan.name
        best = max((answer.number for answer in self.answers.values() if answer is not None), default=0)
        for name, answer in self.answers.items():
            connected = answer is not None and (answer.peers > 0 or len(self.children) == 1)
            if connected and answer is not None and answer.number >= best - BEHIND:
                self._present(name)
        for name, log in self._logs.items():
            for line in log.read():
                self.sightings.take(name, line)

    def _present(self, name: str) -> None:
        spans = self.presences[name]
        if not spans or spans[-1][1] < float("inf"):
            spans.append([time.time(), float("inf")])

    def gone(self, name: str) -> None:
        """A node's process has ended: what it sees after its next start, it sees by catching up."""
        self.answers[name] = None
        spans = self.presences[name]
        if spans and spans[-1][1] == float("inf"):
            spans[-1][1] = time.time()

    def kill(self, child: PlannedNode) -> None:
        """kill -9."""
        child.kill()
        self.gone(child.plan.name)

    def kill_all(self) -> None:
        """kill -9 to everything."""
        for child in self.children:
            self.kill(child)

    def stop(self) -> list[str]:
        """Stop all nodes in order; the names of those that had to be killed."""
        late = stop_all(self.children)
        for child in self.children:
            self.gone(child.plan.name)
        return late

    @property
    def tips(self) -> dict[str, str]:
        """Node -> hash of its head, of those that answer."""
        return {name: answer.hash for name, answer in self.answers.items() if answer is not None}

    @property
    def one_tip(self) -> bool:
        """Every node answers, and they all have the same head."""
        tips = self.tips
        return len(tips) == len(self.children) and len(set(tips.values())) == 1

    def close(self) -> None:
        """End everything that still runs."""
        stop_all(self.children)
        self._asking.shutdown()
        self._leash.close()
