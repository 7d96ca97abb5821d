"""Logs and filters, across reorganisations of every depth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from quip.primitives.address import checksum_address
from quip.primitives.hashes import keccak256
from quip.rpc import filter_table, time_limit
from quip.rpc.arrivals import Arrivals
from quip.rpc.errors import LimitExceeded, RpcError
from quip.rpc.filter_table import BlocksTold, FilterTable, LogsTold
from quip.rpc.log_params import LogFilter
from quip.rpc.methods import filters, logs, receipt_objects
from quip.rpc.methods.receipt_objects import created_address
from quip.rpc.view import PoolView
from support.rpc_calls import EMITTER, RpcChain, emitter_call
from support.transactions import address, recovered, signed

CONTRACTS = [created_address(address(0), nonce) for nonce in (0, 1)]
FIRST, SECOND = ("0x" + contract.hex() for contract in CONTRACTS)


def topic(number: int) -> str:
    return "0x" + number.to_bytes(32, "big").hex()


def emit(sender: int, nonce: int, contract: int, values: Sequence[int]) -> bytes:
    """A transaction that logs topics and a word."""
    to = checksum_address(CONTRACTS[contract])
    fields = {"to": to, "gas": 100_000, "value": 0, "data": emitter_call(values[0], values[1], values[2])}
    return signed(sender, nonce, fields)


def deployed(pool: PoolView | None = None) -> RpcChain:
    made = RpcChain(pool)
    create = {"to": None, "data": EMITTER.hex(), "gas": 200_000}
    made.mine(signed(0, 0, create), signed(0, 1, create))
    return made


@cache
def grown() -> RpcChain:
    """Blocks 2 to 5; 4 is without logs."""
    made = deployed()
    made.mine(emit(1, 0, 0, (1, 2, 10)), emit(1, 1, 1, (1, 3, 11)))
    made.mine(emit(1, 2, 0, (4, 2, 12)))
    made.mine(signed(2, 0))
    made.mine(emit(1, 3, 1, (4, 4, 13)), emit(2, 1, 0, (1, 2, 14)))
    return made


def ask(name: str, *arguments: Any) -> Any:
    return grown().call(name, *arguments)


def words(found: list[dict[str, Any]]) -> list[int]:
    return [int(log["data"], 16) for log in found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [13, 14]),
        ({"fromBlock": "earliest"}, [10, 11, 12, 13, 14]),
        ({"fromBlock": "0x2", "toBlock": "0x3"}, [10, 11, 12]),
        ({"fromBlock": "0x4", "toBlock": "0x4"}, []),
        ({"fromBlock": "0x1", "address": FIRST}, [10, 12, 14]),
        ({"fromBlock": "0x1", "address": [FIRST.upper().replace("X", "x"), SECOND]}, [10, 11, 12, 13, 14]),
        ({"fromBlock": "0x1", "address": "0x" + "ee" * 20}, []),
        ({"fromBlock": "0x1", "address": []}, [10, 11, 12, 13, 14]),
        ({"fromBlock": "0x1", "topics": [topic(1)]}, [10, 11, 14]),
        ({"fromBlock": "0x1", "topics": [None, topic(2)]}, [10, 12, 14]),
        ({"fromBlock": "0x1", "topics": [[], [topic(2), topic(4)]]}, [10, 12, 13, 14]),
        ({"fromBlock": "0x1", "topics": [[topic(4), None], topic(4)]}, [13]),
        ({"fromBlock": "0x1", "topics": [topic(2), topic(1)]}, []),
        ({"fromBlock": "0x1", "topics": [None, None, None]}, []),
        ({"fromBlock": "0x1", "topics": [], "address": SECOND}, [11, 13]),
        ({"fromBlock": "0x1", "address": SECOND, "topics": [topic(4), topic(4)]}, [13]),
    ],
)
def test_which_logs_are_wanted(wanted: dict[str, Any], found: list[int]) -> None:
    answer = ask("eth_getLogs", wanted)
    assert words(answer) == found
    everything = [log for number in range(1, 6) for receipt in ask("eth_getBlockReceipts", hex(number))
                  for log in receipt["logs"]]  # fmt: skip
    assert answer == [log for log in everything if int(log["data"], 16) in found]


def test_the_logs_of_one_block_side_branches_included() -> None:
    made = deployed()
    base = made.head
    side = made.branch(base, [[emit(1, 0, 0, (1, 2, 10))]])[0].header.hash
    made.branch(base, [[], [emit(2, 0, 0, (1, 2, 11))]])
    assert words(made.call("eth_getLogs", {"blockHash": "0x" + side.hex()})) == [10]
    assert words(made.call("eth_getLogs", {"blockHash": "0x" + made.head.hash.hex(), "topics": [topic(1)]})) == [11]
    assert words(made.call("eth_getLogs", {"fromBlock": "0x0"})) == [11]


@pytest.mark.parametrize(
    ("wanted", "code", "message"),
    [
        ({"fromBlock": "0x3", "toBlock": "0x2"}, -32602, "invalid block range params"),
        ({"fromBlock": "0x38", "toBlock": "latest"}, -32602, "invalid block range params"),
        ({"fromBlock": "0x38", "toBlock": "0x3a"}, -32602, "block range extends beyond current head block"),
        ({"fromBlock": "0x1", "toBlock": "0x3a"}, -32602, "block range extends beyond current head block"),
        ({"fromBlock": "pending"}, -32000, "pending logs are not supported"),
        ({"blockHash": topic(7)}, -32000, "unknown block"),
        (
            {"blockHash": topic(7), "toBlock": "0x1"},
            -32602,
            "invalid argument 0: cannot specify both BlockHash and From",
        ),
        ({"topics": [None] * 5}, -32602, "exceed max topics"),
        ({"address": ["0x" + "11" * 20] * 1_001}, -32000, "exceed max addresses or topics per search position"),
        ({"topics": [[topic(1)] * 1_001]}, -32000, "exceed max addresses or topics per search position"),
        ({"topics": "x"}, -32602, "cannot unmarshal string into Go struct field input.topics of type []interface"),
        ({"topics": [1]}, -32602, "invalid argument 0: invalid topic(s)"),
        ({"topics": [[1]]}, -32602, "invalid argument 0: invalid topic(s)"),
        ({"topics": ["0x12"]}, -32602, "hex has invalid length 1 after decoding; expected 32 for topic"),
        ({"topics": ["12"]}, -32602, "hex string without 0x prefix"),
        ({"address": 1}, -32602, "invalid addresses in query"),
        ({"address": [1]}, -32602, "non-string address at index 0"),
        ({"address": "0x12"}, -32602, "invalid address: hex has invalid length 1 after decoding; expected 20 for addr"),
        ({"address": ["0xzz"]}, -32602, "invalid address at index 0: invalid hex string"),
        ({"address": "0x1"}, -32602, "invalid address: hex string of odd length"),
        ({"address": ""}, -32602, "invalid address: empty hex string"),
        ({"fromBlock": "x"}, -32602, "hex string without 0x prefix"),
        ([], -32602, "cannot unmarshal array into Go value of type filters.input"),
    ],
)
def test_refusals(wanted: Any, code: int, message: str) -> None:
    with pytest.raises(RpcError) as caught:
        ask("eth_getLogs", wanted)
    assert caught.value.code == code
    assert message in caught.value.message


def test_a_range_that_is_too_long_names_one_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BLOCKS", 3)
    with pytest.raises(LimitExceeded, match=r"max block range 3, retry with the range 0x1-0x3$") as caught:
        ask("eth_getLogs", {"fromBlock": "0x1"})
    assert caught.value.code == -32005
    assert words(ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x3"})) == [10, 11, 12]


def test_too_many_logs_name_a_range_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOGS", 3)
    with pytest.raises(LimitExceeded, match=r"max results 3, retry with the range 0x1-0x4$"):
        ask("eth_getLogs", {"fromBlock": "0x1"})
    assert words(ask("eth_getLogs", {"fromBlock": "0x1", "toBlock": "0x4"})) == [10, 11, 12]
    monkeypatch.setattr(logs, "MAX_LOGS", 1)  # one block is always answered
    assert words(ask("eth_getLogs", {"fromBlock": "0x2", "toBlock": "0x2"})) == [10, 11]


def test_a_query_holds_a_thread_for_some_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit.TimeLimit, "over", True)
    with pytest.raises(LimitExceeded, match=r"timed out after 5 s: retry with the range 0x1-0x1$"):
        ask("eth_getLogs", {"fromBlock": "0x1"})


def test_blocks_whose_bloom_lacks_it_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes] = []
    once = receipt_objects.block_logs

    def counting(*arguments: Any) -> Any:
        read.append(arguments[1].header.hash)
        return once(*arguments)

    monkeypatch.setattr(logs, "block_logs", counting)
    ask("eth_getLogs", {"fromBlock": "0x0", "topics": [None, topic(3)]})
    assert read == [bytes.fromhex(ask("eth_getBlockByNumber", "0x2", False)["hash"][2:])]


# --- filters


def told(made: RpcChain, identity: str) -> list[tuple[int, bool]]:
    return [(int(log["data"], 16), log["removed"]) for log in made.call("eth_getFilterChanges", identity)]


def test_a_filter_tells_what_is_new_and_only_once() -> None:
    made = deployed()
    everything = made.call("eth_newFilter", {})
    some = made.call("eth_newFilter", {"fromBlock": "0x3", "toBlock": "0x3", "topics": [topic(1)]})
    blocks = made.call("eth_newBlockFilter")
    assert told(made, everything) == told(made, some) == made.call("eth_getFilterChanges", blocks) == []
    mined = [made.mine(emit(1, number, 0, (1, 2, 10 + number))) for number in range(3)]
    assert told(made, everything) == [(10, False), (11, False), (12, False)]
    assert told(made, some) == [(11, False)]
    assert made.call("eth_getFilterChanges", blocks) == ["0x" + block.header.hash.hex() for block in mined]
    assert told(made, everything) == told(made, some) == made.call("eth_getFilterChanges", blocks) == []
    assert words(made.call("eth_getFilterLogs", some)) == [11]
    with pytest.raises(RpcError, match="filter not found"):
        made.call("eth_getFilterLogs", blocks)


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_a_reorganisation_takes_logs_back_newest_first_and_then_tells_the_new_ones(depth: int) -> None:
    made = deployed()
    base = made.head
    identity, blocks = made.call("eth_newFilter", {"topics": [topic(1)]}), made.call("eth_newBlockFilter")
    old = [[emit(1, 2 * n, 0, (1, 2, 10 * n)), emit(1, 2 * n + 1, 0, (1, 2, 10 * n + 1))] for n in range(depth)]
    made.branch(base, old)
    before = made.call("eth_getFilterChanges", identity)
    assert words(before) == [10 * n + m for n in range(depth) for m in (0, 1)]
    assert len(made.call("eth_getFilterChanges", blocks)) == depth
    new = made.branch(base, [[emit(2, n, 0, (1, 2, 100 + n))] for n in range(depth + 1)])
    assert made.head.hash == new[-1].header.hash
    changes = made.call("eth_getFilterChanges", identity)
    assert changes[: 2 * depth] == [{**log, "removed": True} for log in reversed(before)]
    assert [(int(log["data"], 16), log["removed"]) for log in changes[2 * depth :]] == [
        (100 + n, False) for n in range(depth + 1)
    ]
    assert changes[2 * depth :] == made.call("eth_getLogs", {"fromBlock": "0x2"})
    assert made.call("eth_getFilterChanges", blocks) == ["0x" + block.header.hash.hex() for block in new]


def test_a_branch_that_comes_and_goes_between_two_calls_is_not_told() -> None:
    made = deployed()
    base = made.head
    identity = made.call("eth_newFilter", {})
    first = made.branch(base, [[emit(1, 0, 0, (1, 2, 1))]])
    assert told(made, identity) == [(1, False)]
    made.branch(base, [[emit(2, 0, 0, (1, 2, 2))], [emit(2, 1, 0, (1, 2, 3))]])
    again = made.made.chain.tree.known(first[0].header.hash)
    head = type(base)(first[0].header.hash, *again)
    made.branch(head, [[emit(1, 1, 0, (1, 2, 4))], [emit(1, 2, 0, (1, 2, 5))]])
    assert told(made, identity) == [(4, False), (5, False)]


def test_more_than_one_answer_holds_comes_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    made = deployed()
    base = made.head
    by_logs, by_blocks = made.call("eth_newFilter", {}), made.call("eth_newBlockFilter")
    made.branch(base, [[emit(1, n, 0, (1, 2, n))] for n in range(4)])
    monkeypatch.setattr(filters, "MAX_LOGS", 3)
    assert told(made, by_logs) == [(0, False), (1, False), (2, False)]
    monkeypatch.setattr(filters, "MAX_BLOCKS", 3)
    made.branch(base, [[emit(2, n, 0, (1, 2, 100 + n))] for n in range(5)])
    assert told(made, by_logs) == [(2, True), (1, True), (0, True)]
    assert told(made, by_logs) == [(100, False), (101, False), (102, False)]
    assert told(made, by_logs) == [(103, False), (104, False)]
    hashes = [made.call("eth_getFilterChanges", by_blocks) for _ in range(3)]
    assert [len(some) for some in hashes] == [3, 2, 0]


def test_transactions_that_become_executable() -> None:
    arrivals = Arrivals(3)
    made = deployed(PoolView(arrivals=arrivals))
    arrivals.add(recovered(signed(1, 0)))
    hashes = made.call("eth_newPendingTransactionFilter")
    whole = made.call("eth_newPendingTransactionFilter", True)
    assert made.call("eth_getFilterChanges", hashes) == []
    sent = [signed(1, number) for number in range(5)]
    arrivals.add(recovered(*sent[:2]))
    assert made.call("eth_getFilterChanges", hashes) == ["0x" + keccak256(one).hex() for one in sent[:2]]
    arrivals.add(recovered(*sent[2:]))
    assert made.call("eth_getFilterChanges", hashes) == ["0x" + keccak256(one).hex() for one in sent[2:]]
    shown = made.call("eth_getFilterChanges", whole)
    assert [one["nonce"] for one in shown] == ["0x2", "0x3", "0x4"]  # two were forgotten
    assert shown[0]["blockHash"] is shown[0]["transactionIndex"] is None
    assert made.call("eth_getFilterChanges", whole) == []


def test_filters_that_cannot_be() -> None:
    made = grown()
    for wrong, message in (
        ({"fromBlock": "0x3", "toBlock": "0x2"}, "invalid block range params"),
        ({"toBlock": "pending"}, "pending logs are not supported"),
    ):
        with pytest.raises(RpcError, match=message):
            made.call("eth_newFilter", wrong)
    identity = made.call("eth_newBlockFilter")
    assert made.call("eth_uninstallFilter", identity) is True
    assert made.call("eth_uninstallFilter", identity) is False
    for name in (identity, "0x1", "nothing", "0x" + "f" * 40):
        for method in ("eth_getFilterChanges", "eth_getFilterLogs"):
            with pytest.raises(RpcError, match="filter not found") as caught:
                made.call(method, name)
            assert caught.value.code == -32000
    with pytest.raises(RpcError, match=r"into Go value of type rpc\.ID"):
        made.call("eth_uninstallFilter", 1)


def test_filters_expire_unless_they_are_asked() -> None:
    now = [0.0]
    held = FilterTable(lambda: now[0])
    asked, other = (int(held.add(BlocksTold(bytes(32))), 16) for _ in range(2))
    now[0] = filter_table.EXPIRY_S - 1
    held.poll(asked)
    now[0] = filter_table.EXPIRY_S
    with pytest.raises(RpcError, match="filter not found"):
        held.poll(other)
    held.poll(asked)
    assert held.remove(asked)


def test_filters_are_bounded_by_what_they_hold() -> None:
    now = [0.0]
    held = FilterTable(lambda: now[0])
    names = frozenset(number.to_bytes(20, "big") for number in range(1_000))
    large = LogsTold(LogFilter(addresses=names), bytes(32))
    first = held.add(large)
    for _ in range(filter_table.MAX_WEIGHT // 1_010 - 1):
        held.add(large)
    with pytest.raises(LimitExceeded, match="too many filters"):
        held.add(large)
    held.remove(int(first, 16))
    held.add(large)
    now[0] = filter_table.EXPIRY_S
    for _ in range(filter_table.MAX_WEIGHT // filter_table.OWN_WEIGHT):
        held.add(BlocksTold(bytes(32)))
    with pytest.raises(LimitExceeded):
        held.add(BlocksTold(bytes(32)))
