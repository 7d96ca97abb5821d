"""Ethereum's published calls (execution-apis): ours have the same keys, types, codes and texts.

Their chain cannot be imported (its headers are a beacon chain's), so answers are compared in shape: a call of theirs is
matched by one that fits our chain, and every key and kind of value of their answer has to be in ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from quip.primitives.address import checksum_address
from quip.primitives.hashes import keccak256
from quip.rpc.errors import RpcError
from quip.rpc.methods.receipt_objects import created_address
from quip.rpc.methods.table import METHODS
from quip.rpc.view import PoolView
from support.rpc_calls import EMITTER, RpcChain, emitter_call
from support.transactions import SENDERS, address, recovered, rich_spec, signed

CASES = Path(__file__).parents[4] / "shared" / "vectors" / "ethereum" / "execution-apis"
NOT_OURS = {"eth_simulateV1", "testing_buildBlockV1", "debug_getRawBlock"}
NOT_HERE = {"blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "withdrawals", "withdrawalsRoot", "requestsHash"}
"""Of a beacon chain's blocks."""
CONTRACT = created_address(address(0), 0)
WORD = "0x" + "00" * 31 + "07"


def hashed(encoded: bytes) -> str:
    return "0x" + keccak256(encoded).hex()


@cache
def sent() -> tuple[bytes, ...]:
    authorization = SENDERS[3].sign_authorization({"chainId": rich_spec().chain_id, "address": CONTRACT, "nonce": 0})
    slots = [{"address": checksum_address(CONTRACT), "storageKeys": [WORD]}]
    return (
        signed(1, 0, {"type": 0}),
        signed(1, 1, {"accessList": slots, "gas": 60_000}),
        signed(2, 0, {"type": 4, "gas": 100_000, "authorizationList": [authorization]}),
        signed(1, 2, {"to": checksum_address(CONTRACT), "gas": 100_000, "value": 0, "data": emitter_call(1, 7, 1)}),
    )


@cache
def ours() -> RpcChain:
    """One block that makes a contract, one of each type of transaction; one waits in the pool."""
    waiting = recovered(signed(3, 1), signed(3, 2, {"to": None, "gas": 60_000}))
    pool = PoolView(content=lambda: {address(3): (waiting, [])}, submit=keccak256)
    made = RpcChain(pool)
    made.mine(signed(0, 0, {"to": None, "data": EMITTER.hex(), "gas": 200_000}))
    made.mine(*sent())
    return made


def block_hash(number: int) -> str:
    stored = ours().made.chain.block_by_number(number)
    assert stored is not None
    return "0x" + stored.header.hash.hex()


ACCOUNT = "0x" + CONTRACT.hex()
PAYMENT = {"from": "0x" + address(1).hex(), "to": "0x" + address(2).hex(), "value": "0x1"}
MATCHING: dict[str, Callable[[], list[Any]]] = {
    "debug_traceBlockByHash/trace-block-with-transactions": lambda: [block_hash(1)],
    "debug_traceBlockByHash/trace-genesis": lambda: [block_hash(0)],
    "debug_traceBlockByNumber/trace-block-storage-encoding": lambda: ["0x1", {"enableReturnData": True}],
    "debug_traceBlockByNumber/trace-block-storage-snapshot-timing": lambda: ["0x1", {"disableStorage": False}],
    "eth_call/call-contract": lambda: [{"to": ACCOUNT, "input": emitter_call(1, 7, 1)}, "latest"],
    "eth_createAccessList/create-al-value-transfer": lambda: [PAYMENT, "latest"],
    "eth_estimateGas/estimate-with-eip7702": lambda: [PAYMENT],
    "eth_feeHistory/fee-history": lambda: ["0x1", "0x2", [95, 99]],
    "eth_getBlockByHash/get-block-by-hash": lambda: [block_hash(1), True],
    "eth_getBlockByNumber/get-block-cancun-fork": lambda: ["0x2", False],
    "eth_getBlockByNumber/get-block-london-fork": lambda: ["0x1", False],
    "eth_getBlockByNumber/get-latest": lambda: ["latest", True],
    "eth_getBlockTransactionCountByNumber/get-block-n": lambda: ["0x2"],
    "eth_getBlockReceipts/get-block-receipts-n": lambda: ["0x1"],
    "eth_getCode/get-code-eip7702-delegation": lambda: ["0x" + address(3).hex(), "latest"],
    "eth_getLogs/filter-with-blockHash": lambda: [{"blockHash": block_hash(2)}],
    "eth_getLogs/topic-wildcard": lambda: [{"fromBlock": "0x1", "toBlock": "0x2", "topics": [[], [WORD]]}],
    "eth_getProof/get-account-proof-latest": lambda: [ACCOUNT, [], "latest"],
    "eth_getStorageAt/get-storage-default-block": lambda: [ACCOUNT, "0x" + "00" * 31 + "01"],
    "eth_getTransactionByBlockNumberAndIndex/get-block-n": lambda: ["0x2", "0x0"],
    "eth_getTransactionByHash/get-dynamic-fee": lambda: [hashed(sent()[1])],
    "eth_getTransactionByHash/get-legacy-tx": lambda: [hashed(sent()[0])],
    "eth_getTransactionReceipt/get-setcode-tx": lambda: [hashed(sent()[2])],
}
"""What is asked of our chain in the place of a hash, a number or an account of theirs; every other call is theirs."""
WITHOUT_COUNTERPART = {"eth_getTransactionByHash/get-blob-tx"}


