"""debug_trace*: what happened in transactions of a real chain, and in calls that nobody signed."""

from __future__ import annotations

from typing import Any

import pytest

from quip.consensus.execution.simulation import CallLimits
from quip.primitives.hashes import keccak256
from quip.rpc.errors import CallFailed, InvalidParams
from quip.rpc.methods.table import table
from quip.rpc.params import parse_arguments
from quip.rpc.transport.dispatch import encode
from support.contracts import BLOCKS, COUNTER, LOOP, REVERTER, ask, grown, hexed, view, word

CALLS = {"tracer": "callTracer"}


def sent(number: int) -> str:
    """The hash of the only transaction of a block: the call of the counter that makes it `number`."""
    block = grown()[0].chain.block_by_number(number)
    assert block is not None
    return hexed(keccak256(block.transactions[0]))


@pytest.mark.parametrize("number", range(1, BLOCKS + 1))
def test_a_transaction_is_traced_on_the_state_before_it(number: int) -> None:
    trace = ask("debug_traceTransaction", sent(number))
    assert (trace["failed"], trace["returnValue"]) == (False, hexed(word(number)))
    load = next(step for step in trace["structLogs"] if step["op"] == "SLOAD")
    assert load["stack"] == ["0x0"]
    block = grown()[0].chain.block_by_number(number)
    assert block is not None and trace["gas"] == block.header.gas_used
    calls = ask("debug_traceTransaction", sent(number), CALLS)
    assert (calls["type"], calls["to"], calls["output"]) == ("CALL", hexed(COUNTER), hexed(word(number)))


def test_a_block_is_traced_by_number_and_by_hash() -> None:
    block_hash = hexed(grown()[0].chain.tree.canonical_hash(2) or b"")
    by_number = ask("debug_traceBlockByNumber", "0x2", CALLS)
    assert by_number == ask("debug_traceBlockByHash", block_hash, CALLS)
    assert by_number == [{"txHash": sent(2), "result": ask("debug_traceTransaction", sent(2), CALLS)}]
    assert ask("debug_traceBlockByNumber", "latest")[0]["txHash"] == sent(BLOCKS)


def test_the_other_tracers() -> None:
    before = ask("debug_traceTransaction", sent(2), {"tracer": "prestateTracer"})
    assert before[hexed(COUNTER)]["storage"] == {hexed(word(0)): hexed(word(1))}
    difference = ask(
        "debug_traceTransaction", sent(2), {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    )
    assert difference["post"][hexed(COUNTER)]["storage"] == {hexed(word(0)): hexed(word(2))}
    assert ask("debug_traceTransaction", sent(2), {"tracer": "4byteTracer"}) == {}
    assert ask("debug_traceTransaction", sent(2), {"tracer": "noopTracer"}) == {}


def test_a_call_is_traced_with_overrides() -> None:
    call = {"to": hexed(COUNTER)}
    assert ask("debug_traceCall", call)["returnValue"] == hexed(word(BLOCKS + 1))
    assert ask("debug_traceCall", call, "0x1", CALLS)["output"] == hexed(word(2))
    overrides = {"stateOverrides": {hexed(COUNTER): {"stateDiff": {hexed(word(0)): hexed(word(40))}}}}
    assert ask("debug_traceCall", call, "latest", {**CALLS, **overrides})["output"] == hexed(word(41))
    reverted = ask("debug_traceCall", {"to": hexed(REVERTER)}, "latest", CALLS)
    assert (reverted["error"], reverted["revertReason"]) == ("execution reverted", "no")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("debug_traceTransaction", ["0x" + "11" * 32], "transaction not found"),
        ("debug_traceBlockByNumber", ["0x0"], "genesis is not traceable"),
        ("debug_traceBlockByNumber", ["0xffff"], "block #65535 not found"),
        ("debug_traceBlockByHash", ["0x" + "11" * 32], f"block 0x{'11' * 32} not found"),
        ("debug_traceCall", [{"value": "0x1"}], "tracing failed: insufficient funds for gas * price + value: "),
        ("debug_traceCall", [{}, "latest", {"tracer": "{result: 1}"}], "tracer not found"),
        ("debug_traceBlockByNumber", ["0x1", {"tracer": "{result: 1}"}], "tracer not found"),
        ("debug_traceCall", [{"to": hexed(LOOP)}], "the trace is too large"),
    ],
)
def test_traces_that_cannot_be_had(name: str, arguments: list[Any], message: str) -> None:
    with pytest.raises(CallFailed) as caught:
        ask(name, *arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "arguments", [[{}, "latest", []], [{}, "latest", {"txIndex": "0x0"}], [{}, "latest", {"stateOverrides": 1}]]
)
def test_options_that_are_none(arguments: list[Any]) -> None:
    with pytest.raises(InvalidParams):
        ask("debug_traceCall", *arguments)


def test_a_trace_ends_with_the_node_and_its_time() -> None:
    limits = CallLimits()
    limits.cancel.set()
    with pytest.raises(CallFailed, match="the node is stopping"):
        ask("debug_traceTransaction", sent(1), on=view(limits))
    with pytest.raises(CallFailed, match=r"timeout = 0s"):
        ask("debug_traceTransaction", sent(1), on=view(CallLimits(milliseconds=0)))


def test_calls_deeper_than_python_reads_json_are_told() -> None:
    """A contract that calls itself until no gas is left."""
    code = {hexed(COUNTER): {"code": "0x5f5f5f5f5f305af1"}}
    method = next(one for one in table(view()) if one.name == "debug_traceCall")
    arguments = [{"to": hexed(COUNTER)}, "latest", {**CALLS, "stateOverrides": code}]
    answer = encode(method.answer(*parse_arguments(method.params, arguments)))
    assert answer.count(b'"type":"CALL"') > 500
    assert answer.count(b"[") == answer.count(b"]")
