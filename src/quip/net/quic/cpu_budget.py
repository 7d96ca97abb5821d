"""What connections may take of the processor: while nothing is left for one of them, its datagrams are lost.

Inbound peers select themselves, and could do so a hundred times: strangers have one budget together until they have
joined, and those that have joined another. Joined peers, which are few, have a little each beside it, so that a joined
peer is still served when others exhaust the shared budget.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from quip.net.limits import (
    CPU_AT_ONCE_S,
    CPU_COMMON,
    CPU_COMMON_AT_ONCE_S,
    CPU_JOINED,
    CPU_JOINED_AT_ONCE_S,
    CPU_SHARE,
    CPU_STRANGERS,
    CPU_STRANGERS_AT_ONCE_S,
)
from quip.net.token_bucket import Rate, TokenBucket


@dataclass(frozen=True, slots=True)
class CommonCpuBudget:
    """Budgets of connections that came to us, in seconds; what is used beyond them is owed."""

    strangers: TokenBucket
    """Until they have joined."""
    peers: TokenBucket
    """Afterwards."""

    @classmethod
    def full(cls, now_s: float) -> CommonCpuBudget:
        """As at the start."""
        strangers = TokenBucket(Rate(CPU_STRANGERS, CPU_STRANGERS_AT_ONCE_S), now_s)
        return cls(strangers, TokenBucket(Rate(CPU_COMMON, CPU_COMMON_AT_ONCE_S), now_s))


class CpuBudget:
    """One connection's part, and a stop-watch of the thread's own time."""

    def __init__(self, now_s: float, common: CommonCpuBudget | None) -> None:
        """`common`: for a connection that came to us."""
        self._common = common
        own = TokenBucket(Rate(CPU_SHARE, CPU_AT_ONCE_S), now_s)
        self._budgets = [own if common is None else common.strangers]
        self._payer = self._budgets[0]
        self._began_s = 0.0

    def joined(self, now_s: float) -> None:
        """It is a peer now."""
        if self._common is not None and len(self._budgets) == 1:
            own = TokenBucket(Rate(CPU_JOINED, CPU_JOINED_AT_ONCE_S), now_s)
            self._budgets = [self._common.peers, own]

    def try_spend(self, now_s: float) -> bool:
        """True if the next datagram may be handled. Starts the watch."""
        self._began_s = time.thread_time()
        for budget in self._budgets:
            if budget.has_any(now_s):
                self._payer = budget
                return True
        return False

    def done(self) -> None:
        """The datagram was read: what that took is taken from who has to pay, or owed by him."""
        self._payer.charge(time.thread_time() - self._began_s)

    def charge(self, seconds: float) -> None:
        """So long it took to act on what the datagram said."""
        self._payer.charge(seconds)
