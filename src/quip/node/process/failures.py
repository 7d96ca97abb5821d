"""What ended by an exception that nobody foresaw: threads, jobs in pools, callbacks on the loop.

Nothing in a node may be dead in silence. A thread is started again, or the node ends; either way it is told here, and
from here the status, the metrics and the log have it.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import structlog

from quip.primitives.bounded_dict import BoundedDict
from quip.rpc.transport.log_limit import RepeatLimit

log = structlog.get_logger("quip.node")

KEPT = 64  # threads; a node has about twenty
HINT = "this is a mistake in the program: please report it with these lines"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of one thread since the start."""

    thread: str
    reason: str
    """The last exception."""
    count: int
    last_s: float
    """When, by the monotonic clock."""


class Failures:
    """Counts failures by thread. Every method may be called from any thread."""

    def __init__(self, count: Callable[[str], None] = lambda thread: None) -> None:
        """`count` is told of each, by the thread's name."""
        self._count = count
        self._mutex = threading.Lock()
        self._found: BoundedDict[str, Failure] = BoundedDict(KEPT)
        self._lines = RepeatLimit()
        """The traceback of one thread: one that fails again and again must not fill the disk."""

    def note(self, thread: str, error: BaseException) -> None:
        """Something failed, and the log has it already."""
        with self._mutex:
            before = self._found.get(thread)
            count = 1 if before is None else before.count + 1
            self._found[thread] = Failure(thread, described(error), count, time.monotonic())
        self._count(thread)

    def report(self, thread: str, error: BaseException) -> None:
        """Something failed: note it, and log it."""
        self.note(thread, error)
        with self._mutex:
            left_out = self._lines.admit(thread)
        if left_out is not None:
            log.error("a thread failed", thread=thread, reason=described(error), hint=HINT, exc_info=error)

    def objects(self) -> list[dict[str, Any]]:
        """What quip_getStatus shows."""
        with self._mutex:
            found = [one for _, one in self._found.items()]
        now_s = time.monotonic()
        return [
            {"thread": one.thread, "reason": one.reason, "count": one.count, "age": round(now_s - one.last_s, 1)}
            for one in found
        ]

    @contextlib.contextmanager
    def watching_threads(self) -> Iterator[None]:
        """While inside, every thread of this process that ends by an exception is reported."""
        before = threading.excepthook

        def report(ended: threading.ExceptHookArgs) -> None:
            if ended.exc_value is not None:
                self.report(ended.thread.name if ended.thread else "unknown", ended.exc_value)

        threading.excepthook = report
        try:
            yield
        finally:
            threading.excepthook = before

    def on_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """asyncio's handler of exceptions that no task takes."""
        error = context.get("exception")
        if error is None:
            loop.default_exception_handler(context)
        else:
            self.report("loop", error)


class WatchedPool(ThreadPoolExecutor):
    """Threads whose jobs' unforeseen exceptions are noted; the threads themselves outlive them."""

    def __init__(
        self, threads: int, name: str, failures: Failures, foreseen: tuple[type[BaseException], ...] = ()
    ) -> None:
        """`foreseen`: what jobs raise where nothing is wrong with the program."""
        super().__init__(threads, name)
        self._name = name
        self._failures = failures
        self._foreseen = foreseen

    def submit(
        self, job: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> "Future[Result]":
        """Run it some time soon."""
        done = super().submit(job, *args, **kwargs)
        done.add_done_callback(self._look)
        return done

    def _look(self, done: "Future[Any]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and not isinstance(error, self._foreseen):
            self._failures.note(self._name, error)


def described(error: BaseException) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]
