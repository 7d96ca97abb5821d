"""What connections may take of the processor: datagrams of one that has not paid for its last one are lost.

Who dials us chose itself, and could do so a hundred times: such connections have a little each, and draw on one common
budget beyond it.
"""

from __future__ import annotations

import time

from quip.net.limits import (
    CPU_AT_ONCE_S,
    CPU_COMMON,
    CPU_COMMON_AT_ONCE_S,
    CPU_OWN,
    CPU_OWN_AT_ONCE_S,
    CPU_SHARE,
)
from quip.net.rates import Rate, TokenBucket


def common_budget(now_s: float) -> TokenBucket:
    """Of all connections that came to us."""
    return TokenBucket(Rate(CPU_COMMON, CPU_COMMON_AT_ONCE_S), now_s)


class CpuShare:
    """A budget in seconds that fills with time, and a stop-watch of the thread's own time."""

    def __init__(self, now_s: float, common: TokenBucket | None) -> None:
        """`common`: for a connection that came to us."""
        rate = Rate(CPU_SHARE, CPU_AT_ONCE_S) if common is None else Rate(CPU_OWN, CPU_OWN_AT_ONCE_S)
        self._own = TokenBucket(rate, now_s)
        self._common = common
        self._owed_s = 0.0
        self._began_s = 0.0

    def paid(self, now_s: float) -> bool:
        """Pay for the last datagram, in parts if need be; False while something is owed. Starts the watch."""
        self._began_s = time.thread_time()
        self._owed_s -= self._own.take_up_to(now_s, self._owed_s)
        if self._common is not None:
            self._owed_s -= self._common.take_up_to(now_s, self._owed_s)
        return self._owed_s <= 0.0

    def done(self) -> None:
        """The datagram was handled: so much is owed for it."""
        self._owed_s = time.thread_time() - self._began_s
