"""Transactions and receipts of a block with every type, as go-ethereum shows them."""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

import pytest
from eth_account import Account as Keys

from quip.chain.ports import StoredBlock
from quip.primitives.address import checksum_address
from quip.primitives.hashes import keccak256
from quip.rpc.errors import CallFailed, RpcError
from quip.rpc.methods.receipt_objects import created_address
from quip.storage.state import StateLimits
from support.rpc_calls import EMITTER, RpcChain, emitter_call
from support.transactions import GAS_PRICE, HISTORY, SENDERS, address, recovered, rich_spec, signed

FIELDS = [
    "blockHash", "blockNumber", "blockTimestamp", "from", "gas", "gasPrice", "hash", "input", "nonce", "to",
    "transactionIndex", "value", "type", "chainId", "v", "r", "s",
]  # fmt: skip
RECEIPT_FIELDS = [
    "blockHash", "blockNumber", "contractAddress", "cumulativeGasUsed", "effectiveGasPrice", "from", "gasUsed", "logs",
    "logsBloom", "status", "to", "transactionHash", "transactionIndex", "type",
]  # fmt: skip
LOG_FIELDS = [
    "address", "topics", "data", "blockNumber", "transactionHash", "transactionIndex", "blockHash", "blockTimestamp",
    "logIndex", "removed",
]  # fmt: skip
CHAIN_ID = rich_spec().chain_id
CONTRACT = created_address(address(0), 0)
TO = checksum_address(CONTRACT)
SLOT = "0x" + "00" * 31 + "05"
EMIT = {"to": TO, "gas": 120_000, "value": 0}
FAILING = {"to": None, "data": "0xfe", "gas": 60_000}  # INVALID


@cache
def authorization() -> Any:
    return SENDERS[3].sign_authorization({"chainId": CHAIN_ID, "address": CONTRACT, "nonce": 0})


@cache
def sent() -> tuple[bytes, ...]:
    """Of the second block: types 0, 1, 2 and 4, one that fails, and two that log."""
    return (
        signed(1, 0, {"type": 0}),
        signed(1, 1, {**EMIT, "type": 1, "data": emitter_call(1, 2, 3), "accessList": [
            {"address": TO, "storageKeys": [SLOT]}]}),
        signed(1, 2, FAILING),
        signed(1, 3, {**EMIT, "data": emitter_call(4, 5, 6)}),
        signed(2, 0, {"type": 4, "gas": 100_000, "authorizationList": [authorization()]}),
    )  # fmt: skip


@cache
def grown() -> RpcChain:
    made = RpcChain()
    made.mine(signed(0, 0, {"to": None, "data": EMITTER.hex(), "gas": 200_000}))
    made.mine(*sent())
    made.mine()
    return made


def ask(name: str, *arguments: Any) -> Any:
    return grown().call(name, *arguments)


def hash_of(encoded: bytes) -> str:
    return "0x" + keccak256(encoded).hex()


def block(number: int = 2) -> StoredBlock:
    stored = grown().made.chain.block_by_number(number)
    assert stored is not None
    return stored


def test_the_fields_of_each_type() -> None:
    shown = ask("eth_getBlockByNumber", "0x2", True)["transactions"]
    assert [one["type"] for one in shown] == ["0x0", "0x1", "0x2", "0x2", "0x4"]
    caps = ["maxFeePerGas", "maxPriorityFeePerGas"]
    for one in shown:
        more = {"0x0": [], "0x1": ["accessList", "yParity"]}.get(one["type"], [*caps, "accessList", "yParity"])
        assert set(one) == {*FIELDS, *more, *(["authorizationList"] if one["type"] == "0x4" else [])}
    wanted = {"blockHash": "0x" + block().header.hash.hex(), "blockNumber": "0x2", "chainId": hex(CHAIN_ID)}
    wanted["blockTimestamp"] = hex(block().header.timestamp)
    for index, one in enumerate(shown):
        assert {name: one[name] for name in wanted} == wanted
        assert (one["transactionIndex"], one["hash"]) == (hex(index), hash_of(sent()[index]))


