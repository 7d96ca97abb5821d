"""What one connection may take of the processor: its datagrams are lost while its last one is not paid for."""

from __future__ import annotations

import time

from quip.net.limits import CPU_AT_ONCE_S, CPU_SHARE, MAX_CHARGE_S
from quip.net.rates import Rate, TokenBucket


class CpuShare:
    """A budget in seconds that fills with time, and a stop-watch."""

    def __init__(self, now_s: float) -> None:
        self._budget = TokenBucket(Rate(CPU_SHARE, CPU_AT_ONCE_S), now_s)
        self._owed_s = 0.0
        self._began_s = 0.0

    def paid(self, now_s: float) -> bool:
        """Pay for the last datagram; False while there is not enough for it. Starts the watch."""
        self._began_s = time.perf_counter()
        return self._budget.take(now_s, self._owed_s)

    def done(self) -> None:
        """The datagram was handled: so much is owed for it."""
        self._owed_s = min(time.perf_counter() - self._began_s, MAX_CHARGE_S)
