"""debug_trace*: what happened in transactions, and what would happen in calls, as go-ethereum's tracers tell it.

The answers are bounded in time and size (quip.consensus.execution.tracing). JavaScript tracers are refused.
"""

from __future__ import annotations

import json

from quip.chain.ports import StoredBlock
from quip.consensus.execution.simulation import Overrides
from quip.consensus.execution.tracing import BlockTracer
from quip.primitives.hashes import keccak256
from quip.rpc.calls.call_params import CallRequest
from quip.rpc.calls.question import question, setting_of, told
from quip.rpc.calls.trace_params import Options
from quip.rpc.encoding import Json, data
from quip.rpc.errors import CallFailed
from quip.rpc.params import BlockRef
from quip.rpc.view import RpcView


def trace_transaction(view: RpcView, wanted: bytes, options: Options) -> Json:
    """The trace of a transaction on the canonical chain."""
    place = view.store.transaction(wanted)
    block = None if place is None else view.store.block(place.block_hash)
    if place is None or block is None:
        raise CallFailed("transaction not found")
    (trace,) = _traces(view, block, options, place.index)
    return Json(trace)


def trace_block(view: RpcView, reference: BlockRef, options: Options) -> Json:
    """The traces of all transactions of a block, in order."""
    block = view.find(reference)
    if block is None:
        named = data(reference.hash) if reference.hash else f"#{reference.number}"
        raise CallFailed(f"block {named} not found")
    traces = _traces(view, block, options)
    hashes = [data(keccak256(one)) for one in block.transactions]
    items = [f'{{"txHash":"{name}","result":{trace}}}' for name, trace in zip(hashes, traces, strict=True)]
    return Json(f"[{','.join(items)}]")


def trace_call(view: RpcView, request: CallRequest, reference: BlockRef, given: tuple[Options, Overrides]) -> Json:
    """The trace of a call that nobody signed, after a block."""
    options, overrides = given
    asked = request.checked(view.spec.chain_id)
    with question(view, reference, overrides) as asking:
        return Json(asking.trace(asked, json.dumps(options)))


def _traces(view: RpcView, block: StoredBlock, options: Options, only: int | None = None) -> list[str]:
    parent = view.store.header(block.header.parent_hash)
    if parent is None:
        raise CallFailed("genesis is not traceable")
    setting = setting_of(view, block.header)
    with told(view):
        state = view.store.state(parent.state_root)
        tracer = BlockTracer(setting, state, block.transactions, view.call_limits)
        return tracer.trace(json.dumps(options), only)
