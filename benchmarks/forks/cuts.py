"""When the link between the two nodes is cut, and for how long: follows from the seed alone."""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.forks.relay import Link
from quip.localnet.network import LocalNetwork
from quip.localnet.node_process import PolledNode

TOGETHER_S = (15.0, 45.0)
"""From the moment at which they agree again to the next cut: streaks need blocks that nobody contests."""
APART_S = (6.0, 40.0)
"""Of a cut."""
QUIET_S = 20.0
"""So long before the end the link stays whole."""


@dataclass(slots=True)
class Cut:
    """One cut, and what came of it."""

    at_s: float
    """Seconds from the beginning."""
    apart_s: float = 0.0
    made: tuple[int, ...] = ()
    """Blocks that each node made, or took from nobody, while it lasted."""
    forked: bool = False
    """The heads differed as it ended, and none had stood still."""
    agreed_s: float | None = None
    """Seconds from its end until both named one head; None: not before the next event."""


class Cuts:
    """Cuts a link now and then. Call `act` often."""

    def __init__(self, link: Link, seed: int, until_s: float) -> None:
        self._link = link
        self._random = random.Random(seed)
        self._until_s = until_s - QUIET_S
        self._next_s = self._random.uniform(*TOGETHER_S)
        self._heads: list[PolledNode | None] = []
        self.done: list[Cut] = []

    def act(self, network: LocalNetwork, now_s: float) -> None:
        """Do what is due at `now_s` seconds from the beginning."""
        if self._link.is_cut:
            if now_s >= min(self._next_s, self._until_s):
                self._mend(network, now_s)
        elif self.done and self.done[-1].agreed_s is None:
            if network.one_tip:
                last = self.done[-1]
                last.agreed_s = now_s - last.at_s - last.apart_s
                self._next_s = now_s + self._random.uniform(*TOGETHER_S)
        elif now_s >= self._next_s and now_s + APART_S[0] < self._until_s and network.one_tip:
            self._heads = list(network.answers.values())
            self._next_s = now_s + self._random.uniform(*APART_S)
            self.done.append(Cut(now_s))
            self._link.cut()

    def _mend(self, network: LocalNetwork, now_s: float) -> None:
        last, heads = self.done[-1], list(network.answers.values())
        last.apart_s = now_s - last.at_s
        last.made = tuple(
            0 if new is None or old is None else new.number - old.number
            for old, new in zip(self._heads, heads, strict=True)
        )
        last.forked = not network.one_tip and min(last.made) > 0
        self._link.mend()
