"""Filters that callers poll (eth_newFilter and its kin): bounded in number and size, forgotten when nobody asks.

A filter remembers only how far its caller has been told: a block's hash, or a place in the pool's log. What is new
since then is read from the store, where no block is ever removed; so a reorganisation of any depth can be told.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from quip.rpc.errors import CallFailed, LimitExceeded
from quip.rpc.log_params import LogFilter

EXPIRY_S = 300.0  # as go-ethereum: who has not asked for so long is gone
MAX_WEIGHT = 100_000  # some 15 MB of addresses and topics
OWN_WEIGHT = 10  # of a filter without any: 10,000 of these
ID_BITS = 128  # a filter's id is all that its caller has to know


@dataclass(slots=True)
class LogsTold:
    """Logs are told up to a block."""

    wanted: LogFilter
    block_hash: bytes


@dataclass(slots=True)
class BlocksTold:
    """Blocks are told up to this one."""

    block_hash: bytes


@dataclass(slots=True)
class ArrivalsTold:
    """The pool's log is told up to an entry."""

    number: int
    full: bool
    """Whole transactions, not their hashes."""


Told = LogsTold | BlocksTold | ArrivalsTold


@dataclass(slots=True)
class Filter:
    """What one caller polls. Whoever reads or moves `told` holds the lock: two calls must not tell the same twice."""

    told: Told
    weight: int
    polled_s: float
    lock: Lock = field(default_factory=Lock)


class FilterTable:
    """Filters by id. Any thread may call."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._filters: dict[int, Filter] = {}
        """The one that was polled longest ago first."""
        self._weight = 0
        self._lock = Lock()

    def add(self, told: Told) -> str:
        """A new filter; its id. Raises LimitExceeded."""
        weight = OWN_WEIGHT + (told.wanted.size if isinstance(told, LogsTold) else 0)
        with self._lock:
            self._expire()
            if self._weight + weight > MAX_WEIGHT:
                raise LimitExceeded("too many filters: uninstall one, or try again in some minutes")
            identity = secrets.randbits(ID_BITS)
            self._filters[identity] = Filter(told, weight, self._now())
            self._weight += weight
        return hex(identity)

    def poll(self, identity: int) -> Filter:
        """The filter, which lives on for a while. Raises CallFailed, in go-ethereum's words."""
        with self._lock:
            self._expire()
            found = self._filters.pop(identity, None)
            if found is None:
                raise CallFailed("filter not found")
            found.polled_s = self._now()
            self._filters[identity] = found
        return found

    def remove(self, identity: int) -> bool:
        """Whether there was one."""
        with self._lock:
            self._expire()
            return self._drop(identity)

    def _expire(self) -> None:
        end = self._now() - EXPIRY_S
        while self._filters:
            identity, oldest = next(iter(self._filters.items()))
            if oldest.polled_s > end:
                return
            self._drop(identity)

    def _drop(self, identity: int) -> bool:
        found = self._filters.pop(identity, None)
        if found is not None:
            self._weight -= found.weight
        return found is not None
