"""The miner: one worker per sampler, each on its own thread. Every miner kind runs this; only the sampler differs.

A thread that ends by an exception takes nothing else with it: `failing` says why, and `tend` starts another one.
"""

import sys
import threading
import time
from collections.abc import Callable

from quip.chain.template import Template
from quip.ising.puzzle import Puzzle
from quip.mining.worker import MinerSetup, MinerStatistics, Tally, Worker, WorkSource

__all__ = ["Miner", "MinerSetup", "MinerStatistics", "WorkSource"]

IDLE_S = 0.05
"""Between two looks for work where there is none."""
JOIN_S = 1.0
"""A stopped worker ends well within this; the kernel polls every few milliseconds."""
RESTART_S = 5.0
"""From a worker's end by an exception to the next one's start: what fails at once must not keep a core busy."""


class _Post:
    """A worker's place: the thread that runs it now, and why the last one ended."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.worker = worker
        self.name = name
        self.thread: threading.Thread | None = None
        self.ended_by: str | None = None
        self.ended_s = 0.0

    @property
    def failing(self) -> str | None:
        """Why nothing is mined here; None while something is."""
        if self.thread is None or not self.thread.is_alive():
            return self.ended_by or "its thread does not run"
        return self.worker.failing


class Miner:
    """Worker threads over one sampler each. `start` once, `tend` now and then, `stop` once."""

    def __init__(
        self,
        setup: MinerSetup,
        puzzle: Puzzle,
        source: WorkSource,
        cancelled: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`cancelled` is told, from the worker's thread, how long it took to end work after `new_head`."""
        first = setup.samplers[0]
        self._stopping = threading.Event()
        self._cancelled = cancelled
        self._called_s = 0.0
        """When the last head came, by the monotonic clock."""
        self._tally = Tally(MinerStatistics(setup.name, first.kind, first.device, len(setup.samplers)))
        self._posts = [
            _Post(Worker(setup, number, puzzle, source, self._tally), f"{setup.name}.{number}")
            for number in range(len(setup.samplers))
        ]

    def start(self) -> None:
        """Starts the workers."""
        for post in self._posts:
            self._start(post)

    def tend(self, now_s: float) -> None:
        """Starts workers again that ended a while ago. `now_s`: monotonic."""
        for post in self._posts:
            dead = post.thread is not None and not post.thread.is_alive()
            if dead and not self._stopping.is_set() and now_s - post.ended_s >= RESTART_S:
                self._start(post)

    @property
    def failing(self) -> str | None:
        """Why no worker mines; None while one does, and before the start."""
        reasons = [post.failing for post in self._posts if post.thread is not None]
        return reasons[0] if reasons and None not in reasons else None

    @property
    def trouble(self) -> str | None:
        """Why some worker does not mine; None while all do, and before the start."""
        return next((post.failing for post in self._posts if post.thread is not None and post.failing), None)

    def new_head(self) -> None:
        """Ends all present work; the workers ask for a new template."""
        self._called_s = time.monotonic()
        for post in self._posts:
            post.worker.cancel()

    def stop(self) -> None:
        """Ends the workers and waits for them."""
        self._stopping.set()
        self.new_head()
        for post in self._posts:
            if post.thread is not None:
                post.thread.join(JOIN_S)

    def statistics(self) -> MinerStatistics:
        """A snapshot."""
        return self._tally.snapshot()

    def _start(self, post: _Post) -> None:
        post.thread = threading.Thread(target=self._run, args=(post,), name=post.name, daemon=True)
        post.thread.start()

    def _run(self, post: _Post) -> None:
        try:
            self._work(post.worker)
        finally:
            error = sys.exception()
            if error is not None:
                post.ended_by, post.ended_s = f"{type(error).__name__}: {error}", time.monotonic()
                self._tally.count(failures=1)

    def _work(self, worker: Worker) -> None:
        answered_s = self._called_s
        while not self._stopping.is_set():
            if answered_s != self._called_s:
                answered_s = self._called_s
                self._cancelled(time.monotonic() - answered_s)
            template = worker.begin()
            if template is None or (not self._stopping.is_set() and not self._timed(worker, template)):
                self._stopping.wait(IDLE_S)

    def _timed(self, worker: Worker, template: Template) -> bool:
        began_s = time.monotonic()
        went_well = worker.work(template)
        self._tally.count(busy_s=time.monotonic() - began_s)
        return went_well
