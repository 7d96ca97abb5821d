"""The clock of a developer's chain: the system's, moved by whoever tests, and never behind the chain's head."""

import threading
from collections.abc import Callable

from quip.rpc.errors import CallFailed


class DeveloperClock:
    """Times are whole Unix seconds. Any thread may call."""

    def __init__(self, now: Callable[[], int], latest: Callable[[], int], horizon_s: int) -> None:
        """`latest`: the head's timestamp; no block is stamped more than `horizon_s` after `now`."""
        self._now = now
        self._latest = latest
        self._horizon_s = horizon_s
        self._offset_s = 0
        self._next: int | None = None
        self._mutex = threading.Lock()

    def block_time(self) -> int:
        """What the next block is stamped with, unless its parent is not older."""
        with self._mutex:
            return self._now() + self._offset_s if self._next is None else self._next

    def increase(self, seconds: int) -> int:
        """Move forward by so much from the clock's time, or the head's where that is later; the offset to the system's
        clock in seconds. Raises CallFailed."""
        with self._mutex:
            target = max(self._now() + self._offset_s, self._latest()) + seconds
            self._check(target)
            self._offset_s = target - self._now()
            return self._offset_s

    def set_next(self, timestamp: int) -> None:
        """The next block has this timestamp, and the clock goes on from there. Raises CallFailed."""
        with self._mutex:
            latest = self._latest()
            if timestamp <= latest:
                raise CallFailed(f"Timestamp {timestamp} is lower than or equal to previous block's timestamp {latest}")
            self._check(timestamp)
            self._next = timestamp

    def mined(self, timestamp: int) -> None:
        """A block was made with this timestamp."""
        with self._mutex:
            if self._next is not None:
                self._offset_s, self._next = timestamp - self._now(), None

    def _check(self, timestamp: int) -> None:
        if timestamp > self._now() + self._horizon_s:
            raise CallFailed(f"timestamp {timestamp} is more than {self._horizon_s} s ahead of the system's clock")
