"""Accounts, code, storage and proofs at every kind of block reference."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from quip.consensus.types.account_state import EMPTY_CODE_HASH
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.primitives import rlp
from quip.primitives.address import checksum_address
from quip.primitives.hashes import keccak256
from quip.rpc.errors import InvalidParams, RpcError, TooManySlots
from quip.rpc.methods.receipt_objects import created_address
from quip.storage.state import StateLimits
from support.rpc_calls import EMITTER, RpcChain, emitter_call
from support.transactions import ETHER, HISTORY, HISTORY_CODE, address, signed

RECIPIENT = "0x" + "35" * 20
NOBODY = "0x" + "ee" * 20
RUNTIME = EMITTER[1:22]
CONTRACT = "0x" + created_address(address(0), 0).hex()
WORD = "0x" + "00" * 31


@cache
def grown() -> RpcChain:
    """1: the contract; 2: a value in its slot, a payment; 3: another value."""
    made = RpcChain()
    made.mine(signed(0, 0, {"to": None, "data": EMITTER.hex(), "gas": 200_000}))
    call = {"to": checksum_address(bytes.fromhex(CONTRACT[2:])), "gas": 100_000, "value": 0}
    made.mine(signed(0, 1, {**call, "data": emitter_call(1, 2, 0x2A)}), signed(1, 0))
    made.mine(signed(0, 2, {**call, "data": emitter_call(1, 2, 0x2B)}))
    return made


def ask(name: str, *arguments: Any) -> Any:
    return grown().call(name, *arguments)


def hash_of(number: int) -> str:
    found: str = ask("eth_getBlockByNumber", hex(number), False)["hash"]
    return found


@pytest.mark.parametrize(
    ("block", "value"),
    [
        ("0x1", 0), ("0x2", 0x2A), ("0x3", 0x2B), ("latest", 0x2B), ("pending", 0x2B), ("earliest", 0),
        ("safe", 0), ("finalized", 0), ({"blockNumber": "0x2"}, 0x2A), (None, 0x2B),
    ],
)  # fmt: skip
def test_storage_at_every_block(block: Any, value: int) -> None:
    assert ask("eth_getStorageAt", CONTRACT, "0x1", block) == "0x" + value.to_bytes(32, "big").hex()


@pytest.mark.parametrize("key", ["0x1", "0x01", "1", "01", "0x" + "00" * 31 + "01"])
def test_a_storage_key_has_any_length(key: str) -> None:
    assert ask("eth_getStorageAt", CONTRACT, key, {"blockHash": hash_of(2)}) == WORD + "2a"
    assert ask("eth_getStorageAt", CONTRACT, key, {"blockHash": hash_of(2), "requireCanonical": True}) == WORD + "2a"


def test_balances_and_nonces() -> None:
    assert [ask("eth_getBalance", RECIPIENT, hex(number)) for number in range(4)] == ["0x0", "0x0", "0x1", "0x1"]
    sender = "0x" + address(0).hex()
    assert [ask("eth_getTransactionCount", sender, hex(number)) for number in range(4)] == ["0x0", "0x1", "0x2", "0x3"]
    assert ask("eth_getTransactionCount", sender, "pending") == ask("eth_getTransactionCount", sender) == "0x3"
    assert ask("eth_getBalance", "0x" + address(3).hex()) == hex(1_000 * ETHER)


def test_code() -> None:
    assert ask("eth_getCode", CONTRACT) == "0x" + RUNTIME.hex()
    assert ask("eth_getCode", CONTRACT, "0x0") == ask("eth_getCode", NOBODY) == "0x"
    assert ask("eth_getCode", "0x" + HISTORY.hex(), "earliest") == "0x" + HISTORY_CODE.hex()


def test_several_slots_at_once() -> None:
    keys = [WORD + "01", WORD + "07"]
    answer = ask("eth_getStorageValues", {CONTRACT: keys, NOBODY: keys[:1], RECIPIENT: []})
    assert answer == {CONTRACT: [WORD + "2b", WORD + "00"], NOBODY: [WORD + "00"], RECIPIENT: []}
    empty: list[dict[str, Any]] = [{}, {CONTRACT: []}, {CONTRACT: None}]
    for wrong in empty:
        with pytest.raises(InvalidParams, match=r"^empty request$"):
            ask("eth_getStorageValues", wrong)
    with pytest.raises(TooManySlots, match=r"too many slots \(max 1024\)") as caught:
        ask("eth_getStorageValues", {CONTRACT: [WORD + "01"] * 1_025})
    assert caught.value.code == -38026


def test_accounts() -> None:
    info = ask("eth_getAccountInfo", CONTRACT)
    assert info == {"balance": "0x1", "nonce": "0x1", "code": "0x" + RUNTIME.hex()}
    assert ask("eth_getAccountInfo", NOBODY) == {"balance": "0x0", "nonce": "0x0", "code": "0x"}
    account = ask("eth_getAccount", CONTRACT)
    assert list(account) == ["balance", "nonce", "storageRoot", "codeHash"]
    assert account["codeHash"] == "0x" + keccak256(RUNTIME).hex()
    assert account["storageRoot"] == ask("eth_getProof", CONTRACT, [], "latest")["storageHash"]
    assert ask("eth_getAccount", NOBODY) is None


def nibbles(key: bytes) -> list[int]:
    return [digit for byte in keccak256(key) for digit in (byte >> 4, byte & 15)]


def proven(root: str, key: bytes, nodes: list[str]) -> bytes | None:
    """The value that a proof shows at a key of a secure trie, None if it shows that there is none (Yellow Paper, D)."""
    wanted, path = bytes.fromhex(root[2:]), nibbles(key)
    for encoded in (bytes.fromhex(node[2:]) for node in nodes):
        assert keccak256(encoded) == wanted
        node: Any = rlp.decode(encoded)
        while True:
            if len(node) == 17:
                node = node[path.pop(0)]
            else:
                prefix, leaf = node[0], node[0][0] >> 5 & 1
                digits = [digit for byte in prefix for digit in (byte >> 4, byte & 15)]
                digits = digits[1 if digits[0] & 1 else 2 :]
                if path[: len(digits)] != digits:
                    return None
                path, node = path[len(digits) :], node[1]
                if leaf:
                    assert not path
                    return bytes(node)
            if node == b"":
                return None
            if isinstance(node, bytes):
                break
        wanted = node
    raise AssertionError("the proof ends too early")


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_proof_shows_account_and_slots(number: int) -> None:
    root = ask("eth_getBlockByNumber", hex(number), False)["stateRoot"]
    keys = ["0x1", "0x" + "00" * 31 + "01", "0x02"]
    proof = ask("eth_getProof", CONTRACT, keys, hex(number))
    assert list(proof) == [
        "address", "accountProof", "balance", "codeHash", "nonce", "storageHash", "storageProof",
    ]  # fmt: skip
    shown = proven(root, bytes.fromhex(CONTRACT[2:]), proof["accountProof"])
    if number == 0:
        assert shown is None
        assert proof["codeHash"] == "0x" + EMPTY_CODE_HASH.hex()
        assert proof["storageHash"] == "0x" + EMPTY_TRIE_ROOT.hex()
    else:
        fields: Any = rlp.decode(shown or b"")
        assert [proof["storageHash"], proof["codeHash"]] == ["0x" + field.hex() for field in fields[2:]]
    assert [one["key"] for one in proof["storageProof"]] == ["0x1", keys[1], "0x2"]
    for one, key in zip(proof["storageProof"], (1, 1, 2), strict=True):
        value = None
        if one["proof"]:
            value = proven(proof["storageHash"], key.to_bytes(32, "big"), one["proof"])
        assert int(one["value"], 16) == (0 if value is None else int.from_bytes(rlp.decode(value), "big"))  # type: ignore[arg-type]
    assert int(proof["storageProof"][0]["value"], 16) == {0: 0, 1: 0, 2: 0x2A, 3: 0x2B}[number]


@pytest.mark.parametrize(
    ("method", "arguments", "code", "message"),
    [
        ("eth_getBalance", ("0x" + "00" * 20, "0xffff"), -32000, "header not found"),
        ("eth_getCode", (NOBODY, "0x" + "00" * 32), -32000, "header for hash not found"),
        (
            "eth_getProof",
            (NOBODY, ["0x" + "00" * 33], "latest"),
            -32602,
            "storage key too long (want at most 32 bytes)",
        ),
        ("eth_getProof", (NOBODY, ["0x1"] * 1_025), -32602, "too many slots (max 1024)"),
        ("eth_getProof", (NOBODY, "0x1"), -32602, "cannot unmarshal string into Go value of type []string"),
        ("eth_getStorageAt", (NOBODY, "0xzz"), -32602, 'invalid hex in storage key: "0xzz"'),
        ("eth_getStorageAt", (NOBODY, 1), -32602, "cannot unmarshal number into Go value of type string"),
        ("eth_getStorageAt", (NOBODY,), -32602, "missing value for required argument 1"),
        ("eth_getStorageValues", ([],), -32602, "cannot unmarshal array into Go value of type map"),
        ("eth_getStorageValues", ({NOBODY: "0x1"},), -32602, "cannot unmarshal string into Go value of type []common"),
        ("eth_getStorageValues", ({"0x1": []},), -32602, "hex string of odd length into Go value of type common.Addr"),
        ("eth_getTransactionCount", ("0x12",), -32602, "hex string has length 2, want 40 for common.Address"),
    ],
)
def test_refusals(method: str, arguments: tuple[Any, ...], code: int, message: str) -> None:
    with pytest.raises(RpcError) as caught:
        ask(method, *arguments)
    assert caught.value.code == code
    assert message in caught.value.message


def test_a_state_that_is_not_kept_is_told_in_ethereums_words() -> None:
    made = RpcChain(limits=StateLimits(flush_blocks=2, retained=4))
    for _ in range(12):
        made.mine()
    arguments: dict[str, list[Any]] = {"eth_getStorageAt": [NOBODY, "0x1"], "eth_getProof": [NOBODY, []]}
    for name in ("eth_getBalance", "eth_getTransactionCount", "eth_getStorageAt", "eth_getProof", "eth_getAccount"):
        given = arguments.get(name, [NOBODY])
        assert made.call(name, *given, "latest") is not None or name == "eth_getAccount"
        with pytest.raises(RpcError, match=r"^missing trie node [0-9a-f]{64}") as caught:
            made.call(name, *given, "0x1")
        assert caught.value.code == -32000