def test_what_a_transaction_says_is_what_was_signed() -> None:
    """eth-account recovers the sender from the very fields that are shown."""
    for encoded in sent():
        one = ask("eth_getTransactionByHash", hash_of(encoded))
        assert one["from"] == Keys.recover_transaction(encoded).lower()
        assert one == ask("eth_getBlockByNumber", "0x2", True)["transactions"][int(one["transactionIndex"], 16)]
        assert one == ask("eth_getTransactionByBlockNumberAndIndex", "0x2", one["transactionIndex"])
        assert one == ask("eth_getTransactionByBlockHashAndIndex", one["blockHash"], one["transactionIndex"])
        assert one == ask("eth_getTransactionBySenderAndNonce", one["from"], one["nonce"])
        for name in (
            ("eth_getRawTransactionByHash", one["hash"]),
            ("eth_getRawTransactionByBlockNumberAndIndex", "0x2", one["transactionIndex"]),
            ("eth_getRawTransactionByBlockHashAndIndex", one["blockHash"], one["transactionIndex"]),
        ):
            assert ask(*name) == "0x" + encoded.hex()
    legacy, accessing, failing, emitting, delegating = ask("eth_getBlockByNumber", "0x2", True)["transactions"]
    base_fee = block().header.base_fee_per_gas
    assert (legacy["gasPrice"], legacy["gas"], legacy["value"], legacy["input"]) == (
        hex(GAS_PRICE), hex(21_000), "0x1", "0x",
    )  # fmt: skip
    assert int(legacy["v"], 16) in (35 + 2 * CHAIN_ID, 36 + 2 * CHAIN_ID)
    assert accessing["accessList"] == [{"address": TO.lower(), "storageKeys": [SLOT]}]
    assert accessing["yParity"] == accessing["v"]
    assert failing["to"] is None
    assert emitting["gasPrice"] == hex(base_fee + 10**9)
    assert (emitting["maxFeePerGas"], emitting["maxPriorityFeePerGas"]) == (hex(GAS_PRICE), hex(10**9))
    assert emitting["input"] == emitter_call(4, 5, 6)
    (one,) = delegating["authorizationList"]
    given = authorization()
    assert one == {
        "chainId": hex(CHAIN_ID), "address": TO.lower(), "nonce": "0x0", "yParity": hex(given.y_parity),
        "r": hex(given.r), "s": hex(given.s),
    }  # fmt: skip


def test_receipts() -> None:
    receipts = ask("eth_getBlockReceipts", "0x2")
    assert receipts == ask("eth_getBlockReceipts", "0x" + block().header.hash.hex())
    assert receipts == ask("eth_getBlockReceipts", {"blockNumber": "0x2"})
    total = logs = 0
    for index, (receipt, encoded) in enumerate(zip(receipts, sent(), strict=True)):
        assert list(receipt) == RECEIPT_FIELDS
        assert receipt == ask("eth_getTransactionReceipt", hash_of(encoded))
        total += int(receipt["gasUsed"], 16)
        assert int(receipt["cumulativeGasUsed"], 16) == total
        assert (receipt["transactionHash"], receipt["transactionIndex"]) == (hash_of(encoded), hex(index))
        transaction = ask("eth_getTransactionByHash", hash_of(encoded))
        assert receipt["effectiveGasPrice"] == transaction["gasPrice"]
        for name in ("blockHash", "blockNumber", "from", "to", "type"):
            assert receipt[name] == transaction[name]
        for log in receipt["logs"]:
            assert list(log) == LOG_FIELDS
            assert (log["logIndex"], log["removed"]) == (hex(logs), False)
            assert (log["transactionHash"], log["blockTimestamp"]) == (hash_of(encoded), hex(block().header.timestamp))
            logs += 1
    assert total == block().header.gas_used
    assert logs == 2
    assert [receipt["status"] for receipt in receipts] == ["0x1", "0x1", "0x0", "0x1", "0x1"]
    assert receipts[0]["contractAddress"] is receipts[3]["contractAddress"] is None
    assert receipts[2]["contractAddress"] == "0x" + created_address(address(1), 2).hex()
    assert receipts[2]["gasUsed"] == hex(60_000)
    assert [int(topic, 16) for topic in receipts[3]["logs"][0]["topics"]] == [4, 5]
    assert receipts[3]["logs"][0]["address"] == TO.lower()
    (created,) = ask("eth_getBlockReceipts", "0x1")
    assert created["contractAddress"] == TO.lower()
    assert ask("eth_getCode", created["contractAddress"]) == "0x" + EMITTER[1:22].hex()


