"""Messages and bytes: every message round-trips at every size, has one encoding, and nothing else is a message."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.types.block import MAX_BLOCK_SIZE, BlockBody
from quip.net import limits
from quip.net.address import Address
from quip.net.errors import FrameTooLarge, MalformedPayload, NetError, UnknownMessage
from quip.net.wire import fields
from quip.net.wire import messages as m
from quip.net.wire.codec import TABLE, Channel, code_of, decode, encode
from quip.primitives import rlp
from quip.primitives.errors import Fault
from support.examples import examples
from support.messages import (
    BIG_HEADER,
    BLOCK,
    CLAIM,
    HEADER,
    JOIN,
    LARGEST,
    MESSAGES,
    SEAL,
    ZERO,
    seal_of_size,
    transactions_of_size,
)

EMPTY = rlp.encode([])


@examples(400)
@given(MESSAGES)
def test_round_trip(message: m.Message) -> None:
    payload = encode(message)
    assert decode(code_of(message), payload) == message
    assert len(payload) <= TABLE[code_of(message)].max_bytes


@pytest.mark.parametrize("kind", LARGEST)
def test_the_largest_message_has_exactly_the_largest_size(kind: type[m.Message]) -> None:
    message = LARGEST[kind]
    payload = encode(message)
    rule = TABLE[code_of(message)]
    assert len(payload) == rule.max_bytes
    assert decode(rule.code, payload) == message
    with pytest.raises(FrameTooLarge):
        decode(rule.code, payload + b"\0")


def test_the_largest_block_response() -> None:
    rule = TABLE[0x27]
    assert rule.max_bytes == len(rlp.encode([bytes(MAX_BLOCK_SIZE)]))
    with pytest.raises(FrameTooLarge):
        decode(rule.code, rlp.encode([bytes(MAX_BLOCK_SIZE + 1)]))
    with pytest.raises(MalformedPayload):
        decode(rule.code, rlp.encode([bytes(MAX_BLOCK_SIZE)]))
    assert decode(rule.code, encode(m.BlockResponse(BLOCK))) == m.BlockResponse(BLOCK)


@pytest.mark.parametrize(
    "sizes",
    [range(3_001), range(65_500, 65_600), range((1 << 20) - 20, (1 << 20) + 1)],
    ids=["small", "64 KiB", "the limit"],
)
def test_every_size_round_trips(sizes: range) -> None:
    for size in sizes:
        message = transactions_of_size(size)
        payload = encode(message)
        assert size + 2 <= len(payload) <= size + 8
        assert decode(0x29, payload) == message
    assert TABLE[0x29].max_bytes == (1 << 20) + 8


@pytest.mark.parametrize(
    "message",
    [
        replace(JOIN, chain_id=1 << 64),
        replace(JOIN, protocol_version=-1),
        replace(JOIN, genesis_hash=bytes(31)),
        replace(JOIN, agent="a" * 65),
        replace(JOIN, agent="ä"),
        replace(JOIN, agent="a\n"),
        replace(JOIN, head=replace(CLAIM, total_difficulty=1 << 256)),
        replace(JOIN, public=Address("::ffff:1.2.3.4", 1)),
        replace(JOIN, public=Address("::FF", 1)),
        replace(JOIN, public=Address("fe80::1%eth0", 1)),
        replace(JOIN, public=Address("localhost", 1)),
        replace(JOIN, public=Address("127.0.0.1", 0)),
        replace(JOIN, public=Address("127.0.0.1", 65_536)),
        m.Gossip(()),
        m.Gossip((CLAIM,) * 17),
        m.SealsRequest(()),
        m.SealsRequest((ZERO,) * 65),
        m.HeadersRequest((ZERO,), 0),
        m.HeadersRequest((ZERO,), 513),
        m.HeadersRequest((), 1),
        m.Headers((BIG_HEADER,) * 513),
        m.Seals((seal_of_size(1 << 20), None)),
        m.Seals((seal_of_size((1 << 20) + 1),)),
        m.Bodies((BlockBody((b"",)),)),
        m.Bodies((BlockBody((b"\x80",)),)),
        m.Bodies((BlockBody((b"\xc1",)),)),
        m.Transactions((b"\x02" * limits.MAX_TRANSACTIONS_BYTES,)),
        m.NodeStats((("", 1),)),
        m.NodeStats((("x", -1),)),
    ],
    ids=lambda message: str(message)[:60],
)
def test_what_no_peer_would_take_is_not_encoded(message: m.Message) -> None:
    with pytest.raises(ValueError):
        encode(message)


def item(message: m.Message) -> list[rlp.Decoded]:
    decoded = rlp.decode(encode(message))
    assert isinstance(decoded, list)
    return decoded


def first_of(items: list[rlp.Decoded]) -> list[rlp.Decoded]:
    """The first item, which is a list."""
    assert isinstance(items[0], list)
    return items[0]


def changed(message: m.Message, index: int, value: rlp.Item) -> bytes:
    items: list[rlp.Item] = list(item(message))
    items[index] = value
    return rlp.encode(items)


STATUS = m.NodeStatus(CLAIM, "a", True, False, 1, 2)
PEERS = m.Peers(((Address("1.2.3.4", 5), 6),))


def peers(host: rlp.Item, port: rlp.Item) -> bytes:
    return rlp.encode([[[[host, port], b"\x06"]]])


@pytest.mark.parametrize(
    ("code", "payload", "words"),
    [
        (0x32, b"", "RLP"),
        (0x10, b"\xc0\xc0", "after the item"),
        (0x32, b"\x80", "bytes where a list"),
        (0x10, b"\xc1\x80", "1 items, not 2"),
        (0x10, b"\xf8\x00", "RLP"),
        (0x26, rlp.encode([bytes(31)]), "31 bytes, not 32"),
        (0x26, rlp.encode([[]]), "a list where bytes"),
        (0x01, changed(JOIN, 0, b"\x00"), "leading zero"),
        (0x01, changed(JOIN, 0, b"\x01" * 5), "0..4294967295"),
        (0x01, changed(JOIN, 3, [ZERO, b"", b"", b""]), "4 items, not 3"),
        (0x01, changed(JOIN, 4, []), "0 items, not 2"),
        (0x01, changed(JOIN, 5, b"\x7f"), "printable"),
        (0x01, changed(JOIN, 5, b"a" * 65), "65 characters"),
        (0x01, rlp.encode(item(JOIN)[:5]), "5 items, not 6"),
        (0x01, rlp.encode([*item(JOIN), b""]), "7 items, not 6"),
        (0x33, changed(STATUS, 2, b"\x02"), "synced is not in 0..1"),
        (0x31, peers(bytes(4), b""), "port is not in"),
        (0x31, peers(bytes(4), b"\x01\x00\x00"), "port is not in"),
        (0x31, peers(bytes(5), b"\x01"), "5 bytes, not 4 or 16"),
        (0x31, peers(bytes(10) + b"\xff\xff\x01\x02\x03\x04", b"\x01"), "IPv6's form"),
        (0x31, rlp.encode([first_of(item(PEERS))[:1] * 251]), "251 peers"),
        (0x12, rlp.encode([[]]), "0 claims"),
        (0x22, rlp.encode([[]]), "0 hashes"),
        (0x22, rlp.encode([b""]), "bytes where a list"),
        (0x20, rlp.encode([[ZERO], b"\x02\x01"]), "1..512"),
        (0x23, rlp.encode([[[]]]), "malformed seal"),
        (0x21, rlp.encode([[[]]]), "malformed header"),
        (0x25, rlp.encode([[[[b""], []]]]), "begins with its type"),
        (0x25, rlp.encode([[[[b"\xc2\x81\x01"], []]]]), "RLP"),
        (0x25, rlp.encode([[[[[]], []]]]), "a list where bytes"),
        (0x25, rlp.encode([[[[]]]]), "1 items, not 2"),
        (0x25, rlp.encode([[[[], [[HEADER.fields(), []]]]]]), "malformed seal"),
        (0x25, rlp.encode([[[[], [[HEADER.fields(), SEAL.item()]] * 5]]]), "5 ommers"),
        (0x27, rlp.encode([b"\xc0"]), "malformed block"),
        (0x27, rlp.encode([[]]), "a list where bytes"),
        (0x35, rlp.encode([[[b"", b""]]]), "0 characters"),
        (0x35, rlp.encode([[[b"a", b""]] * 33]), "33 counters"),
        (0x13, rlp.encode([HEADER.fields(), SEAL.item(), bytes(33), []]), "leading zero"),
    ],
)
def test_anything_else_is_a_named_error(code: int, payload: bytes, words: str) -> None:
    with pytest.raises(MalformedPayload, match=words) as caught:
        decode(code, payload)
    assert TABLE[code].name in str(caught.value)
    assert caught.value.fault is Fault.AT_FAULT


def test_unknown_codes() -> None:
    for code in set(range(256)) - set(TABLE):
        with pytest.raises(UnknownMessage, match=f"0x{code:02x}"):
            decode(code, EMPTY)


def expect_one_encoding(code: int, payload: bytes) -> None:
    """Decoding raises a NetError, or gives a message whose encoding is what was decoded."""
    try:
        message = decode(code, payload)
    except NetError as error:
        assert error.fault is Fault.AT_FAULT
        return
    assert encode(message) == payload


ITEMS = st.recursive(st.binary(max_size=40), lambda part: st.lists(part, max_size=6), max_leaves=30)


@examples(300)
@given(st.integers(0, 255), st.binary(max_size=200) | ITEMS.map(rlp.encode))
def test_no_other_exception_from_any_bytes(code: int, payload: bytes) -> None:
    expect_one_encoding(code, payload)


@examples(600)
@given(MESSAGES, st.data())
def test_damaged_messages(message: m.Message, data: st.DataObject) -> None:
    payload = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, len(payload) - 1)))
        what = data.draw(st.sampled_from(("flip", "cut", "insert", "end")))
        if what == "flip" and payload:
            payload[at] ^= 1 << data.draw(st.integers(0, 7))
        elif what == "cut":
            del payload[at : at + data.draw(st.integers(1, 4))]
        elif what == "insert":
            payload[at:at] = data.draw(st.binary(min_size=1, max_size=4))
        else:
            del payload[at:]
    expect_one_encoding(code_of(message), bytes(payload))


def test_a_seal_beside_small_fields_has_its_own_limit() -> None:
    seal = seal_of_size((1 << 20) + 1)
    payload = rlp.encode([HEADER.fields(), seal.item(), b"", []])
    assert len(payload) <= TABLE[0x13].max_bytes
    with pytest.raises(MalformedPayload, match="more than 1048576 bytes"):
        decode(0x13, payload)


def test_a_record_names_every_field() -> None:
    with pytest.raises(TypeError):
        fields.record(m.Goodbye, reason=fields.text("reason", 0, 9), code=fields.unsigned("code", 8))


def test_every_type_has_one_row() -> None:
    kinds = [rule.kind for rule in TABLE.values()]
    assert len(set(kinds)) == len(kinds) == len(get_args(m.Message))
    assert len({rule.name for rule in TABLE.values()}) == len(kinds)


def test_codes_lie_where_their_channel_says() -> None:
    for code, rule in TABLE.items():
        if code < 0x10:
            assert rule.channel in (Channel.JOIN_REQUEST, Channel.JOIN_RESPONSE)
        elif code < 0x20:
            assert rule.channel is Channel.PUSH
        else:
            assert rule.channel is (Channel.REPLY if code % 2 else Channel.REQUEST)
        if rule.channel is Channel.REQUEST:
            assert TABLE[code + 1].channel is Channel.REPLY
        assert (rule.rate is not None) == (rule.channel in (Channel.PUSH, Channel.REQUEST))
