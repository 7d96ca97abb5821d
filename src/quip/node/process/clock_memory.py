"""The newest wall-clock time that a data directory has seen: what tells a clock that is years off from a long pause."""

import contextlib
import threading
from pathlib import Path

import structlog

from quip.files import durable_files

log = structlog.get_logger("quip.node")

FAR_S = 30 * 86_400  # a chain stopped for weeks is nothing unusual; a clock that far off rarely is right
MAX_DIGITS = 20


class ClockMemory:
    """A file with one number. What cannot be read or written is no reason to stop a node."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()  # a node that ends writes while a thread may still do so
        self.newest = self._read()
        """Unix seconds, as it was found; None: nothing was remembered."""

    def remember(self, now: int) -> None:
        """The clock says `now`; durable when it returns."""
        with self._writing:
            if self.newest is not None and now <= self.newest:
                return
            try:
                durable_files.replace(self._path, f"{now}\n".encode())
            except OSError as error:
                log.warning("the time is not remembered", file=str(self._path), reason=error.strerror)
                return
            self.newest = now

    def _read(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            text = self._path.read_bytes()[: MAX_DIGITS + 1].strip()
            return int(text) if text.isdigit() else None
        return None


def far_ahead(now: int, head_time: int | None, remembered: int | None) -> int | None:
    """The newest time known, if the clock is FAR_S ahead of it; None where it is not, or nothing is known.

    >>> far_ahead(now=40 * 86_400, head_time=86_400, remembered=None)
    86400
    >>> far_ahead(now=40 * 86_400, head_time=86_400, remembered=39 * 86_400) is None
    True
    """
    known = [time for time in (head_time, remembered) if time is not None]
    return max(known) if known and now - max(known) > FAR_S else None
