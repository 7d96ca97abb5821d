"""Streams: exact bytes at every size, bounded memory against every kind of peer, events in order."""

import asyncio
import gc
import random
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from aioquic.quic import events as quic_events

from quip.net import limits
from quip.net.actions import Close, CloseCode, ResetStream, Send
from quip.net.events import Backlog, Closed, Opened, Received, StreamReset
from quip.net.quic import accept_limits, channel
from quip.net.quic.endpoint import EndpointConfig
from support.quic_endpoints import Endpoint, endpoint, identity
from support.quic_strangers import Stranger

SIZES = range(1_100, 1_301)


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Endpoint, int, Endpoint, int]]:
    """Two joined endpoints and each one's number of the connection."""
    async with endpoint("alice") as alice, endpoint("bob") as bob:
        opened = await alice.dial(bob)
        assert isinstance(opened, Opened)
        yield alice, opened.connection, bob, (await bob.first(Opened)).connection


@asynccontextmanager
async def guest(**changes: object) -> AsyncIterator[tuple[Endpoint, int, Stranger]]:
    """A node and a stranger that it has let in."""
    async with endpoint("node") as node:
        stranger = Stranger(node.address)
        for name, value in changes.items():
            setattr(stranger.quic, name, value)
        try:
            assert await stranger.shaken()
            yield node, (await node.first(Opened)).connection, stranger
        finally:
            stranger.close()


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
    monkeypatch.setattr(channel, "LOOPBACK_DATAGRAM", datagram)
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


