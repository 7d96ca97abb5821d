"""The header's codec: one encoding, exact lengths, integers in range."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.errors.header import MalformedHeader
from quip.consensus.types.header import MAX_UINT64, MAX_UINT256, Header
from quip.primitives import rlp
from support.chains import grown

GOOD = grown(1).chain.head.header
SIZES = {"parent_hash": 32, "state_root": 32, "transactions_root": 32, "receipts_root": 32, "beneficiary": 20}
INTEGERS = {7: MAX_UINT256, 8: MAX_UINT64, 9: MAX_UINT64, 10: MAX_UINT64, 11: MAX_UINT64, 15: MAX_UINT256}


@st.composite
def headers(draw: st.DrawFn) -> Header:
    exact = {name: draw(st.binary(min_size=size, max_size=size)) for name, size in SIZES.items()}
    return Header(
        ommers_hash=draw(st.binary(min_size=32, max_size=32)),
        logs_bloom=draw(st.binary(min_size=256, max_size=256)),
        difficulty=draw(st.integers(0, MAX_UINT256)),
        number=draw(st.integers(0, MAX_UINT64)),
        gas_limit=draw(st.integers(0, MAX_UINT64)),
        gas_used=draw(st.integers(0, MAX_UINT64)),
        timestamp=draw(st.integers(0, MAX_UINT64)),
        extra_data=draw(st.binary(max_size=32)),
        mix_hash=draw(st.binary(min_size=32, max_size=32)),
        nonce=draw(st.binary(min_size=8, max_size=8)),
        base_fee_per_gas=draw(st.integers(0, MAX_UINT256)),
        **exact,
    )


@given(headers())
def test_round_trip(header: Header) -> None:
    data = header.encode()
    assert Header.decode(data) == header
    assert Header.decode(data).encode() == data


@given(headers(), headers())
def test_the_hash_names_the_header(first: Header, second: Header) -> None:
    assert (first.hash == second.hash) == (first == second)


@given(st.binary(max_size=700))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedHeader):
        Header.decode(data)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_flipped_bit_is_another_header_or_none(position: int, bit: int) -> None:
    data = bytearray(GOOD.encode())
    data[position % len(data)] ^= 1 << bit
    try:
        changed = Header.decode(bytes(data))
    except MalformedHeader:
        return
    assert changed != GOOD
    assert changed.encode() == bytes(data)


def items() -> list[bytes]:
    return GOOD.fields()


@pytest.mark.parametrize("index", [0, 1, 2, 3, 4, 5, 6, 13, 14])
@pytest.mark.parametrize("by", [-1, 1])
def test_wrong_length(index: int, by: int) -> None:
    fields = items()
    fields[index] = bytes(len(fields[index]) + by)
    with pytest.raises(MalformedHeader, match="bytes, not"):
        Header.from_item(fields)


@pytest.mark.parametrize("index", INTEGERS)
@pytest.mark.parametrize(("value", "reason"), [("above", "more than"), ("zero", "leading zero"), ("most", None)])
def test_integers(index: int, value: str, reason: str | None) -> None:
    fields = items()
    limit = INTEGERS[index]
    fields[index] = {
        "above": rlp.int_to_bytes(limit + 1),
        "zero": b"\0" + rlp.int_to_bytes(5),
        "most": rlp.int_to_bytes(limit),
    }[value]
    if reason is None:
        assert Header.from_item(fields).fields() == fields
        return
    with pytest.raises(MalformedHeader, match=reason):
        Header.from_item(fields)


def test_extra_data_is_bounded() -> None:
    fields = items()
    fields[12] = bytes(33)
    with pytest.raises(MalformedHeader, match="extraData"):
        Header.from_item(fields)


@pytest.mark.parametrize("fields", [items()[:15], [*items(), b""], [], b"", [[], *items()[1:]]])
def test_wrong_shape(fields: rlp.Item) -> None:
    with pytest.raises(MalformedHeader):
        Header.from_item(fields)


def test_sealing_hash_leaves_out_mix_hash_and_nonce() -> None:
    assert replace(GOOD, mix_hash=bytes(32), nonce=bytes(8)).sealing_hash == GOOD.sealing_hash
    assert replace(GOOD, mix_hash=bytes(32)).hash != GOOD.hash
    for name in ("parent_hash", "beneficiary", "state_root", "transactions_root", "extra_data"):
        zeroed: dict[str, Any] = {name: bytes(len(getattr(GOOD, name)))}
        assert replace(GOOD, **zeroed).sealing_hash != GOOD.sealing_hash


def test_miner_id() -> None:
    assert GOOD.miner_id == GOOD.extra_data[:20]
