"""The miner: one worker per sampler, each on its own thread. Every miner kind runs this; only the sampler differs."""

import threading
import time
from collections.abc import Callable

from quip.ising.puzzle import Puzzle
from quip.mining.worker import MinerSetup, MinerStatistics, Tally, Worker, WorkSource

__all__ = ["Miner", "MinerSetup", "MinerStatistics", "WorkSource"]

IDLE_S = 0.05
"""Between two looks for work where there is none."""
JOIN_S = 1.0
"""A stopped worker ends well within this; the kernel polls every few milliseconds."""


class Miner:
    """Worker threads over one sampler each. `start` once, then `stop` once."""

    def __init__(
        self,
        setup: MinerSetup,
        puzzle: Puzzle,
        desk: WorkSource,
        cancelled: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`cancelled` is told, from the worker's thread, how long it took to end work after `new_head`."""
        first = setup.samplers[0]
        self._name = setup.name
        self._stopping = threading.Event()
        self._cancelled = cancelled
        self._called_s = 0.0
        """When the last head came, by the monotonic clock."""
        self._tally = Tally(MinerStatistics(setup.name, first.kind, first.device, len(setup.samplers)))
        self._workers = [Worker(setup, number, puzzle, desk, self._tally) for number in range(len(setup.samplers))]
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts the workers."""
        for number, worker in enumerate(self._workers):
            thread = threading.Thread(target=self._run, args=(worker,), name=f"{self._name}.{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def new_head(self) -> None:
        """Ends all present work; the workers ask for a new template."""
        self._called_s = time.monotonic()
        for worker in self._workers:
            worker.cancel()

    def stop(self) -> None:
        """Ends the workers and waits for them."""
        self._stopping.set()
        self.new_head()
        for thread in self._threads:
            thread.join(JOIN_S)

    def statistics(self) -> MinerStatistics:
        """A snapshot."""
        return self._tally.snapshot()

    def _run(self, worker: Worker) -> None:
        answered_s = self._called_s
        while not self._stopping.is_set():
            if answered_s != self._called_s:
                answered_s = self._called_s
                self._cancelled(time.monotonic() - answered_s)
            template = worker.begin()
            if template is None or (not self._stopping.is_set() and not worker.work(template)):
                self._stopping.wait(IDLE_S)
