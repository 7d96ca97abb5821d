"""Token buckets: how often something may happen, by a clock that is passed in.

>>> bucket = TokenBucket(Rate(per_s=2.0, burst=3), now_s=0.0)
>>> [bucket.take(0.0) for _ in range(4)], bucket.take(0.5)
([True, True, True, False], True)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and so many at once."""

    per_s: float
    burst: float

    def share(self, part: float) -> Rate:
        """A part of it, at least one at once."""
        return Rate(self.per_s * part, max(1.0, self.burst * part))


class TokenBucket:
    """Full at first; fills at the rate. A clock that stands still or goes back fills nothing."""

    __slots__ = ("_rate", "_tokens", "_when_s")

    def __init__(self, rate: Rate, now_s: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._when_s = now_s

    def take(self, now_s: float, tokens: float = 1.0) -> bool:
        """True, and that many fewer, if there are enough."""
        self._fill(now_s)
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True

    def has_any(self, now_s: float) -> bool:
        """True while there is something in it."""
        self._fill(now_s)
        return self._tokens > 0

    def charge(self, tokens: float) -> None:
        """That many were used, whether they were there or not: what is missing has to come first."""
        self._tokens -= tokens

    def _fill(self, now_s: float) -> None:
        if now_s > self._when_s:
            self._tokens = min(self._rate.burst, self._tokens + (now_s - self._when_s) * self._rate.per_s)
            self._when_s = now_s


class Buckets:
    """One bucket per message code, made when first needed; codes without a rate are free."""

    def __init__(self, rates: dict[int, Rate], now_s: float) -> None:
        self._rates = rates
        self._begun_s = now_s
        self._buckets: dict[int, TokenBucket] = {}

    def take(self, code: int, now_s: float) -> bool:
        """True if one more message of that code is within its rate."""
        bucket = self._buckets.get(code)
        if bucket is None:
            rate = self._rates.get(code)
            if rate is None:
                return True
            bucket = self._buckets[code] = TokenBucket(rate, self._begun_s)
        return bucket.take(now_s)
