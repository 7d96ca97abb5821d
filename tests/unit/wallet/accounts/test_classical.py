"""Transactions and messages of classical accounts, against eth-account's own."""

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from quip.primitives import ecdsa, rlp
from quip.primitives.address import checksum_address
from quip.primitives.signature_errors import SignatureError
from quip.wallet.accounts import classical
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.transaction_request import TransactionRequest
from quip.wallet.errors import BadTransaction
from support.examples import examples

SECRET = b"\1" * 32
ADDRESS = ecdsa.address(ecdsa.public_key(SECRET))
TO = bytes(range(20))

numbers = [st.integers(0, 2**bits - 1) for bits in (53, 63, 60, 60, 40)]
words = st.binary(min_size=32, max_size=32)
accesses = st.lists(st.tuples(st.just(TO), st.lists(words, max_size=2).map(tuple)), max_size=2).map(tuple)
requests = st.builds(
    TransactionRequest, *numbers, to=st.sampled_from([b"", TO]), value=st.integers(0, 2**96),
    data=st.binary(max_size=40), access_list=accesses,
)  # fmt: skip


def as_others(request: TransactionRequest) -> dict[str, Any]:
    """As eth-account wants it."""
    accesses = [
        {"address": checksum_address(a), "storageKeys": [f"0x{k.hex()}" for k in k_]} for a, k_ in request.access_list
    ]
    fields = {"type": 2, "chainId": request.chain_id, "nonce": request.nonce, "gas": request.gas,
              "value": request.value,
              "maxFeePerGas": request.max_fee_per_gas, "maxPriorityFeePerGas": request.max_priority_fee_per_gas,
              "data": f"0x{request.data.hex()}", "accessList": accesses}  # fmt: skip
    return {**fields, "to": checksum_address(request.to)} if request.to else fields


@examples(40)
@given(requests)
def test_transactions_are_those_of_other_wallets(request: TransactionRequest) -> None:
    raw = classical.sign_transaction(SECRET, request)
    other = Account.sign_transaction(as_others(request), SECRET)
    assert raw == bytes(other.raw_transaction)
    assert classical.hash_of(raw) == bytes(other.hash)
    assert classical.sender_of(raw) == ADDRESS


@pytest.mark.parametrize(
    "fields",
    [
        {"gasPrice": 1},
        {"gasPrice": 1, "chainId": None},
        {"gasPrice": 1, "accessList": []},
        {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1},
        {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1, "authorizationList": []},
    ],
    ids=["legacy", "before EIP-155", "2930", "1559", "7702"],
)
def test_every_kind_names_its_sender(fields: dict[str, Any]) -> None:
    document = {
        "chainId": 20_050,
        "nonce": 0,
        "gas": 21_000,
        "to": checksum_address(TO),
        "value": 1,
        "data": "0x",
        **fields,
    }
    if fields.get("authorizationList") == []:
        document["authorizationList"] = [
            Account.sign_authorization({"chainId": 1, "address": checksum_address(TO), "nonce": 0}, b"\2" * 32)
        ]
    made = Account.sign_transaction({name: value for name, value in document.items() if value is not None}, SECRET)
    assert classical.sender_of(bytes(made.raw_transaction)) == ADDRESS


def test_the_other_half_of_a_malleable_pair_is_refused() -> None:
    request = TransactionRequest(1, 0, 1, 1, 21_000, TO, 0, b"", ())
    fields: Any = rlp.decode(classical.sign_transaction(SECRET, request)[1:])
    order = 2 * ecdsa.HALF_ORDER + 1
    high = rlp.int_to_bytes(order - int.from_bytes(fields[-1], "big"))
    parity = b"" if fields[-3] else b"\1"
    with pytest.raises(BadTransaction, match="half the group order"):
        classical.sender_of(b"\2" + rlp.encode([*fields[:-3], parity, fields[-2], high]))


@examples(200)
@given(st.sampled_from([b"", b"\1", b"\2", b"\3", b"\4", b"\x05", b"\xc0", b"\x80"]), st.binary(max_size=40))
def test_what_is_no_transaction(kind: bytes, rest: bytes) -> None:
    with pytest.raises(BadTransaction):
        classical.sender_of(kind + rest)


@examples(100)
@given(requests, st.data())
def test_what_is_changed_is_no_transaction_or_somebody_elses(request: TransactionRequest, data: st.DataObject) -> None:
    raw = bytearray(classical.sign_transaction(SECRET, request))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        assert classical.sender_of(bytes(raw)) != ADDRESS
    except BadTransaction:
        return


@examples(30)
@given(st.text(max_size=300))
def test_messages_are_those_of_other_wallets(text: str) -> None:
    message = text.encode()
    signature = classical.sign_message(SECRET, message)
    assert signature == bytes(Account.sign_message(encode_defunct(message), SECRET).signature)
    assert classical.signer_of_message(message, signature) == ADDRESS
    assert classical.signer_of_message(message, signature[:64] + bytes([signature[64] - 27])) == ADDRESS
    assert classical.signer_of_message(message + b"!", signature) != ADDRESS


@pytest.mark.parametrize("signature", [b"", bytes(65), b"\1" * 64 + b"\x1d", b"\1" * 66])
def test_what_is_no_signature(signature: bytes) -> None:
    with pytest.raises(SignatureError):
        classical.signer_of_message(b"text", signature)


@examples(10)
@given(st.sampled_from([12, 15, 18, 21, 24]), st.integers(0, 2**31 - 1))
def test_keys_from_words_are_those_of_another_library(words: int, index: int) -> None:
    """BIP-39, BIP-32 and BIP-44 as a whole."""
    mnemonic = Mnemonic.generate(words)
    Account.enable_unaudited_hdwallet_features()
    other = Account.from_mnemonic(mnemonic.phrase, account_path=f"m/44'/60'/0'/0/{index}")
    assert bytes(other.key) == mnemonic.ecdsa_secret(index)


def test_a_parity_that_is_none_is_no_transaction() -> None:
    fields = {**dict.fromkeys(("nonce", "value"), 0), "chainId": 1, "gas": 21_000, "to": "0x" + "11" * 20}
    signed = Account.sign_transaction({**fields, "maxFeePerGas": 2, "maxPriorityFeePerGas": 1}, SECRET)
    raw = bytes(signed.raw_transaction)
    assert classical.sender_of(raw) == ADDRESS
    at = raw.index(b"\xc0") + 1  # behind the empty access list
    assert raw[at] in (0x80, 1)
    changed = raw[:at] + bytes([36 if raw[at] == 1 else 35]) + raw[at + 1 :]
    with pytest.raises(BadTransaction, match="parity"):
        classical.sender_of(changed)


MAIL: dict[str, Any] = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}],
        "Mail": [{"name": "text", "type": "string"}, {"name": "count", "type": "uint8"}],
    },
    "primaryType": "Mail",
    "domain": {"name": "quip"},
    "message": {"text": "hello", "count": 7},
}


def test_typed_data_is_signed_as_eth_account_signs_it() -> None:
    signature = classical.sign_typed_data(SECRET, MAIL)
    assert signature == bytes(Account.sign_message(encode_typed_data(full_message=MAIL), SECRET).signature)


@pytest.mark.parametrize(
    "change",
    [{"types": 1}, {"types": {}}, {"primaryType": "Letter"}, {"domain": None},
     {"message": {"text": "a", "count": 256}}, {"message": {}}, {"types": {"Mail": [1]}}],
)  # fmt: skip
def test_what_is_no_typed_data_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadTransaction, match="typed data"):
        classical.sign_typed_data(SECRET, {**MAIL, **change})
