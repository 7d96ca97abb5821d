"""Lines that others can make the node log: each kind once a minute, with a count of those left out.

RepeatLimit      decides, for a line that is logged here
LibraryLines     a logging filter with the same rule, for what uvicorn and asyncio log about a connection
"""

import contextlib
import logging
import time
from collections.abc import Callable, Hashable, Iterator

from quip.primitives.bounded_dict import BoundedDict

QUIET_S = 60.0
KINDS = 256  # of lines that are remembered; a library has far fewer
LIBRARIES = ("uvicorn.error", "asyncio")
VARYING = "(<"  # behind these, the first line of asyncio's messages names objects and addresses


class RepeatLimit:
    """Admits a kind of line at most once in QUIET_S."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: BoundedDict[Hashable, tuple[float, int]] = BoundedDict(KINDS)

    def admit(self, kind: Hashable) -> int | None:
        """None where the line is to be left out; else how many of its kind were left out since the last one."""
        now = self._now()
        since, left_out = self._seen.get(kind) or (None, 0)
        if since is not None and now - since < QUIET_S:
            self._seen[kind] = (since, left_out + 1)
            return None
        self._seen[kind] = (now, 0)
        return left_out


class LibraryLines(logging.Filter):
    """Lets a library's line pass once in QUIET_S, by its text without what varies and the kind of its exception."""

    def __init__(self) -> None:
        super().__init__()
        self._limit = RepeatLimit()

    def filter(self, record: logging.LogRecord) -> bool:
        """logging's own protocol."""
        text = str(record.msg).partition("\n")[0]
        for mark in VARYING:
            text = text.partition(mark)[0]
        left_out = self._limit.admit((text, record.exc_info[0] if record.exc_info else None))
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like it were not logged)"
        return left_out is not None


@contextlib.contextmanager
def limited_libraries() -> Iterator[None]:
    """While inside, what uvicorn and asyncio log is limited."""
    lines = LibraryLines()
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    for logger in loggers:
        logger.addFilter(lines)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(lines)
