"""How long one call may hold a thread: the node has few of them for everybody."""

import time

from quip.rpc.errors import LimitExceeded

LIMIT_S = 5.0


class TimeLimit:
    """Runs from when it is made."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._end = time.monotonic() + limit_s
        self._limit_s = limit_s

    @property
    def over(self) -> bool:
        """Is the time up?"""
        return time.monotonic() >= self._end

    def error(self, advice: str) -> LimitExceeded:
        """What the caller is told."""
        return LimitExceeded(f"query timed out after {self._limit_s:g} s: {advice}")
