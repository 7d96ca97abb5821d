"""Blocks and seals on the wire: strict, bounded, one encoding."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.errors.body import BlockTooLarge, MalformedBlock, MalformedTransaction
from quip.consensus.errors.header import MalformedHeader
from quip.consensus.errors.root import MalformedMessage
from quip.consensus.errors.seal import MalformedSeal
from quip.consensus.types.block import (
    MAX_BLOCK_SIZE,
    MAX_BODY_SIZE,
    MAX_OMMERS_SIZE,
    MAX_SEAL_SIZE,
    Block,
    check_sizes,
    transactions_root,
)
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.primitives import rlp
from support.chains import grown

STORED = grown(1).chain.block_by_number(1)
assert STORED is not None
assert STORED.seal is not None
SEAL: Seal = STORED.seal
GOOD = Block(STORED.header, STORED.transactions, SEAL)
TYPED = st.binary(min_size=1, max_size=40).filter(lambda data: data[0] < 0x80)
LEGACY = st.lists(st.binary(max_size=9), max_size=9).map(rlp.encode)


@given(st.lists(st.one_of(TYPED, LEGACY), max_size=5).map(tuple), st.booleans(), st.lists(st.booleans(), max_size=4))
def test_round_trip(transactions: tuple[bytes, ...], sealed: bool, ommers: list[bool]) -> None:
    shown = tuple(Ommer(GOOD.header, SEAL if one else None) for one in ommers)
    block = Block(GOOD.header, transactions, SEAL if sealed else None, shown)
    data = block.encode()
    assert Block.decode(data) == block
    assert Block.decode(data).encode() == data
    assert block.body_size() < len(data)


@given(st.integers(0, 1 << 20), st.integers(0, 7))
def test_a_flipped_bit_is_another_block_or_none(position: int, bit: int) -> None:
    data = bytearray(GOOD.encode())
    data[position % len(data)] ^= 1 << bit
    try:
        changed = Block.decode(bytes(data))
    except MalformedMessage:
        return
    assert changed != GOOD
    assert changed.encode() == bytes(data)


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        Block.decode(data)


def parts() -> list[rlp.Item]:
    return [GOOD.header.fields(), [], [], SEAL.item()]


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (b"", MalformedBlock),
        ([], MalformedBlock),
        (parts()[:3], MalformedBlock),
        ([*parts(), b""], MalformedBlock),
        ([[], [], [], SEAL.item()], MalformedHeader),
        ([parts()[0], b"", [], SEAL.item()], MalformedBlock),
        ([parts()[0], [b""], [], SEAL.item()], MalformedTransaction),
        ([parts()[0], [b"\x80"], [], SEAL.item()], MalformedTransaction),
        ([parts()[0], [b"\xc0"], [], SEAL.item()], MalformedTransaction),
        ([parts()[0], [], b"", SEAL.item()], MalformedBlock),
        ([parts()[0], [], [b""], SEAL.item()], MalformedBlock),
        ([parts()[0], [], [[parts()[0]]], SEAL.item()], MalformedBlock),
        ([parts()[0], [], [[[], SEAL.item()]], SEAL.item()], MalformedHeader),
        ([parts()[0], [], [[parts()[0], b""]], SEAL.item()], MalformedSeal),
        ([parts()[0], [], [[parts()[0], []]] * 5, SEAL.item()], MalformedBlock),
        ([parts()[0], [], [], b""], MalformedSeal),
        ([parts()[0], [], [], b"\x01"], MalformedSeal),
        ([parts()[0], [], [], [b"\x02", [b"k", b"x"], [b"s"] * 1_025, b"e", b"x"]], MalformedSeal),
    ],
)
def test_wrong_shape(item: rlp.Item, error: type[MalformedMessage]) -> None:
    with pytest.raises(error):
        Block.decode(rlp.encode(item))


def test_longer_than_any_block() -> None:
    with pytest.raises(BlockTooLarge):
        Block.decode(bytes(MAX_BLOCK_SIZE + 1))


def sized(block: Block) -> None:
    check_sizes(block.header, block.body, block.seal)


def test_exactly_the_largest_body() -> None:
    room = MAX_BODY_SIZE - replace(GOOD, transactions=(b"\x02" + bytes(1 << 20),)).body_size() + (1 << 20) + 1
    largest = replace(GOOD, transactions=(b"\x02" + bytes(room - 1),))
    assert largest.body_size() == MAX_BODY_SIZE
    sized(largest)
    with pytest.raises(BlockTooLarge, match="transactions"):
        sized(replace(GOOD, transactions=(b"\x02" + bytes(room),)))


def test_the_largest_ommers() -> None:
    def shown(size: int) -> Block:
        return replace(
            GOOD, ommers=(Ommer(GOOD.header, SEAL), Ommer(GOOD.header, replace(SEAL, solutions=(bytes(size),))))
        )

    room = MAX_OMMERS_SIZE - len(rlp.encode([one.item() for one in shown(1 << 16).ommers])) + (1 << 16)
    sized(shown(room))
    with pytest.raises(BlockTooLarge, match="ommers"):
        sized(shown(room + 1))
    with pytest.raises(BlockTooLarge, match="list of ommers"):
        sized(replace(GOOD, ommers=(Ommer(GOOD.header, SEAL),) * 5))


def test_the_largest_seal() -> None:
    room = MAX_SEAL_SIZE - len(replace(SEAL, solutions=(bytes(1 << 16),)).encode()) + (1 << 16)
    sized(replace(GOOD, seal=replace(SEAL, solutions=(bytes(room),))))
    with pytest.raises(BlockTooLarge, match="seal"):
        sized(replace(GOOD, seal=replace(SEAL, solutions=(bytes(room + 1),))))


def test_transactions_root() -> None:
    assert transactions_root(()) == EMPTY_TRIE_ROOT
    roots = {transactions_root(body) for body in ((b"\x01",), (b"\x01", b"\x02"), (b"\x02", b"\x01"), (b"\x02",) * 200)}
    assert len(roots) == 4


def seal_items() -> list[rlp.Item]:
    item = SEAL.item()
    assert not isinstance(item, bytes)
    return list(item)


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, b""),
        (0, b"\x00"),
        (0, b"\x01\x02"),
        (0, []),
        (1, b""),
        (1, [SEAL.ecdsa_key]),
        (1, [SEAL.ecdsa_key, SEAL.xmss_key, b""]),
        (1, [[], SEAL.xmss_key]),
        (2, b""),
        (2, [[]]),
        (3, []),
        (4, []),
    ],
)
def test_malformed_seals(index: int, value: rlp.Item) -> None:
    items = seal_items()
    items[index] = value
    with pytest.raises(MalformedSeal):
        Seal.decode(rlp.encode(items))


@pytest.mark.parametrize("data", [b"", b"\xc0", b"\x80", rlp.encode(SEAL.item()) + b"\0", rlp.encode(seal_items()[:4])])
def test_seals_that_are_none(data: bytes) -> None:
    with pytest.raises(MalformedSeal):
        Seal.decode(data)


def test_seal_round_trip() -> None:
    assert Seal.decode(SEAL.encode()) == SEAL
