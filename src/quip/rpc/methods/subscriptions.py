"""eth_subscribe: what one connection is told without asking again.

A subscription remembers only how far its connection has been told, as a filter does, and what is new is read from the
store when it is sent. Nothing waits in memory for a slow client: it is told later, and of a reorganisation that came
and went meanwhile not at all.
"""

import secrets
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

from quip.rpc.errors import CallFailed, InvalidParams, LimitExceeded, NoSuchSubscription
from quip.rpc.filter_table import ID_BITS, OWN_WEIGHT, ArrivalsTold, BlocksTold, LogsTold
from quip.rpc.log_params import LogFilter, log_filter
from quip.rpc.methods.block_objects import header_object
from quip.rpc.methods.filters import joined_blocks, new_arrivals, new_logs
from quip.rpc.params import BadArgument, Param, boolean, text
from quip.rpc.transport.dispatch import Method
from quip.rpc.view import RpcView

MAX_WEIGHT = 10_000  # of one connection's: a thousand of them, fewer with long lists of addresses and topics
MAX_LOGS_AT_ONCE = 1_000  # read for one connection before they are sent; of the last block all
SYNC_POLL_S = 1.0  # a sync begins and ends without another word


@dataclass(slots=True)
class SyncTold:
    """Whether a sync is under way, as it was told."""

    syncing: bool


Told = LogsTold | BlocksTold | ArrivalsTold | SyncTold


class Subscriber:
    """The subscriptions of one connection. One call at a time, of whatever thread."""

    def __init__(self, view: RpcView) -> None:
        self._view = view
        self._new: dict[str, Told] = {}
        """Their ids are not sent yet: nobody could tell what a notification belongs to."""
        self._told: dict[str, Told] = {}
        self._weight = 0

    @property
    def methods(self) -> list[Method]:
        """Those that there are on such a connection only."""
        kind, more = Param("name", text), Param("options", lambda value: value, None)
        return [
            Method("eth_subscribe", (kind, more), self.subscribe),
            Method("eth_unsubscribe", (Param("id", text),), self.unsubscribe),
        ]

    @property
    def poll_s(self) -> float | None:
        """How often to ask for news that nobody tells of; None: never."""
        return SYNC_POLL_S if any(isinstance(told, SyncTold) for told in self._told.values()) else None

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call it, from any thread, when there may be news. Returns the call that ends it."""
        node = self._view.node
        ends = [node.news.listen(listener), node.pool.arrivals.news.listen(listener)]

        def end() -> None:
            for one in ends:
                one()

        return end

    def subscribe(self, name: str, options: Any) -> str:
        """A new subscription; its id."""
        told = self._made(name, options)
        weight = _weight(told)
        if self._weight + weight > MAX_WEIGHT:
            raise LimitExceeded("too many subscriptions on this connection: unsubscribe from one")
        identity = hex(secrets.randbits(ID_BITS))
        self._new[identity] = told
        self._weight += weight
        return identity

    def unsubscribe(self, identity: str) -> bool:
        """True. Raises CallFailed, in go-ethereum's words."""
        told = self._told.pop(identity, None) or self._new.pop(identity, None)
        if told is None:
            raise CallFailed("subscription not found")
        self._weight -= _weight(told)
        return True

    def answered(self) -> None:
        """The ids of all subscriptions are sent."""
        self._told |= self._new
        self._new = {}

    def read(self) -> tuple[list[dict[str, Any]], bool]:
        """Notifications of what is new, and whether there may be more at once."""
        found: list[dict[str, Any]] = []
        more = False
        for identity, told in list(self._told.items()):
            before = copy(told)
            found += [_notification(identity, result) for result in _news(self._view, told)]
            more = more or told != before
        return found, more

    def _made(self, name: str, options: Any) -> Told:
        view = self._view
        if name == "logs":
            wanted = LogFilter() if options is None else _option(1, log_filter, options)
            return LogsTold(wanted, view.head_header().hash)
        if name == "newHeads":
            return BlocksTold(view.head_header().hash)
        if name == "newPendingTransactions":
            full = False if options is None else _option(1, boolean, options)
            return ArrivalsTold(view.node.pool.arrivals.end, full)
        if name == "syncing":
            return SyncTold(False)
        raise NoSuchSubscription(name)


def _option(index: int, parse: Callable[[Any], Any], value: Any) -> Any:
    try:
        return parse(value)
    except BadArgument as error:
        raise InvalidParams(f"invalid argument {index}: {error}") from None


def _weight(told: Told) -> int:
    return OWN_WEIGHT + (told.wanted.size if isinstance(told, LogsTold) else 0)


def _notification(identity: str, result: Any) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "method": "eth_subscription",
        "params": {"subscription": identity, "result": result},
    }


def _header(view: RpcView, block_hash: bytes) -> dict[str, Any]:
    header, context = view.store.header(block_hash), view.store.context(block_hash)
    if header is None or context is None:  # blocks are never removed
        raise CallFailed("header not found")
    return header_object(header, context.total_difficulty)


def _news(view: RpcView, told: Told) -> list[Any]:
    if isinstance(told, LogsTold):
        return new_logs(view, told, MAX_LOGS_AT_ONCE)
    if isinstance(told, BlocksTold):
        return [_header(view, block_hash) for block_hash in joined_blocks(view, told)]
    if isinstance(told, ArrivalsTold):
        return new_arrivals(view, told)
    progress = view.node.network.syncing()
    if (progress is not None) == told.syncing:
        return []
    told.syncing = progress is not None
    return [{"syncing": True, "status": progress} if told.syncing else False]
