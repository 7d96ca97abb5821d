"""How many strangers may come in, how fast, and how many of one network; their addresses are proved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Protocol

from quip.net.address import Address, is_nearby, netgroup
from quip.net.limits import (
    ADMISSIONS_AT_ONCE,
    ADMISSIONS_PER_GROUP_AT_ONCE,
    ADMISSIONS_PER_GROUP_PER_S,
    ADMISSIONS_PER_S,
    DIALS_RESERVED,
    GROUPS_AT_THE_DOOR,
    MAX_CONNECTIONS,
    MAX_HALF_OPEN,
    MAX_HALF_OPEN_PER_NETGROUP,
    MAX_PER_NETGROUP,
)
from quip.net.link import Purpose
from quip.net.token_bucket import Rate, TokenBucket
from quip.primitives.bounded_dict import BoundedDict


class ConnectionInfo(Protocol):
    """What counts of a connection."""

    address: Address
    purpose: Purpose
    opened: bool


class AcceptLimits:
    """Decides on each client whose address is proved."""

    def __init__(self, now_s: float) -> None:
        self._all = TokenBucket(Rate(ADMISSIONS_PER_S, ADMISSIONS_AT_ONCE), now_s)
        self._groups: BoundedDict[str, TokenBucket] = BoundedDict(GROUPS_AT_THE_DOOR)

    def admits(self, address: Address, connections: Collection[ConnectionInfo], now_s: float) -> bool:
        """True if there is room for one more from that address. `connections`: all connections of this node."""
        inbound = [one for one in connections if one.purpose is Purpose.INBOUND]
        half_open = [one for one in inbound if not one.opened]
        if len(connections) >= MAX_CONNECTIONS or len(inbound) >= MAX_CONNECTIONS - DIALS_RESERVED:
            return False
        if len(half_open) >= MAX_HALF_OPEN:
            return False
        group = netgroup(address.host)
        if not is_nearby(group):
            full = Counter(netgroup(one.address.host) for one in inbound)[group]
            half = Counter(netgroup(one.address.host) for one in half_open)[group]
            if full >= MAX_PER_NETGROUP or half >= MAX_HALF_OPEN_PER_NETGROUP or not self._in_turn(group, now_s):
                return False
        return self._all.take(now_s)

    def _in_turn(self, group: str, now_s: float) -> bool:
        bucket = self._groups.get(group)
        if bucket is None:
            bucket = TokenBucket(Rate(ADMISSIONS_PER_GROUP_PER_S, ADMISSIONS_PER_GROUP_AT_ONCE), now_s)
        self._groups[group] = bucket
        return bucket.take(now_s)