def test_a_delegated_account_has_the_designator_for_code() -> None:
    assert ask("eth_getCode", "0x" + address(3).hex()) == "0xef0100" + CONTRACT.hex()


def test_a_nonce_is_found_as_far_as_states_are_kept() -> None:
    made = RpcChain(limits=StateLimits(flush_blocks=2, retained=6))
    sent = [signed(0, nonce) for nonce in range(16)]
    for first in range(0, 16, 2):  # two a block, and an empty one behind them
        made.mine(*sent[first : first + 2])
        made.mine()
    sender = "0x" + address(0).hex()
    found = [one["hash"] for nonce in range(12, 16)
             if (one := made.call("eth_getTransactionBySenderAndNonce", sender, hex(nonce)))]  # fmt: skip
    assert found == [hash_of(one) for one in sent[12:]]
    for nonce in (0, 5, 8):
        with pytest.raises(CallFailed, match="missing trie node"):
            made.call("eth_getTransactionBySenderAndNonce", sender, hex(nonce))
    assert made.call("eth_getTransactionBySenderAndNonce", sender, "0x10") is None


def test_the_pending_block_has_what_would_be_mined() -> None:
    made = RpcChain()
    made.waiting = recovered(signed(0, 0), signed(1, 7), signed(2, 0, {"type": 0}))  # the second has no turn yet
    lawful = [hash_of(made.waiting[index].encoded) for index in (0, 2)]
    block = made.call("eth_getBlockByNumber", "pending", False)
    assert (block["transactions"], block["hash"], block["gasUsed"]) == (lawful, None, hex(42_000))
    whole = made.call("eth_getBlockByNumber", "pending", True)["transactions"]
    assert [(one["hash"], one["blockHash"], one["transactionIndex"]) for one in whole] == [
        (one, None, None) for one in lawful
    ]
    assert made.call("eth_getBlockTransactionCountByNumber", "pending") == "0x2"
    assert made.call("eth_getTransactionByBlockNumberAndIndex", "pending", "0x1") == whole[1]
    raw = [made.call("eth_getRawTransactionByBlockNumberAndIndex", "pending", hex(index)) for index in range(3)]
    assert raw == [*("0x" + made.waiting[index].encoded.hex() for index in (0, 2)), "0x"]


