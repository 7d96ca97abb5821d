"""Suggested prices and the fee history, of empty blocks and of full ones."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from quip.consensus.execution.gas import next_base_fee
from quip.rpc import time_limit
from quip.rpc.errors import LimitExceeded, RpcError
from quip.rpc.methods.eth_fees import LEAST_TIP, MOST_TIP
from support.rpc_calls import RpcChain
from support.transactions import signed

GWEI = 10**9


@cache
def empty() -> RpcChain:
    """Genesis and four empty blocks."""
    made = RpcChain()
    for _ in range(4):
        made.mine()
    return made


def tipped(sender: int, nonce: int, tip: int, fields: dict[str, Any] | None = None) -> bytes:
    """Pays that tip, whatever the base fee is."""
    return signed(sender, nonce, {"maxFeePerGas": 1_000 * GWEI, "maxPriorityFeePerGas": tip, **(fields or {})})


@cache
def busy() -> RpcChain:
    """One block: three transfers with tips of 1, 2 and 3 gwei, and a failure that uses seven times their gas."""
    made = RpcChain()
    failing = {"to": None, "data": "0xfe", "gas": 441_000, "value": 0}
    made.mine(tipped(0, 0, 3 * GWEI), tipped(1, 0, GWEI), tipped(2, 0, 2 * GWEI), tipped(3, 0, 4 * GWEI, failing))
    return made


def test_the_history_of_empty_blocks() -> None:
    answer = empty().call("eth_feeHistory", "0x4", "latest", [25, 75])
    base = empty().made.chain.block_by_number(1)
    assert base is not None
    fees = [base.header.base_fee_per_gas]
    for _ in range(4):
        fees.append(fees[-1] - fees[-1] // 8)
    assert answer == {
        "oldestBlock": "0x1",
        "reward": [["0x0", "0x0"]] * 4,
        "baseFeePerGas": [hex(fee) for fee in fees],
        "gasUsedRatio": [0, 0, 0, 0],
        "baseFeePerBlobGas": ["0x1"] * 5,
        "blobGasUsedRatio": [0] * 4,
    }


def test_more_blocks_than_there_are() -> None:
    for count in ("0xff", 255, "255", "0xffffffffffffffff"):
        answer = empty().call("eth_feeHistory", count, "latest", [])
        assert (answer["oldestBlock"], len(answer["gasUsedRatio"]), "reward" in answer) == ("0x0", 5, False)
    assert empty().call("eth_feeHistory", "0x0", "latest") == {"oldestBlock": "0x0", "gasUsedRatio": None}
    answer = empty().call("eth_feeHistory", "0x2", "0x3")
    assert (answer["oldestBlock"], len(answer["baseFeePerGas"])) == ("0x2", 3)
    pending = empty().call("eth_feeHistory", "0x1", "pending", [50])
    assert pending == empty().call("eth_feeHistory", "0x1", "latest", [50])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("0x4", "latest", [75, 25]), -32000, "invalid reward percentile: #0:75.000000 >= #1:25.000000"),
        (("0x4", "latest", [25, 25]), -32000, "invalid reward percentile: #0:25.000000 >= #1:25.000000"),
        (("0x4", "latest", [-1]), -32000, "invalid reward percentile: -1"),
        (("0x4", "latest", [100.5]), -32000, "invalid reward percentile: 100.5"),
        (("0x4", "latest", list(range(101))), -32000, "invalid reward percentile: over the query limit 100"),
        (("0x4", "0x5", []), -32000, "request beyond head block: requested 5, head 4"),
        (("0x4", "latest", ["25"]), -32602, "cannot unmarshal string into Go value of type float64"),
        (("0x4", "latest", 25), -32602, "cannot unmarshal number into Go value of type []float64"),
        (("x", "latest"), -32602, 'invalid argument 0: invalid hex or decimal integer "x"'),
        (("0x1" + "0" * 16, "latest"), -32602, "invalid hex or decimal integer"),
        (("0x4",), -32602, "missing value for required argument 1"),
        (("0x4", "0x" + "00" * 32), -32602, "invalid argument 1: hex number with leading zero digits"),
    ],
)
def test_refusals(arguments: tuple[Any, ...], code: int, message: str) -> None:
    with pytest.raises(RpcError) as caught:
        empty().call("eth_feeHistory", *arguments)
    assert caught.value.code == code
    assert message in caught.value.message


def test_rewards_are_weighed_by_gas() -> None:
    """Each transfer is 21,000 of the block's 504,000 gas: from an eighth on the last tip counts."""
    header = busy().head.header
    assert header.gas_used == 504_000
    answer = busy().call("eth_feeHistory", "0x2", "latest", [0, 4, 5, 10, 13, 50, 100])
    assert answer["reward"] == [["0x0"] * 7, [hex(tip * GWEI) for tip in (1, 1, 2, 3, 4, 4, 4)]]
    assert answer["gasUsedRatio"] == [0, 504_000 / header.gas_limit]
    assert answer["baseFeePerGas"][-1] == hex(next_base_fee(header))


def test_an_empty_chain_suggests_the_least() -> None:
    assert empty().call("eth_maxPriorityFeePerGas") == hex(LEAST_TIP)
    assert empty().call("eth_baseFee") == hex(next_base_fee(empty().head.header))
    assert empty().call("eth_gasPrice") == hex(empty().head.header.base_fee_per_gas + LEAST_TIP)
    assert empty().call("eth_blobBaseFee") == "0x1"


def test_the_suggestion_is_the_middle_of_what_was_enough() -> None:
    assert busy().call("eth_maxPriorityFeePerGas") == hex(2 * GWEI)


def test_nobody_is_told_to_pay_a_fortune_or_nothing() -> None:
    made = RpcChain()
    made.mine(*[tipped(sender, 0, 900 * GWEI) for sender in range(3)])
    assert made.call("eth_maxPriorityFeePerGas") == hex(MOST_TIP)
    made.mine(*[tipped(sender, 1, 1) for sender in range(3)], tipped(3, 0, 5 * GWEI))
    assert made.call("eth_maxPriorityFeePerGas") == hex(MOST_TIP)  # of 5, 500, 500, 500
    other = RpcChain()
    other.mine(tipped(0, 0, 1))
    assert other.call("eth_maxPriorityFeePerGas") == hex(LEAST_TIP)


def test_a_history_holds_a_thread_for_some_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_limit.TimeLimit, "over", True)
    with pytest.raises(LimitExceeded, match=r"timed out after 5 s: ask for less: 0x0 blocks took so long"):
        empty().call("eth_feeHistory", "0x4", "latest", [50])
    assert len(empty().call("eth_feeHistory", "0x4", "latest")["gasUsedRatio"]) == 4
