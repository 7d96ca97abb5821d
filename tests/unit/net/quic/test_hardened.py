"""What aioquic would let a peer do and this node does not: memory, streams, holes, handshakes without end."""

import asyncio
import gc
import random
import tracemalloc
import weakref

import pytest
from aioquic import tls
from aioquic.quic import events as quic_events

from quip.net import limits
from quip.net.actions import Send
from quip.net.events import Closed, Opened, Received, Rejected
from quip.net.quic import accept_limits, channel
from support.quic_endpoints import endpoint, pair
from support.quic_strangers import Stranger, closed_for, frame_of, guest


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
        crypto = stranger.quic._crypto_streams[tls.Epoch.ONE_RTT].sender
        crypto.write(b"\x04\xff\xff\xff" + bytes(200_000))
        reason = await closed_for(node, connection, stranger)
        assert reason == "too many handshake bytes"


async def test_random_client_hellos_break_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "HANDSHAKE_S", 0.5)
    rng = random.Random(12)
    async with endpoint("node") as node:
        for _ in range(150):
            stranger = Stranger(node.address)
            stranger.connect()
            answer = await asyncio.wait_for(stranger.loop.sock_recv(stranger.socket, 65_536), 10)
            stranger.quic.receive_datagram(answer, stranger.target, stranger.loop.time())
            hello = stranger.quic._crypto_streams[tls.Epoch.INITIAL].sender._buffer
            for _ in range(rng.randrange(1, 4)):
                hello[rng.randrange(4, len(hello))] = rng.getrandbits(8)
            stranger.flush()
            stranger.close()
            await asyncio.sleep(0)
        assert {type(event) for event in node.events} <= {Rejected}
        monkeypatch.setattr(channel, "HANDSHAKE_S", 20.0)
        async with endpoint("friend") as friend, asyncio.timeout(20):
            while not isinstance(opened := await friend.dial(node), Opened):
                assert opened.reason.startswith("refused")  # until the half-open ones are gone


async def test_random_frames_of_a_peer_break_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept_limits, "ADMISSIONS_AT_ONCE", 1_000)
    rng = random.Random(11)
    async with endpoint("node") as node:
        for _ in range(150):
            stranger = Stranger(node.address)
            assert await stranger.shaken()
            content = rng.randbytes(rng.randrange(0, 60))
            stranger.quic._write_ping_frame = frame_of(rng.choice((*range(0x32), rng.getrandbits(6))), content)
            stranger.quic.send_ping(1)
            stranger.flush()
            stranger.close()
            await asyncio.sleep(0)
        async with endpoint("friend") as friend:
            assert isinstance(await friend.dial(node), Opened)


async def test_a_frame_without_a_type_is_not_taken_for_a_polite_close() -> None:
    async with guest() as (node, connection, stranger):
        stranger.quic._write_ping_frame = frame_of(0x01, b"\xff")
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
