"""Checks seals on native threads; the interpreter is free meanwhile. Connections take turns, so none starves another.

One instance belongs to one event loop; everything but the checks themselves happens there.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from quip.consensus import block_validation
from quip.consensus.block_validation import OmmerClaim, OmmerSeal, Rules, SealCheck, SealedHeader, SealVerdict
from quip.consensus.errors.seal import SealUnchecked
from quip.consensus.spec.chain_spec import ChainSpec
from quip.ising.puzzle import Puzzle
from quip.net.actions import CheckSeals
from quip.net.events import SealsChecked
from quip.node.config.cpus import logical_cpus
from quip.node.network.fair_queue import FairQueue
from quip.node.network.limited_log import LimitedLog
from quip.node.process.failures import Failures, WatchedPool

MAX_THREADS = 2  # verification never takes more of a machine that also mines
TURNS_AHEAD = 2  # handed to each thread: it does not stand still until the loop has heard of the last one
TURN_S = 0.01  # of CPU in a turn, so that a new block does not wait long behind a sync's batches...
FIRST_TURN = 4  # ...in seals, as long as nobody knows what one costs
LONGEST_TURN = 64  # seals; more gain nothing

Verdicts = list[SealVerdict]
Checked = tuple[Verdicts, float]  # verdicts, and the CPU seconds that they took


@dataclass(slots=True)
class _Job:
    job: int
    connection: int
    checks: tuple[SealCheck | OmmerClaim, ...]
    begun: int = 0
    """Checks that a thread has or had."""
    open: int = 0
    """Checks without a verdict."""
    verdicts: dict[int, SealVerdict] = field(default_factory=dict)
    """By place in `checks`."""


class SealPool:
    """Takes CheckSeals, gives SealsChecked to `report` on the loop. `close` at the end."""

    def __init__(
        self, spec: ChainSpec, puzzle: Puzzle, report: Callable[[SealsChecked], None], failures: Failures | None = None
    ) -> None:
        self._rules = Rules(spec, puzzle)
        self._report = report
        self._log = LimitedLog()
        self._loop = asyncio.get_running_loop()
        threads = min(MAX_THREADS, logical_cpus())
        self._free = TURNS_AHEAD * threads
        self._threads = WatchedPool(threads, "seals", failures or Failures())
        self._turn = FIRST_TURN
        self._waiting: FairQueue[_Job] = FairQueue()

    def submit(self, wanted: CheckSeals) -> None:
        """Check these some time soon."""
        count = len(wanted.checks)
        job = _Job(wanted.job, wanted.connection, wanted.checks, open=count)
        if not wanted.checks:
            self._report(SealsChecked(job.job, ()))
            return
        self._waiting.put(job.connection, job)
        self._start()

    def close(self) -> None:
        """Drop what has not begun, and wait for the rest."""
        self._waiting.clear()
        self._threads.shutdown(cancel_futures=True)

    def _start(self) -> None:
        while self._free and self._waiting:
            job = self._waiting.take()
            first = job.begun
            job.begun = min(first + self._turn, len(job.checks))
            if job.begun < len(job.checks):
                self._waiting.put_first(job.connection, job)
            self._free -= 1
            done = self._threads.submit(check_all, self._rules, job.checks[first : job.begun])
            part = slice(first, job.begun)
            done.add_done_callback(lambda found, job=job, part=part: self._tell(job, part, found))  # type: ignore[misc]

    def _tell(self, job: _Job, part: slice, found: "Future[Checked]") -> None:
        if not found.cancelled() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish, job, part, found)

    def _finish(self, job: _Job, part: slice, found: "Future[Checked]") -> None:
        self._free += 1
        failure = found.exception()
        if failure is None:
            verdicts, seconds = found.result()
            if all(map(_is_good, verdicts)):  # bad ones may be cheaper
                self._turn = max(1, min(LONGEST_TURN, int(TURN_S * len(verdicts) / max(seconds, 1e-6))))
        else:  # seals on which our own code failed are never taken for good ones
            self._log.write("error", "a seal check failed", exc_info=failure)
            reason = f"its check ended with {type(failure).__name__}"
            verdicts = [SealUnchecked(reason=reason) for _ in job.checks[part]]
        job.verdicts.update(enumerate(verdicts, part.start))
        job.open -= len(verdicts)
        if not job.open:
            self._report(SealsChecked(job.job, tuple(job.verdicts[place] for place in range(len(job.checks)))))
        self._start()


def check_all(rules: Rules, checks: Sequence[SealCheck | OmmerClaim]) -> Checked:
    """What `block_validation.check_seals` says, and the CPU seconds that it took."""
    started_s = time.thread_time()
    found = block_validation.check_seals(rules, checks)
    return found, time.thread_time() - started_s


def _is_good(verdict: SealVerdict) -> bool:
    return isinstance(verdict, SealedHeader) or (isinstance(verdict, OmmerSeal) and verdict.error is None)
