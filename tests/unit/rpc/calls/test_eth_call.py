"""Calls that nobody signed, over a real chain with contracts: what they answer, and how they are refused."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest

from quip._native import store as native_store
from quip.consensus.execution.gas import next_base_fee
from quip.consensus.execution.simulation import CallLimits
from quip.consensus.execution.transition import randomness
from quip.networks.shipped import spec_bytes
from quip.rpc.errors import CallFailed, CallReverted, InvalidParams
from quip.rpc.view import NodeView, RpcView
from quip.storage.chain_store import for_network
from quip.storage.state import StateLimits
from support.chains import generator, new_chain, puzzle_of
from support.contracts import (
    ASKER,
    BLOCKS,
    BROKEN,
    CODES,
    COUNTER,
    LOOP,
    PANIC,
    PANICKER,
    REASON,
    REVERTER,
    ask,
    counted,
    grown,
    hexed,
    spec,
    view,
    word,
)  # fmt: skip
from support.transactions import address


def call(to: bytes, *rest: Any, **members: Any) -> str:
    answer = ask("eth_call", {"to": hexed(to), **members}, *rest)
    assert isinstance(answer, str)
    return answer


def test_a_call_sees_the_head_and_changes_nothing() -> None:
    for _ in range(2):
        assert counted(call(COUNTER)) == BLOCKS + 1
    assert call(b"\x99" * 20) == "0x"


@pytest.mark.parametrize("number", range(BLOCKS + 1))
def test_a_call_on_an_old_block_sees_its_state(number: int) -> None:
    made = grown()[0]
    block_hash = made.chain.tree.canonical_hash(number)
    assert block_hash is not None
    assert counted(call(COUNTER, hex(number))) == number + 1
    assert counted(call(COUNTER, {"blockHash": hexed(block_hash)})) == number + 1


def environment(*rest: Any, **members: Any) -> list[int]:
    raw = bytes.fromhex(call(ASKER, *rest, **members)[2:])
    return [int.from_bytes(raw[at : at + 32], "big") for at in range(0, len(raw), 32)]


def test_a_call_is_in_the_block_that_it_names() -> None:
    made = grown()[0]
    parent, header = (made.chain.block_by_number(number) for number in (1, 2))
    assert parent is not None and header is not None
    said = environment("0x2")
    expected = [header.header.number, header.header.timestamp, int.from_bytes(header.header.beneficiary, "big")]
    assert said == [*expected, int.from_bytes(randomness(parent.header.mix_hash), "big"), 0, 0]
    paying = environment("0x2", **{"from": hexed(address(1))}, gasPrice=hex(header.header.base_fee_per_gas))
    assert paying[4] == header.header.base_fee_per_gas


def test_a_pending_call_is_in_the_next_block() -> None:
    head = grown()[0].chain.head.header
    fee = next_base_fee(head)
    said = environment("pending", **{"from": hexed(address(1))}, maxFeePerGas=hex(fee))
    assert said == [
        head.number + 1,
        head.timestamp + 9,
        0,
        int.from_bytes(randomness(head.mix_hash), "big"),
        fee,
        0,
    ]
    assert counted(call(COUNTER, "pending")) == BLOCKS + 1


@pytest.mark.parametrize(
    ("to", "message", "data"),
    [(REVERTER, "no", REASON), (PANICKER, "arithmetic underflow or overflow", PANIC)],
    ids=["Error", "Panic"],
)
@pytest.mark.parametrize("name", ["eth_call", "eth_estimateGas"])
def test_a_revert_is_error_3_with_its_data(name: str, to: bytes, message: str, data: bytes) -> None:
    with pytest.raises(CallReverted) as caught:
        ask(name, {"to": hexed(to)})
    assert caught.value.as_object() == {
        "code": 3,
        "message": f"execution reverted: {message}",
        "data": hexed(data),
    }


@pytest.mark.parametrize(
    ("name", "members", "message"),
    [
        ("eth_call", {"to": hexed(BROKEN)}, "invalid opcode: INVALID"),
        ("eth_call", {"to": hexed(LOOP), "gas": "0x186a0"}, "out of gas"),
        ("eth_call", {"gas": "0x1"}, "err: intrinsic gas too low: have 1, want 53000 (supplied gas 1)"),
        (
            "eth_call",
            {"value": "0x1"},
            "err: insufficient funds for gas * price + value: address 0x0000000000000000000000000000000000000000 "
            "have 0 want 1 (supplied gas 50000000)",
        ),
        ("eth_estimateGas", {"to": hexed(BROKEN)}, "invalid opcode: INVALID"),
        ("eth_estimateGas", {"to": hexed(LOOP), "gas": "0x186a0"}, "gas required exceeds allowance (100000)"),
        ("eth_call", {"chainId": "0x1"}, f"chainId does not match node's (have=1, want={spec().chain_id})"),
    ],
)
def test_calls_that_fail(name: str, members: dict[str, Any], message: str) -> None:
    with pytest.raises(CallFailed) as caught:
        ask(name, members)
    assert caught.value.as_object() == {"code": -32000, "message": message}


def test_an_argument_that_is_no_call() -> None:
    for arguments in ([], [1], [{"to": "0x1"}], [{}, "latest", {}, {}, {}]):
        with pytest.raises(InvalidParams):
            ask("eth_call", *arguments)
    with pytest.raises(CallFailed, match="header not found"):
        ask("eth_call", {}, "0xffff")


def test_overrides() -> None:
    slots = {hexed(word(0)): hexed(word(40))}
    assert counted(call(COUNTER, "latest", {hexed(COUNTER): {"stateDiff": slots}})) == 41
    assert counted(call(COUNTER, "latest", {hexed(COUNTER): {"state": {}}})) == 1
    replaced = {hexed(COUNTER): {"code": hexed(CODES[ASKER]), "balance": "0x7"}}
    block = {"number": "0x64", "time": "0xc8", "feeRecipient": hexed(ASKER)}
    said = bytes.fromhex(call(COUNTER, "latest", replaced, block)[2:])
    assert said[:96] == word(100) + word(200) + ASKER.rjust(32, b"\0")
    assert said[160:] == word(7)
    assert counted(call(COUNTER, "latest", None, None)) == BLOCKS + 1
    payment = {"from": hexed(COUNTER), "to": hexed(ASKER), "value": "0x1"}
    assert ask("eth_estimateGas", payment, "latest", {hexed(COUNTER): {"balance": "0x1"}}) > "0x5208"


def test_estimates_are_enough() -> None:
    payment = {"from": hexed(address(1)), "to": "0x" + "35" * 20, "value": "0x1"}
    assert ask("eth_estimateGas", payment) == "0x5208"
    counting = {"to": hexed(COUNTER)}
    gas = ask("eth_estimateGas", counting)
    assert counted(ask("eth_call", {**counting, "gas": gas})) == BLOCKS + 1
    less = int(gas, 16) * 97 // 100
    with pytest.raises(CallFailed, match="out of gas"):
        ask("eth_call", {**counting, "gas": hex(less)})


def test_an_access_list() -> None:
    found = ask("eth_createAccessList", {"to": hexed(COUNTER)})
    assert found["accessList"] == [{"address": hexed(COUNTER), "storageKeys": [hexed(word(0))]}]
    assert set(found) == {"accessList", "gasUsed"}
    again = ask("eth_createAccessList", {"to": hexed(COUNTER), "accessList": found["accessList"]}, "0x0")
    assert again["accessList"] == found["accessList"]
    reverted = ask("eth_createAccessList", {"to": hexed(REVERTER)})
    assert (reverted["error"], reverted["accessList"]) == ("execution reverted", [])
    broken = ask("eth_createAccessList", {"to": hexed(BROKEN)})
    assert broken["error"] == "invalid opcode: INVALID"
    with pytest.raises(CallFailed, match="failed to apply transaction: err: insufficient funds"):
        ask("eth_createAccessList", {"value": "0x1"})


def test_a_call_ends_with_its_time() -> None:
    endless = CallLimits(gas=1 << 62, milliseconds=20)
    with pytest.raises(CallFailed, match=r"execution aborted \(timeout = 0\.02s\)"):
        ask("eth_call", {"to": hexed(LOOP)}, on=view(endless))


def test_a_call_ends_with_the_node() -> None:
    endless = CallLimits(gas=1 << 62, milliseconds=600_000)
    failures: list[CallFailed] = []

    def run() -> None:
        try:
            ask("eth_call", {"to": hexed(LOOP)}, on=view(endless))
        except CallFailed as error:
            failures.append(error)

    thread = Thread(target=run)
    thread.start()
    endless.cancel.set()
    thread.join()
    assert [str(one) for one in failures] == ["execution aborted (the node is stopping)"]


def test_a_state_that_is_not_kept_is_a_missing_node() -> None:
    limits = StateLimits(flush_blocks=1, retained=2)
    store = for_network(native_store.Store.in_memory(), spec().chain_id, limits)
    made = generator(new_chain(spec(), store))
    for _ in made.extend(4):
        pass
    chain = made.chain
    node = NodeView("quip/test", lambda: 0, chain.tag, lambda: chain.draft(bytes(20), bytes(20), 0).build(), dict, list)
    short = RpcView(spec(), spec_bytes("test"), puzzle_of(spec()), store, node)
    assert counted(ask("eth_call", {"to": hexed(COUNTER)}, on=short)) == 1
    with pytest.raises(CallFailed) as caught:
        ask("eth_call", {"to": hexed(COUNTER)}, "0x0", on=short)
    assert caught.value.message.startswith("missing trie node ")
    assert counted(ask("eth_call", {"to": hexed(COUNTER)}, on=short)) == 1
