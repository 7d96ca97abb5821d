"""The log of all that strangers can cause: no kind of line more often than `LogLimit` lets it."""

import time
from collections.abc import Callable
from typing import Any

import structlog

from quip.net.log_limit import LogLimit


class LimitedLog:
    """Writes lines, or leaves them out; the next one of that kind tells how many (`unlogged`)."""

    def __init__(self, name: str = "quip.net", clock: Callable[[], float] = time.monotonic) -> None:
        self._log = structlog.get_logger(name)
        self._limit = LogLimit()
        self._clock = clock

    def write(self, level: str, event: str, **fields: Any) -> None:
        """A line; `event` is a constant text."""
        unlogged = self._limit.left_out(event, self._clock())
        if unlogged is None:
            return
        if unlogged:
            fields["unlogged"] = unlogged
        getattr(self._log, level)(event, **fields)
