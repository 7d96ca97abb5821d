"""How often a kind of line may stand in the log: whatever a stranger can cause must not fill the disk.

>>> limit = LogLimit()
>>> [limit.left_out("peer refused", now_s=0.0) for _ in range(65)][-2:]
[0, None]
>>> limit.left_out("peer refused", now_s=10.0)
1
"""

from __future__ import annotations

from quip.net.limits import LOG_KINDS, LOG_LINES_AT_ONCE, LOG_LINES_PER_S
from quip.net.token_bucket import Rate, TokenBucket
from quip.primitives.bounded_dict import BoundedDict


class LogLimit:
    """One token bucket for each kind of line, and a count of what it kept out."""

    def __init__(self) -> None:
        self._buckets: BoundedDict[str, TokenBucket] = BoundedDict(LOG_KINDS)
        self._left_out: BoundedDict[str, int] = BoundedDict(LOG_KINDS)

    def left_out(self, kind: str, now_s: float) -> int | None:
        """None: leave this line out. Else it may be written, and so many of its kind were left out before it.

        `kind`: the line's constant text, nothing that a stranger chooses. `now_s`: a monotonic clock.
        """
        bucket = self._buckets.get(kind)
        if bucket is None:
            bucket = TokenBucket(Rate(LOG_LINES_PER_S, LOG_LINES_AT_ONCE), now_s)
            self._buckets[kind] = bucket
        before = self._left_out.get(kind) or 0
        if not bucket.take(now_s):
            self._left_out[kind] = before + 1
            return None
        self._left_out.pop(kind, None)
        return before
