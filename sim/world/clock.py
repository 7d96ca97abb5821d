"""Simulated time: a queue of what happens when, and each node's own two clocks."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from quip.net.link import Instant
from quip.node.process.clock import ClockWatch

Call = Callable[[], object]


class EventQueue:
    """Runs calls in the order of their times; calls of one time in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.steps = 0
        self._calls: list[tuple[float, int, Call]] = []
        self._asked = 0

    def at(self, time_s: float, call: Call) -> None:
        """Run `call` at a time, or now if that is past."""
        self._asked += 1
        heapq.heappush(self._calls, (max(time_s, self.now_s), self._asked, call))

    def after(self, delay_s: float, call: Call) -> None:
        """Run `call` in a while."""
        self.at(self.now_s + delay_s, call)

    def run_until(self, end_s: float) -> None:
        """Everything up to and including `end_s`."""
        while self._calls and self._calls[0][0] <= end_s:
            self.now_s, _, call = heapq.heappop(self._calls)
            self.steps += 1
            call()
        self.now_s = end_s


class NodeClock:
    """A node's wall clock, wrong by `skew_s`, and its steady clock."""

    def __init__(self, queue: EventQueue, start_unix_s: int, skew_s: float = 0.0) -> None:
        self._queue = queue
        self._start_unix_s = start_unix_s
        self.skew_s = skew_s

    def wall_s(self) -> float:
        """Seconds since the epoch, as this node believes."""
        return self._start_unix_s + self._queue.now_s + self.skew_s

    def steady_s(self) -> float:
        """Seconds that only go forward."""
        return self._queue.now_s

    def instant(self) -> Instant:
        """Both, as the network's machines want them."""
        return Instant(self._queue.now_s, int(self.wall_s()))

    def watch(self) -> ClockWatch:
        """What the node's own code reads."""
        return ClockWatch(self.wall_s, self.steady_s)
