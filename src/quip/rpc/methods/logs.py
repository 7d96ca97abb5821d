"""eth_getLogs: the logs of a block or of a range. A header's bloom is looked at before anything else of its block."""

from typing import Any

from quip.chain.ports import Part
from quip.consensus.types.header import Header
from quip.rpc.encoding import quantity
from quip.rpc.errors import CallFailed, InvalidParams, LimitExceeded
from quip.rpc.log_params import LogFilter
from quip.rpc.methods.receipt_objects import block_logs
from quip.rpc.params import BlockRef
from quip.rpc.time_limit import TimeLimit
from quip.rpc.view import RpcView

MAX_BLOCKS = 10_000
MAX_LOGS = 20_000
ATTEMPTS = 3  # reads of a range in which the chain moved

Logs = list[dict[str, Any]]


class _Moved(Exception):
    """The chain moved between two reads."""


def get_logs(view: RpcView, wanted: LogFilter) -> Logs:
    """The wanted logs in order. Raises LimitExceeded, whose text names a range that fits."""
    if wanted.block_hash is not None:
        return _of_block(view, wanted, wanted.block_hash)
    for _ in range(ATTEMPTS):
        first, last = _range(view, wanted)
        try:
            return _of_range(view, wanted, first, last)
        except _Moved:
            continue
    raise CallFailed("the chain moved while it was read: try again")


def logs_in(view: RpcView, block_hash: bytes, header: bytes, wanted: LogFilter, removed: bool = False) -> Logs:
    """Those of a block; `header` is its RLP."""
    if not wanted.may_be_in(Header.bloom_of(header)):
        return []
    stored = view.store.block(block_hash)
    return [] if stored is None else list(block_logs(view, stored, wanted, removed))


def _of_block(view: RpcView, wanted: LogFilter, block_hash: bytes) -> Logs:
    header = view.store.encoded(Part.HEADER, block_hash)
    if header is None:
        raise CallFailed("unknown block")
    return logs_in(view, block_hash, header, wanted)


def _range(view: RpcView, wanted: LogFilter) -> tuple[int, int]:
    """Numbers of the first and the last block. Raises what go-ethereum says of a range that is none."""
    head = view.head_header().number
    first, last = _number(view, wanted.first, head), _number(view, wanted.last, head)
    if first > last:
        raise InvalidParams("invalid block range params")
    if last > head:
        raise InvalidParams("block range extends beyond current head block")
    if last - first >= MAX_BLOCKS:
        fits = f"{quantity(first)}-{quantity(first + MAX_BLOCKS - 1)}"
        raise LimitExceeded(f"query exceeds max block range {MAX_BLOCKS}, retry with the range {fits}")
    return first, last


def _number(view: RpcView, reference: BlockRef, head: int) -> int:
    if reference.number is not None:
        return reference.number
    if reference.tag == "pending":
        raise CallFailed("pending logs are not supported")
    return head if reference.tag == "latest" else view.need_header(reference).number


def _of_range(view: RpcView, wanted: LogFilter, first: int, last: int) -> Logs:
    found: Logs = []
    limit = TimeLimit()
    parent: bytes | None = None
    for number in range(first, last + 1):
        block_hash = view.store.canonical(number)
        header = None if block_hash is None else view.store.encoded(Part.HEADER, block_hash)
        if block_hash is None or header is None or (parent is not None and Header.parent_of(header) != parent):
            raise _Moved
        parent = block_hash
        more = logs_in(view, block_hash, header, wanted)
        if number > first:  # a whole block is always answered
            fits = f"retry with the range {quantity(first)}-{quantity(number - 1)}"
            if len(found) + len(more) > MAX_LOGS:
                raise LimitExceeded(f"query exceeds max results {MAX_LOGS}, {fits}")
            if limit.over:
                raise limit.error(fits)
        found += more
    return found