def names() -> list[str]:
    found = sorted(path.relative_to(CASES).with_suffix("").as_posix() for path in CASES.glob("*/*.io"))
    return [name for name in found if name.split("/")[0] not in NOT_OURS and name not in WITHOUT_COUNTERPART]


def exchanges(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    lines = (CASES / f"{name}.io").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line[3:]) for line in lines if line.startswith(">> ")]
    answered = [json.loads(line[3:]) for line in lines if line.startswith("<< ")]
    return list(zip(asked, answered, strict=True))


def kind(value: Any) -> str:
    """What a value is, without what depends on the chain."""
    if isinstance(value, str) and re.fullmatch(r"0x[0-9a-f]*", value):
        lengths = {66: "word", 42: "address", 514: "bloom", 18: "nonce"}
        return lengths.get(len(value), "quantity or bytes")
    return type(value).__name__ if not isinstance(value, int | float) or isinstance(value, bool) else "number"


ANY_HEX = {"word", "address", "nonce", "quantity or bytes"}


def check_shape(theirs: Any, mine: Any, path: str = "result") -> None:
    if isinstance(theirs, dict) and isinstance(mine, dict):
        by_account = all(re.fullmatch(r"0x[0-9a-fA-F]{40}|\d+", name) for name in theirs)
        if by_account and theirs:
            check_shape(next(iter(theirs.values())), next(iter(mine.values())), f"{path}.*")
            return
        missing = {name for name in theirs if name not in mine} - NOT_HERE - {"root"}
        assert not missing, f"{path} lacks {missing}"
        for name in theirs.keys() & mine.keys():
            check_shape(theirs[name], mine[name], f"{path}.{name}")
    elif isinstance(theirs, list) and isinstance(mine, list):
        for one in theirs[:1]:
            assert mine, f"{path} is empty"
            check_shape(one, mine[0], f"{path}[0]")
    else:
        pair = (kind(theirs), kind(mine))
        same = pair[0] == pair[1] or set(pair) <= ANY_HEX or None in (theirs, mine)
        assert same, f"{path}: {theirs!r} is answered with {mine!r}"


@pytest.mark.skipif(not CASES.is_dir(), reason="the published JSON-RPC calls are not here")
@pytest.mark.parametrize("name", names() or ["none"])
def test_a_published_call(name: str) -> None:
    for asked, answered in exchanges(name):
        arguments = MATCHING[name]() if name in MATCHING else asked.get("params", [])
        if "error" in answered:
            with pytest.raises(RpcError) as caught:
                ours().call(asked["method"], *arguments)
            assert caught.value.as_object() == answered["error"]
            continue
        mine = ours().call(asked["method"], *arguments)
        theirs = answered["result"]
        assert (theirs is None) == (mine is None)
        check_shape(theirs, mine)


@pytest.mark.skipif(not CASES.is_dir(), reason="the published JSON-RPC calls are not here")
def test_every_published_method_is_served_or_named_as_another_chains() -> None:
    published = {path.name for path in CASES.iterdir() if path.is_dir()}
    served = {name for name, *_ in METHODS}
    assert published - served == NOT_OURS & published
    assert set(MATCHING) <= {path.relative_to(CASES).with_suffix("").as_posix() for path in CASES.glob("*/*.io")}


def test_shapes_that_differ_are_seen() -> None:
    for theirs, mine in (
        ({"a": "0x1"}, {}), ({"a": "0x1"}, {"a": 1}), (["0x1"], []), ([{"a": True}], [{"a": "0x1"}]),
        ({"a": "0x" + "00" * 256}, {"a": "0x1"}),
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            check_shape(theirs, mine)
