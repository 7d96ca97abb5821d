"""Kills a node now and then and starts it again: which one and when follows from the seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from quip.localnet.network import LocalNetwork
from quip.localnet.node_process import PlannedNode

PAUSE_S = (6.0, 15.0)  # from a restart to the next kill: long enough to catch up on two cores
DOWN_S = (1.0, 5.0)


@dataclass(slots=True)
class Kill:
    """One kill -9."""

    node: str
    at_s: float
    """Seconds from the beginning."""
    down_s: float


class RandomKills:
    """At most one node is down at a time. Nothing dies after `until_s`, None: ever."""

    def __init__(self, seed: int, children: Sequence[PlannedNode], until_s: float | None) -> None:
        self._random = random.Random(seed)
        self._children = children
        self._until_s = until_s
        self._next_s = self._random.uniform(*PAUSE_S)
        self._down: PlannedNode | None = None
        self.done: list[Kill] = []

    def act(self, network: LocalNetwork, now_s: float) -> None:
        """Do what is due at `now_s` seconds from the beginning."""
        if now_s < self._next_s:
            return
        if self._down is not None:
            self._revive(now_s)
        elif self._until_s is None or now_s < self._until_s:
            victim = self._children[self._random.randrange(len(self._children))]
            down_s = self._random.uniform(*DOWN_S)
            network.kill(victim)
            self.done.append(Kill(victim.plan.name, round(now_s, 1), round(down_s, 1)))
            self._down, self._next_s = victim, now_s + down_s

    def _revive(self, now_s: float) -> None:
        if self._down is not None:
            self._down.start(mining=True)
            self._down = None
            self._next_s = now_s + self._random.uniform(*PAUSE_S)

    @property
    def down(self) -> str | None:
        """The node that lies dead at the moment."""
        return None if self._down is None else self._down.plan.name