async def test_out_of_order_bytes_are_bounded() -> None:
    """A peer that leaves the first byte out may make us hold one window, on all streams together."""
    async with guest() as (node, connection, stranger):
        quic_ = stranger.quic
        tracemalloc.start()
        for number in range(8):
            sender = quic_._get_or_create_stream_for_send(4 * number).sender
            sender.write(b"x" * (limits.STREAM_WINDOW // 2))
            sender._pending.subtract(0, 1)  # the first byte is never sent
        stranger.flush()
        await stranger.until(lambda: stranger.quic._remote_max_data_used == stranger.quic._remote_max_data)
        stranger.quic.send_ping(1)
        await stranger.until(lambda: bool(stranger.of(quic_events.PingAcknowledged)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        opened = node.transport._channels[connection]
        receivers = [stream.receiver for stream in opened._quic._streams.values()]
        buffered = sum(len(receiver._buffer) for receiver in receivers)
        assert limits.CONNECTION_WINDOW // 2 < buffered <= limits.CONNECTION_WINDOW
        assert node.of(Received) == []
        assert peak < 64 << 20


async def test_the_window_slides_and_never_grows() -> None:
    """aioquic would double it with every fill: after 20 MB a peer could make us hold 20 MB."""
    async with pair() as (alice, here, bob, there):
        for _ in range(20):
            alice.transport.perform(Send(here, 2, b"x" * 1_000_000, False))
        await bob.until(lambda: sum(len(event.data) for event in bob.of(Received)) == 20_000_000)
        taken = bob.transport._channels[there]._quic
        assert taken._local_max_data.value <= 20_000_000 + limits.CONNECTION_WINDOW
        assert taken._streams[2].max_stream_data_local <= 20_000_000 + limits.STREAM_WINDOW


async def closed_for(node: Endpoint, connection: int, stranger: Stranger) -> str:
    """Why the node closed the stranger's connection."""
    stranger.flush()
    await stranger.until(lambda: stranger.ended, 5.0)
    await node.until(lambda: bool(node.closed(connection)))
    assert node.events[-1] == node.closed(connection)[0]
    assert node.transport._channels == {}
    return node.closed(connection)[0].reason


async def test_more_bytes_than_allowed_end_the_connection() -> None:
    async with guest() as (node, connection, stranger):
        stream = stranger.quic._get_or_create_stream_for_send(0)
        stream.sender.write(b"x" * (2 * limits.STREAM_WINDOW))
        stream.sender._pending.subtract(0, 2 * limits.STREAM_WINDOW - 1)  # the last byte only
        stream.max_stream_data_remote = stranger.quic._remote_max_data = 1 << 40
        reason = await closed_for(node, connection, stranger)
        assert reason == "flow control error: Over stream data limit"


async def test_more_streams_than_allowed_end_the_connection() -> None:
    async with guest() as (node, connection, stranger):
        stranger.quic._remote_max_streams_bidi = 1 << 40
        stranger.quic.send_stream_data(4 * 5_000, b"x")
        reason = await closed_for(node, connection, stranger)
        assert reason == "stream limit error: Too many streams open"


async def test_thousands_of_streams_are_opened_no_faster_than_they_end() -> None:
    """Streams opened by the thousand: as many live as are allowed, the others wait at the sender."""
    async with guest() as (node, connection, stranger):
        for number in range(5_000):
            stranger.quic.send_stream_data(4 * number, b"x", True)
        stranger.quic.send_ping(1)
        stranger.flush()
        await stranger.until(lambda: bool(stranger.of(quic_events.PingAcknowledged)))
        assert len({event.stream for event in node.of(Received)}) == limits.MAX_STREAMS_BIDI
        assert len(node.transport._channels[connection]._quic._streams) <= limits.MAX_STREAMS_BIDI


async def test_a_stream_of_holes_ends_the_connection() -> None:
    """One byte here, one byte there: each hole costs a search through all others."""
    async with guest() as (node, connection, stranger):
        stream = stranger.quic._get_or_create_stream_for_send(0)
        holes = limits.MAX_STREAM_GAPS + 200
        stream.sender.write(b"x" * 2 * holes)
        for at in range(0, 2 * holes, 2):
            stream.sender._pending.subtract(at, at + 1)
        reason = await closed_for(node, connection, stranger)
        assert reason == "a stream with too many holes"


async def test_endless_handshake_bytes_end_the_connection() -> None:
    """TLS would wait for up to 16 MiB of one message, copying what it has with every packet."""
    async with guest() as (node, connection, stranger):
        crypto = stranger.quic._crypto_streams[channel.tls.Epoch.ONE_RTT].sender
        crypto.write(b"\x04\xff\xff\xff" + bytes(200_000))
        reason = await closed_for(node, connection, stranger)
        assert reason == "too many handshake bytes"


async def test_frames_that_make_no_sense_end_one_connection_only() -> None:
    async with guest() as (node, connection, stranger), endpoint("friend") as friend:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        stranger.quic._datagrams_pending.append(b"not negotiated")
        reason = await closed_for_one(node, connection, stranger)
        assert reason == "protocol violation: Unexpected DATAGRAM frame"
        friend.transport.perform(Send(opened.connection, 0, b"still here", True))
        await node.until(lambda: any(event.data == b"still here" for event in node.of(Received)))


async def closed_for_one(node: Endpoint, connection: int, stranger: Stranger) -> str:
    stranger.flush()
    await node.until(lambda: bool(node.closed(connection)))
    return node.closed(connection)[0].reason


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


async def test_random_frames_of_a_peer_break_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept_limits, "ADMISSIONS_AT_ONCE", 1_000)
    rng = random.Random(11)
    async with endpoint("node") as node:
        for _ in range(150):
            stranger = Stranger(node.address)
            assert await stranger.shaken()
            content = rng.randbytes(rng.randrange(0, 60))
            stranger.quic._write_ping_frame = _frame_of(rng.choice((*range(0x32), rng.getrandbits(6))), content)
            stranger.quic.send_ping(1)
            stranger.flush()
            stranger.close()
            await asyncio.sleep(0)
        async with endpoint("friend") as friend:
            assert isinstance(await friend.dial(node), Opened)


def _frame_of(kind: int, content: bytes) -> Callable[..., None]:
    def write(builder: channel.QuicPacketBuilder, *rest: object, **more: object) -> None:
        builder.start_frame(kind, capacity=max(80, len(content))).push_bytes(content)

    return write


async def test_random_client_hellos_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "HANDSHAKE_S", 0.5)
    rng = random.Random(12)
    async with endpoint("node") as node:
        for _ in range(150):
            stranger = Stranger(node.address)
            stranger.connect()
            answer = await asyncio.wait_for(stranger.loop.sock_recv(stranger.socket, 65_536), 10)
            stranger.quic.receive_datagram(answer, stranger.target, stranger.loop.time())
            hello = stranger.quic._crypto_streams[channel.tls.Epoch.INITIAL].sender._buffer
            for _ in range(rng.randrange(1, 4)):
                hello[rng.randrange(4, len(hello))] = rng.getrandbits(8)
            stranger.flush()
            stranger.close()
            await asyncio.sleep(0)
        assert node.events == []
        monkeypatch.setattr(channel, "HANDSHAKE_S", 20.0)
        async with endpoint("friend") as friend, asyncio.timeout(20):
            while not isinstance(opened := await friend.dial(node), Opened):
                assert opened.reason.startswith("refused")  # until the half-open ones are gone


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


async def test_stopping_tells_the_other_side() -> None:
    async with endpoint("alice") as alice:
        async with endpoint("bob") as bob:
            assert isinstance(await alice.dial(bob), Opened)
            await bob.first(Opened)
        assert (await alice.first(Closed)).reason == "closed by the other side (done): the node stops"
        assert [type(event) for event in bob.events] == [Opened, Closed]


async def test_a_lost_close_is_said_again() -> None:
    async with guest() as (node, connection, stranger):
        node.transport.perform(Close(connection, CloseCode.BANNED, "for the test"))
        await node.first(Closed)
        with pytest.raises(BlockingIOError):
            while True:
                stranger.socket.recv(65_536)  # lost
        stranger.quic.send_ping(1)
        stranger.flush()
        assert await stranger.until(lambda: stranger.ended)
        assert stranger.reason() == "for the test"


async def test_a_peer_that_falls_silent_times_out() -> None:

    config = EndpointConfig("127.0.0.1", 0, identity("node"), idle_timeout_s=1.0)
    async with endpoint("node", config) as node:
        stranger = Stranger(node.address)
        assert await stranger.shaken()
        await node.first(Opened)
        assert (await node.first(Closed)).reason == "silent for too long"
        stranger.close()


async def test_what_is_sent_from_another_address_disturbs_nobody() -> None:
    """Forged and replayed datagrams: not from the peer's address, or not made with its keys."""
    async with guest() as (node, connection, stranger):
        forger = Stranger(node.address)
        stranger.quic.send_stream_data(0, b"genuine", True)
        stranger.flush()
        await node.until(lambda: node.read(connection, 0)[1])
        genuine = stranger.sent[-1]
        for datagram in (
            *stranger.sent,
            genuine[:9] + bytes(40),
            genuine[:-1] + b"\0",
            b"\x40" + genuine[1:9] + b"\xff" * 1_190,
        ):
            forger.socket.sendto(datagram, forger.target)
        before = list(node.events)
        stranger.quic.send_stream_data(4, b"still here", True)
        stranger.flush()
        await node.until(lambda: node.read(connection, 4)[1])
        assert [event for event in node.events if event not in before] == [Received(connection, 4, b"still here", True)]
        forger.close()


async def test_a_forged_close_in_the_peers_name_is_not_believed() -> None:
    """From the peer's own address, but without its keys."""
    async with guest() as (node, connection, stranger):
        cid = stranger.quic._peer_cid.cid
        for first in (0x40, 0x43, 0x5D):
            stranger.socket.sendto(bytes([first]) + cid + b"\x1d\0\0" + bytes(40), stranger.target)
        for length in range(9, 60):
            stranger.socket.sendto(b"\x40" + cid + bytes(length), stranger.target)
        stranger.quic.send_stream_data(0, b"still here", True)
        stranger.flush()
        await node.until(lambda: node.read(connection, 0)[1])
        assert node.of(Closed) == []
        assert not stranger.of(quic_events.ConnectionTerminated)


async def test_a_frame_without_a_type_is_not_taken_for_a_polite_close() -> None:
    async with guest() as (node, connection, stranger):
        stranger.quic._write_ping_frame = _frame_of(0x01, b"\xff")
        stranger.quic.send_ping(1)
        reason = await closed_for(node, connection, stranger)
        assert reason == "frame encoding error: Malformed frame type"


async def test_a_dead_connection_is_gone_before_any_collector_looks() -> None:
    """Asked for much, took nothing, hung up: nothing refers to the connection, its TLS or its streams any more."""
    gc.collect()
    gc.disable()
    try:
        async with guest() as (node, connection, stranger):
            node.transport.perform(Send(connection, 1, bytes(1 << 20), False))
            await asyncio.sleep(0)
            opened = node.transport._channels[connection]
            assert opened._quic.unsent_bytes() > 0
            parts = (opened, opened._quic, opened._quic.tls, opened._quic._streams[1])
            left = [weakref.ref(part) for part in parts]
            del opened, parts
            stranger.quic.close()
            stranger.flush()
            await node.first(Closed)
            async with asyncio.timeout(20):
                while node.transport._channels:
                    await asyncio.sleep(0)
            assert [one() for one in left] == [None] * 4
    finally:
        gc.enable()
