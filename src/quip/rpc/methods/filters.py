"""eth_newFilter and its kin: callers ask again and again what is new."""

from typing import Any

from quip.rpc.encoding import data
from quip.rpc.errors import CallFailed, InvalidParams
from quip.rpc.filter_table import ArrivalsTold, BlocksTold, LogsTold
from quip.rpc.log_params import LogFilter
from quip.rpc.methods.chain_path import PathStep, path_from
from quip.rpc.methods.logs import MAX_BLOCKS, MAX_LOGS, Logs, get_logs, logs_in
from quip.rpc.methods.transaction_objects import transaction_object
from quip.rpc.time_limit import TimeLimit
from quip.rpc.view import RpcView

FULL_BYTES = 4 << 20  # of transactions that are shown whole in one answer; as JSON they are some three times as long


def new_filter(view: RpcView, wanted: LogFilter) -> str:
    """Logs of the blocks that come from now on; the filter's id."""
    first, last = wanted.first, wanted.last
    if "pending" in (first.tag, last.tag):
        raise CallFailed("pending logs are not supported")
    if first.number is not None and last.number is not None and first.number > last.number:
        raise InvalidParams("invalid block range params")
    return view.filters.add(LogsTold(wanted, view.head_header().hash))


def new_block_filter(view: RpcView) -> str:
    """Hashes of the blocks that come from now on."""
    return view.filters.add(BlocksTold(view.head_header().hash))


def new_pending_transaction_filter(view: RpcView, full: bool) -> str:
    """Transactions that become executable in the pool from now on: hashes, or objects."""
    return view.filters.add(ArrivalsTold(view.node.pool.arrivals.end, full))


def uninstall_filter(view: RpcView, identity: int) -> bool:
    """Whether there was one."""
    return view.filters.remove(identity)


def filter_changes(view: RpcView, identity: int) -> list[Any]:
    """What is new since the last call. More than one answer holds comes with the next ones."""
    found = view.filters.poll(identity)
    with found.lock:
        if isinstance(found.told, LogsTold):
            return new_logs(view, found.told, MAX_LOGS)
        if isinstance(found.told, BlocksTold):
            return [data(block_hash) for block_hash in joined_blocks(view, found.told)]
        return new_arrivals(view, found.told)


def filter_logs(view: RpcView, identity: int) -> Logs:
    """All logs of a filter's blocks, whether told before or not."""
    told = view.filters.poll(identity).told
    if not isinstance(told, LogsTold):
        raise CallFailed("filter not found")
    return get_logs(view, told.wanted)


def new_logs(view: RpcView, told: LogsTold, most: int) -> Logs:
    """Logs of blocks that left the canonical chain, the newest first, then those of the ones that joined it. No further
    block is looked at once there are `most`."""
    found: Logs = []
    block_hash, limit = told.block_hash, TimeLimit()
    for count, step in enumerate(path_from(view, told.block_hash), 1):
        if _numbered(told.wanted, step):
            logs = logs_in(view, step.block_hash, step.header, told.wanted, step.removed)
            found += reversed(logs) if step.removed else logs
        block_hash = step.told
        if count >= MAX_BLOCKS or len(found) >= most or limit.over:
            break
    told.block_hash = block_hash
    return found


def joined_blocks(view: RpcView, told: BlocksTold) -> list[bytes]:
    """Hashes of the blocks that joined the canonical chain."""
    found: list[bytes] = []
    block_hash = told.block_hash
    for count, step in enumerate(path_from(view, told.block_hash), 1):
        if not step.removed:
            found.append(step.block_hash)
        block_hash = step.told
        if count >= MAX_BLOCKS:
            break
    told.block_hash = block_hash
    return found


def new_arrivals(view: RpcView, told: ArrivalsTold) -> list[Any]:
    """Transactions that have become executable; the oldest are missing if too many came."""
    arrivals = view.node.pool.arrivals
    found, told.number = arrivals.since(told.number, FULL_BYTES) if told.full else arrivals.since(told.number)
    return [transaction_object(one) if told.full else data(one.hash) for one in found]


def _numbered(wanted: LogFilter, step: PathStep) -> bool:
    """Whether a block's number is in the filter's range, as far as that has numbers."""
    first, last = wanted.first.number, wanted.last.number
    return (first is None or step.number >= first) and (last is None or step.number <= last)
