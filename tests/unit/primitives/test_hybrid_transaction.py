"""Type 0x51: the golden transactions, EIP-712 by another library, and what is refused."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from quip.primitives import ecdsa, rlp
from quip.primitives.hybrid import HybridKeys
from quip.primitives.hybrid_transaction import HybridPayload, HybridTransaction, MalformedTransaction
from quip.primitives.signature_errors import HighS, WrongEcdsaSignature, WrongXmssSignature
from reference import hybrid as reference
from support.examples import examples
from support.places import VECTORS

GOLDEN: list[dict[str, Any]] = json.loads((VECTORS / "hybrid_transactions.json").read_text())
ENCODED = [bytes.fromhex(case["encoded"][2:]) for case in GOLDEN]
SIGNED = {name: [{"name": field, "type": kind} for kind, field in fields] for name, fields in reference.TYPES.items()}


def typed_data(transaction: reference.Transaction) -> dict[str, Any]:
    """As a wallet is asked by eth_signTypedData_v4."""
    message = {field: transaction[field] for _, field in reference.TYPES["Transaction"]}
    domain = {**reference.DOMAIN, "chainId": transaction["chainId"]}
    return {"types": SIGNED, "primaryType": "Transaction", "domain": domain, "message": message}


@pytest.mark.parametrize("number", range(len(GOLDEN)))
def test_the_golden_transactions(number: int) -> None:
    case, encoded = GOLDEN[number], ENCODED[number]
    transaction = HybridTransaction.decode(encoded)
    assert transaction.encode() == encoded
    assert transaction.hash().hex() == case["hash"][2:]
    assert transaction.payload.digest().hex() == case["digest"][2:]
    assert transaction.verify()
    payload = transaction.payload
    shown = [payload.chain_id, payload.nonce, payload.gas, payload.value, payload.leaf]
    assert shown == [int(case[name]) for name in ("chainId", "nonce", "gas", "value", "leafIndex")]
    assert (payload.to.hex(), payload.data.hex()) == (case["to"][2:], case["data"][2:])


@pytest.mark.parametrize("encoded", ENCODED)
def test_other_programs_sign_the_same_digest(encoded: bytes) -> None:
    signable = encode_typed_data(full_message=typed_data(reference.decode(encoded)))
    assert _hash_eip191_message(signable) == HybridTransaction.decode(encoded).payload.digest()


numbers = [st.integers(0, 2**bits - 1) for bits in (64, 64, 128, 128, 64)]
addresses = st.binary(min_size=20, max_size=20)
words = st.binary(min_size=32, max_size=32)
accesses = st.lists(st.tuples(addresses, st.lists(words, max_size=3).map(tuple)), max_size=3).map(tuple)
KEYS = [HybridTransaction.decode(encoded).payload.keys for encoded in ENCODED]
payloads = st.builds(
    HybridPayload, *numbers, to=st.one_of(st.just(b""), addresses), value=st.integers(0, 2**256 - 1),
    data=st.binary(max_size=80), access_list=accesses, sender=addresses, keys=st.sampled_from(KEYS),
    leaf=st.integers(0, 1023),
)  # fmt: skip
scalars = st.integers(0, 2**256 - 1)


@examples(60)
@given(payloads, scalars, scalars, st.integers(0, 1))
def test_any_transaction(payload: HybridPayload, r: int, s: int, v: int) -> None:
    """Both encoders, both decoders and all three EIP-712 hashers agree."""
    width, length = (4, 2_500) if payload.keys.suite == 1 else (3, 4_963)
    xmss = payload.leaf.to_bytes(width, "big") + bytes(length - width)
    made = HybridTransaction(payload, r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v]), xmss)
    encoded = made.encode()
    assert HybridTransaction.decode(encoded) == made
    twin = reference.decode(encoded)
    assert reference.encode(twin) == encoded
    assert reference.digest(twin) == payload.digest()
    assert _hash_eip191_message(encode_typed_data(full_message=typed_data(twin))) == payload.digest()


def good() -> HybridTransaction:
    return HybridTransaction.decode(ENCODED[0])


def payload_with(**changes: Any) -> HybridTransaction:
    return dataclasses.replace(good(), payload=dataclasses.replace(good().payload, **changes))


def keys_with(**changes: Any) -> HybridTransaction:
    return payload_with(keys=dataclasses.replace(good().payload.keys, **changes))


OUT_OF_RANGE: dict[str, Callable[[], HybridTransaction]] = {
    "chain id": lambda: payload_with(chain_id=2**64),
    "negative nonce": lambda: payload_with(nonce=-1),
    "nonce": lambda: payload_with(nonce=2**64),
    "priority fee": lambda: payload_with(max_priority_fee_per_gas=2**128),
    "fee": lambda: payload_with(max_fee_per_gas=2**128),
    "gas": lambda: payload_with(gas=2**64),
    "to": lambda: payload_with(to=bytes(19)),
    "value": lambda: payload_with(value=2**256),
    "access list": lambda: payload_with(access_list=((bytes(19), ()),)),
    "storage key": lambda: payload_with(access_list=((bytes(20), (bytes(31),)),)),
    "sender": lambda: payload_with(sender=b""),
    "suite": lambda: keys_with(suite=3),
    "ECDSA key": lambda: keys_with(ecdsa=b"\4" * 33),
    "XMSS key": lambda: keys_with(xmss=bytes(68)),
    "leaf": lambda: payload_with(leaf=1024),
    "another leaf": lambda: payload_with(leaf=1),
    "v": lambda: dataclasses.replace(good(), ecdsa=good().ecdsa[:64] + b"\2"),
    "ECDSA length": lambda: dataclasses.replace(good(), ecdsa=good().ecdsa[:64]),
    "XMSS length": lambda: dataclasses.replace(good(), xmss=good().xmss[:-1]),
    "size": lambda: payload_with(data=bytes(2 << 20)),
}


@pytest.mark.parametrize("make", OUT_OF_RANGE.values(), ids=OUT_OF_RANGE)
def test_what_is_out_of_range_is_not_written(make: Callable[[], HybridTransaction]) -> None:
    with pytest.raises(MalformedTransaction):
        make().encode()


def test_bytes_in_another_form_are_not_read() -> None:
    fields: Any = rlp.decode(ENCODED[0][1:])
    others: list[Any] = [
        [*fields[:1], b"\0" + fields[1], *fields[2:]],  # a leading zero
        [*fields, b""],
        fields[:-1],
        [*fields[:11], [*fields[11], b""], *fields[12:]],
        [*fields[:8], b"", *fields[9:]],
        [*fields[:14], b"\0" * (33 - len(fields[14])) + fields[14], *fields[15:]],
    ]
    for other in others:
        encoded = b"\x51" + rlp.encode(other)
        with pytest.raises(MalformedTransaction):
            HybridTransaction.decode(encoded)
        with pytest.raises(reference.Refused):
            reference.decode(encoded)
    for encoded in (b"", b"\x51", b"\x02" + ENCODED[0][1:], ENCODED[0] + b"\0", ENCODED[0][:-1]):
        with pytest.raises(MalformedTransaction):
            HybridTransaction.decode(encoded)
        with pytest.raises(reference.Refused):
            reference.decode(encoded)


@examples(200)
@given(st.sampled_from(ENCODED), st.data())
def test_both_decoders_refuse_the_same(encoded: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, 250))
    other = encoded[:at] + data.draw(st.binary(max_size=3)) + encoded[at + data.draw(st.integers(0, 3)) :]
    try:
        fields = reference.decode(other)
    except reference.Refused:
        with pytest.raises(MalformedTransaction):
            HybridTransaction.decode(other)
        return
    assert HybridTransaction.decode(other).encode() == other
    assert reference.encode(fields) == other


def test_what_is_signed_cannot_be_changed() -> None:
    fields = {"chain_id": 1, "nonce": 1, "max_priority_fee_per_gas": 1, "max_fee_per_gas": 1, "gas": 1, "to": b"",
              "value": 1, "data": b"1", "access_list": ((bytes(20), ()),), "sender": bytes(20)}  # fmt: skip
    for name, value in fields.items():
        with pytest.raises(WrongEcdsaSignature):
            payload_with(**{name: value}).verify()


def test_both_halves_must_sign() -> None:
    other = payload_with(nonce=1)
    secret = bytes(31) + b"\1"
    with pytest.raises(WrongXmssSignature):
        dataclasses.replace(other, ecdsa=ecdsa.sign(secret, other.payload.digest())).verify()
    high = good().ecdsa[:32] + b"\xff" * 32 + good().ecdsa[64:]
    with pytest.raises(HighS):
        dataclasses.replace(good(), ecdsa=high).verify()
    bent = good().xmss[:-1] + bytes([good().xmss[-1] ^ 1])
    with pytest.raises(WrongXmssSignature):
        dataclasses.replace(good(), xmss=bent).verify()


def test_a_sender_that_the_keys_do_not_name_needs_a_policy() -> None:
    """After a rotation: the signatures are good, and only the account's key policy can say whose they are."""
    from quip._native.hashsig import XmssKey

    key = XmssKey.generate(1, bytes(range(96)))
    secret = b"\3" * 32
    keys = HybridKeys(1, ecdsa.public_key(secret), key.public_key)
    payload = dataclasses.replace(good().payload, keys=keys, leaf=5)
    digest = payload.digest()
    assert not HybridTransaction(payload, ecdsa.sign(secret, digest), key.sign(5, digest)).verify()
