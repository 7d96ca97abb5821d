"""Streams of frames: every size, in every chunking, and nothing that is no frame."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.net.errors import FrameTooLarge, MalformedFrame, NetError, UnexpectedMessage, UnknownMessage
from quip.net.wire import messages as m
from quip.net.wire.codec import TABLE, Channel, code_of, encode
from quip.net.wire.frames import HEADER_BYTES, FrameReader, OneMessage, frame
from support.examples import examples
from support.messages import LARGEST, MESSAGES

ALL = frozenset(TABLE)
PUSHES = frozenset(code for code, rule in TABLE.items() if rule.channel is Channel.PUSH)
TRANSACTIONS = 0x29


def raw(code: int, payload: bytes) -> bytes:
    return bytes((code,)) + len(payload).to_bytes(4, "big") + payload


def chunks(data: bytes, rng: Random, largest: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = rng.randint(1, largest)
        yield data[at : at + size]
        at += size


def read(data: bytes, rng: Random, largest: int) -> list[tuple[int, bytes]]:
    reader = FrameReader(ALL)
    frames = [found for chunk in chunks(data, rng, largest) for found in reader.feed(chunk, fin=False)]
    assert reader.feed(b"", fin=True) == []
    assert reader.buffered == 0
    return frames


@pytest.mark.parametrize("largest", [1, 7, 1_200, 100_000])
def test_every_size_in_random_chunks(largest: int) -> None:
    rng = Random(largest)
    near = [*range(80), *range(1_165, 1_206), *range(2_990, 3_001)]  # byte by byte, all of them would take long
    sizes = near if largest == 1 else list(range(3_001))
    frames = [(TRANSACTIONS, rng.randbytes(size)) for size in sizes]
    assert read(b"".join(raw(*found) for found in frames), rng, largest) == frames


@pytest.mark.parametrize("code", ALL)
def test_sizes_around_the_limit(code: int) -> None:
    limit = TABLE[code].max_bytes
    rng = Random(code)
    for size in {0, 1, max(0, limit - 1), limit}:
        payload = bytes(size)
        assert read(raw(code, payload), rng, 1 << 16) == [(code, payload)]
    for size in (limit + 1, 1 << 31, (1 << 32) - 1):
        with pytest.raises(FrameTooLarge) as caught:
            FrameReader(ALL).feed(bytes((code,)) + size.to_bytes(4, "big"), fin=False)
        assert caught.value.values["limit"] == limit


@examples(60)
@given(st.lists(MESSAGES, max_size=6), st.randoms(use_true_random=False), st.integers(1, 300))
def test_messages_in_random_chunks(messages: list[m.Message], rng: Random, largest: int) -> None:
    data = b"".join(map(frame, messages))
    assert read(data, rng, largest) == [(code_of(message), encode(message)) for message in messages]


@pytest.mark.parametrize("kind", LARGEST)
def test_the_largest_messages_in_chunks(kind: type[m.Message]) -> None:
    data = frame(LARGEST[kind])
    assert read(data, Random(1), 1 << 16) == [(data[0], data[HEADER_BYTES:])]


def test_a_reader_holds_one_frame_at_most() -> None:
    reader = FrameReader(PUSHES)
    most = TABLE[0x13].max_bytes + HEADER_BYTES
    assert reader.feed(raw(0x13, bytes(most - HEADER_BYTES))[:-1], fin=False) == []
    assert reader.buffered == most - 1
    assert len(reader.feed(b"\0", fin=False)) == 1
    assert reader.buffered == 0


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x00\0\0\0\0", UnknownMessage),
        (b"\xff\0\0\0\0", UnknownMessage),
        (b"\x32\0\0\0\x01\xc0", UnexpectedMessage),
        (b"\x01\0\0\0\0", UnexpectedMessage),
        (b"\x12\xff\0\0\0", FrameTooLarge),
        (b"\x12", MalformedFrame),
        (b"\x12\0\0\0", MalformedFrame),
        (b"\x12\0\0\0\x02\xc0", MalformedFrame),
    ],
)
def test_what_is_no_frame_of_the_stream(data: bytes, error: type[NetError]) -> None:
    with pytest.raises(error):
        FrameReader(PUSHES).feed(data, fin=True)


@examples(300)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes(data: bytes, fin: bool) -> None:
    for reader in (FrameReader(ALL), FrameReader(PUSHES), OneMessage(ALL)):
        try:
            reader.feed(data, fin)
        except NetError as error:
            assert str(error)


STATUS = frame(m.StatusRequest())


@pytest.mark.parametrize(
    "parts", [[(STATUS, True)], [(STATUS, False), (b"", True)], [(STATUS[:3], False), (STATUS[3:], True)]]
)
def test_one_message(parts: list[tuple[bytes, bool]]) -> None:
    stream = OneMessage({0x32})
    for data, fin in parts[:-1]:
        assert stream.feed(data, fin) is None
    assert stream.feed(*parts[-1]) == (0x32, b"\xc0")


@pytest.mark.parametrize(
    "parts",
    [[(b"", True)], [(STATUS + STATUS, False)], [(STATUS + b"\x32", False)], [(STATUS, False), (b"\x32", False)],
     [(STATUS, False), (STATUS, True)]],
)  # fmt: skip
def test_more_or_less_than_one_message(parts: list[tuple[bytes, bool]]) -> None:
    stream = OneMessage({0x32})
    with pytest.raises(MalformedFrame):
        for data, fin in parts:
            stream.feed(data, fin)
