"""What connections may take of the processor: while nothing is left for one of them, its datagrams are lost.

Who dials us chose itself, and could do so a hundred times: such connections have one budget together. Those that have
joined, which are few, have a little each beside it, so that nobody is deaf while others drain what is common.
"""

from __future__ import annotations

import time

from quip.net.limits import (
    CPU_AT_ONCE_S,
    CPU_COMMON,
    CPU_COMMON_AT_ONCE_S,
    CPU_JOINED,
    CPU_JOINED_AT_ONCE_S,
    CPU_SHARE,
)
from quip.net.rates import Rate, TokenBucket


def common_budget(now_s: float) -> TokenBucket:
    """Of all connections that came to us, in seconds; what is used beyond it is owed."""
    return TokenBucket(Rate(CPU_COMMON, CPU_COMMON_AT_ONCE_S), now_s)


class CpuShare:
    """One connection's part, and a stop-watch of the thread's own time."""

    def __init__(self, now_s: float, common: TokenBucket | None) -> None:
        """`common`: for a connection that came to us."""
        own = [] if common is not None else [TokenBucket(Rate(CPU_SHARE, CPU_AT_ONCE_S), now_s)]
        self._budgets = [*own, *([common] if common is not None else [])]
        self._came_to_us = common is not None
        self._payer: TokenBucket | None = None
        self._began_s = 0.0

    def joined(self, now_s: float) -> None:
        """It is a peer now."""
        if self._came_to_us and len(self._budgets) == 1:
            self._budgets.append(TokenBucket(Rate(CPU_JOINED, CPU_JOINED_AT_ONCE_S), now_s))

    def paid(self, now_s: float) -> bool:
        """True if the next datagram may be handled. Starts the watch."""
        self._payer = next((budget for budget in self._budgets if budget.solvent(now_s)), None)
        self._began_s = time.thread_time()
        return self._payer is not None

    def done(self) -> None:
        """The datagram was handled: what it took is taken from who has to pay, or owed by him."""
        if self._payer is not None:
            self._payer.owe(time.thread_time() - self._began_s)
