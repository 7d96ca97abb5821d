"""Streams: exact bytes at every size, bounded memory against every kind of peer, events in order."""

import asyncio
from itertools import pairwise

import pytest

from quip.net import limits
from quip.net.actions import Close, CloseCode, ResetStream, Send
from quip.net.events import Backlog, Closed, Opened, Received, StreamReset
from quip.net.quic import channel
from quip.net.quic import configuration as quic_configuration
from support.quic_endpoints import endpoint, pair
from support.quic_strangers import closed_for_one, guest

SIZES = range(1_100, 1_301)


async def test_messages_of_every_size_near_a_datagram_pass_exactly() -> None:
    """The predecessor's queue wedged on messages of 1,171 to 1,200 bytes."""
    async with pair() as (alice, here, bob, there):
        for number, size in enumerate(SIZES):
            alice.transport.perform(Send(here, 4 * number, bytes([number % 251]) * size, True))
        for number, size in enumerate(SIZES):
            await bob.until(lambda number=number: bob.read(there, 4 * number)[1])  # type: ignore[misc]
            assert bob.read(there, 4 * number) == (bytes([number % 251]) * size, True)
            bob.transport.perform(Send(there, 4 * number, bytes([number % 241]) * size, True))
        for number, size in enumerate(SIZES):
            await alice.until(lambda number=number: alice.read(here, 4 * number)[1])  # type: ignore[misc]
            assert alice.read(here, 4 * number) == (bytes([number % 241]) * size, True)


@pytest.mark.parametrize("datagram", [1_200, limits.LOOPBACK_DATAGRAM])
async def test_one_stream_carries_messages_of_every_size(datagram: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_configuration, "LOOPBACK_DATAGRAM", datagram)
    whole = b"".join(bytes([size % 256]) * size for size in SIZES)
    async with pair() as (alice, here, bob, there):
        at = 0
        for size in SIZES:
            alice.transport.perform(Send(here, 2, whole[at : at + size], False))
            at += size
            await asyncio.sleep(0)
        await bob.until(lambda: len(bob.read(there, 2)[0]) == len(whole))
        assert bob.read(there, 2) == (whole, False)


async def test_more_streams_than_the_other_side_allows_wait_for_their_turn() -> None:
    count = 3 * limits.MAX_STREAMS_BIDI
    async with pair() as (alice, here, bob, there):
        for number in range(count):
            alice.transport.perform(Send(here, 4 * number, b"?", True))
        for number in range(count):
            await bob.until(lambda number=number: bob.read(there, 4 * number)[1])  # type: ignore[misc]
            bob.transport.perform(Send(there, 4 * number, b"!", True))
        await alice.until(lambda: sum(event.fin for event in alice.of(Received)) == count)
        assert alice.read(here, 4 * (count - 1)) == (b"!", True)


async def test_a_reset_is_told_once_and_nothing_after_it() -> None:
    async with pair() as (alice, here, bob, there):
        alice.transport.perform(Send(here, 0, b"begin", False))
        await bob.until(lambda: bob.read(there, 0)[0] == b"begin")
        alice.transport.perform(ResetStream(here, 0, 7))
        await bob.until(lambda: bool(bob.of(StreamReset)))
        assert {(event.stream, event.code) for event in bob.of(StreamReset)} == {(0, 7)}
        bob.transport.perform(Send(there, 0, b"late", True))  # in vain, and harmless
        alice.transport.perform(Send(here, 4, b"next", True))
        await bob.until(lambda: bob.read(there, 4)[1])
        assert alice.of(Received) == []
        assert alice.of(StreamReset) == []


async def test_bytes_that_wait_are_told_and_given_up_by_a_reset() -> None:
    """A reader that takes nothing: the backlog is told, and a reset ends it."""
    size = 8 * limits.STREAM_WINDOW
    async with guest() as (node, connection, stranger):
        stranger.quic.send_stream_data(0, b"?", True)
        stranger.flush()
        await node.until(lambda: node.read(connection, 0)[1])
        node.transport.perform(Send(connection, 0, b"x" * size, True))
        await node.until(lambda: bool(node.of(Backlog)))
        assert node.of(Backlog)[0].unsent_bytes == size
        node.transport.perform(ResetStream(connection, 0, 1))
        await node.until(lambda: node.of(Backlog)[-1].unsent_bytes == 0)
        assert node.of(Closed) == []