def test_a_contracts_address_is_the_yellow_papers() -> None:
    sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert created_address(sender, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"


def test_counts_and_hashes() -> None:
    assert ask("eth_getBlockByNumber", "0x2", False)["transactions"] == [hash_of(one) for one in sent()]
    assert ask("eth_getBlockTransactionCountByNumber", "0x2") == "0x5"
    assert ask("eth_getBlockTransactionCountByHash", "0x" + block().header.hash.hex()) == "0x5"
    assert ask("eth_getBlockTransactionCountByNumber", "latest") == "0x0"
    assert ask("eth_getBlockTransactionCountByNumber", "pending") == "0x0"


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (("eth_getTransactionByHash", "0x" + "00" * 32), None),
        (("eth_getTransactionReceipt", "0x" + "00" * 32), None),
        (("eth_getRawTransactionByHash", "0x" + "00" * 32), "0x"),
        (("eth_getTransactionByBlockNumberAndIndex", "0x2", "0x5"), None),
        (("eth_getTransactionByBlockNumberAndIndex", "0xff", "0x0"), None),
        (("eth_getTransactionByBlockNumberAndIndex", "pending", "0x0"), None),
        (("eth_getTransactionByBlockHashAndIndex", "0x" + "00" * 32, "0x0"), None),
        (("eth_getRawTransactionByBlockNumberAndIndex", "0x2", "0x5"), "0x"),
        (("eth_getBlockReceipts", "0xff"), None),
        (("eth_getBlockReceipts", "pending"), None),
        (("eth_getBlockReceipts", "0x3"), []),
        (("eth_getBlockReceipts", "earliest"), []),
        (("eth_getBlockTransactionCountByNumber", "0xff"), None),
        (("eth_getHeaderByNumber", "0xff"), None),
        (("eth_getTransactionBySenderAndNonce", "0x" + "11" * 20, "0x0"), None),
        (("eth_getTransactionBySenderAndNonce", "0x" + address(1).hex(), "0x9"), None),
        (("eth_getTransactionBySenderAndNonce", "0x" + address(3).hex(), "0x0"), None),  # an authorization used it
    ],
)
def test_what_is_not_there(call: tuple[Any, ...], answer: Any) -> None:
    assert ask(*call) == answer


def test_headers_are_blocks_without_a_body() -> None:
    whole = ask("eth_getBlockByNumber", "0x2", False)
    header = ask("eth_getHeaderByNumber", "0x2")
    assert header == ask("eth_getHeaderByHash", whole["hash"])
    assert header == {name: value for name, value in whole.items() if name not in ("size", "transactions", "uncles")}


def test_a_transaction_follows_the_canonical_chain() -> None:
    made = RpcChain()
    genesis = made.head
    one, other = signed(0, 0), signed(1, 0)
    left = made.branch(genesis, [[one]])[0].header.hash
    before = made.call("eth_getTransactionByHash", hash_of(one))
    entered = made.branch(genesis, [[other], [one]])
    after = made.call("eth_getTransactionByHash", hash_of(one))
    assert (before["blockHash"], after["blockHash"]) == ("0x" + left.hex(), "0x" + entered[1].header.hash.hex())
    assert made.call("eth_getTransactionReceipt", hash_of(one))["blockNumber"] == "0x2"
    (side,) = made.call("eth_getBlockReceipts", "0x" + left.hex())
    assert side["transactionHash"] == hash_of(one)


def test_a_node_without_a_pool_says_so() -> None:
    with pytest.raises(CallFailed, match="no pool"):
        ask("eth_sendRawTransaction", "0x" + sent()[0].hex())
    with pytest.raises(RpcError, match=r"into Go value of type hexutil\.Bytes"):
        ask("eth_sendRawTransaction", "f8")
    assert ask("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    assert ask("txpool_content") == ask("txpool_inspect") == {"pending": {}, "queued": {}}
    assert ask("txpool_contentFrom", "0x" + "00" * 20) == {"pending": {}, "queued": {}}
    assert ask("eth_pendingTransactions") == ask("eth_accounts") == []


def test_the_small_ones() -> None:
    assert ask("web3_sha3", "0x") == "0x" + keccak256(b"").hex()
    assert ask("rpc_modules")["eth"] == "1.0"


def test_the_rules_that_run_transactions() -> None:
    answer = ask("eth_config")
    current = answer["current"]
    assert (answer["next"], answer["last"], current["activationTime"]) == (None, None, 0)
    assert current["chainId"] == hex(CHAIN_ID)
    genesis = ask("eth_getBlockByNumber", "0x0", False)["hash"]
    assert current["forkId"] == f"0x{zlib.crc32(bytes.fromhex(genesis[2:])):08x}"
    assert current["systemContracts"] == {"HISTORY_STORAGE_ADDRESS": "0x" + HISTORY.hex()}
    numbers = sorted(int(address, 16) for address in current["precompiles"].values())
    assert numbers == [*range(1, 0x12), 0x100, 0x5101, 0x5104, 0x5105]
    assert current["precompiles"]["MODEXP"] == "0x" + "00" * 19 + "05"