async def test_a_backlog_falls_as_the_other_side_reads() -> None:
    async with pair() as (alice, here, bob, there):
        alice.transport.perform(Send(here, 0, b"x" * 5_000_000, True))
        await alice.until(lambda: bool(alice.of(Backlog)) and alice.of(Backlog)[-1].unsent_bytes == 0)
        told = [event.unsent_bytes for event in alice.of(Backlog)]
        assert told[0] == 5_000_000
        assert told == sorted(told, reverse=True)
        assert all(more - less >= limits.BACKLOG_STEP for more, less in pairwise(told[:-1]))
        assert bob.read(there, 0)[1]


async def test_a_reader_that_takes_nothing_is_cut_off_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_UNSENT_BYTES", 3_000_000)
    async with guest() as (node, connection, _):
        node.transport.perform(Send(connection, 3, b"x" * 4_000_000, False))
        await node.until(lambda: bool(node.of(Closed)))
        assert node.of(Closed) == [Closed(connection, "too many bytes unread")]
        assert node.transport._channels == {}


async def test_frames_that_make_no_sense_end_one_connection_only() -> None:
    async with guest() as (node, connection, stranger), endpoint("friend") as friend:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        stranger.quic._datagrams_pending.append(b"not negotiated")
        reason = await closed_for_one(node, connection, stranger)
        assert reason == "protocol violation: Unexpected DATAGRAM frame"
        friend.transport.perform(Send(opened.connection, 0, b"still here", True))
        await node.until(lambda: any(event.data == b"still here" for event in node.of(Received)))


async def test_a_fault_inside_the_library_ends_one_connection_only() -> None:
    """A fault planted in aioquic: the handler of PING frames looks for what is not there."""

    def broken(*arguments: object) -> None:
        raise IndexError("no such element")

    async with guest() as (node, connection, stranger), endpoint("friend") as friend:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        handlers = node.transport._channels[connection]._quic._QuicConnection__frame_handlers  # type: ignore[attr-defined]
        handlers[0x01] = (broken, handlers[0x01][1])
        stranger.quic.send_ping(1)
        reason = await closed_for_one(node, connection, stranger)
        assert reason == "a packet that breaks the protocol: IndexError"
        friend.transport.perform(Send(opened.connection, 0, b"still here", True))
        await node.until(lambda: any(event.data == b"still here" for event in node.of(Received)))


async def test_events_begin_with_opened_and_end_with_closed() -> None:
    async with pair() as (alice, here, bob, there):
        for number in range(20):
            alice.transport.perform(Send(here, 4 * number, b"x" * 5_000, True))
        await bob.until(lambda: len(bob.of(Received)) > 3)
        bob.transport.perform(Close(there, CloseCode.DONE, "enough"))
        alice.transport.perform(Close(here, CloseCode.DONE, "enough"))  # both at once
        await alice.until(lambda: bool(alice.of(Closed)))
        await bob.until(lambda: bool(bob.of(Closed)))
        alice.transport.perform(Send(here, 80, b"late", True))
        alice.transport.perform(Close(here, CloseCode.DONE, "again"))
        await asyncio.sleep(0)
    for side in (alice, bob):
        assert isinstance(side.events[0], Opened)
        assert isinstance(side.events[-1], Closed)
        assert len(side.of(Closed)) == len(side.of(Opened)) == 1


async def test_the_order_of_events_is_the_same_every_time() -> None:
    runs = []
    for _ in range(3):
        async with pair() as (alice, here, bob, there):
            for number in range(10):
                alice.transport.perform(Send(here, 4 * number, bytes([number]) * 700, True))
            await bob.until(lambda: sum(event.fin for event in bob.of(Received)) == 10)
            runs.append([(event.stream, event.data, event.fin) for event in bob.of(Received)])
            del there
    assert runs[0] == runs[1] == runs[2]
