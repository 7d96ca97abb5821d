"""Packets full of frames that each cost something: few of a kind are taken, and CPU is shared out."""

import pytest
from aioquic.quic import packet_builder

from quip.net import limits
from quip.net.actions import Send
from quip.net.events import Opened, Received
from quip.net.quic import cpu_budget
from support.quic_endpoints import endpoint
from support.quic_strangers import closed_for, frame_of, guest


async def test_one_peer_gets_its_share_of_the_cpu_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Datagrams of many PING frames each: what is beyond the share is not even decrypted."""
    monkeypatch.setattr(cpu_budget, "CPU_STRANGERS_AT_ONCE_S", 0.03)
    async with guest() as (node, connection, stranger), endpoint("friend") as friend:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        channel = node.transport._channels[connection]
        stranger.quic._write_ping_frame = frame_of(0x01, b"\x01" * 200)
        flood: list[bytes] = []
        for _ in range(600):
            stranger.quic._loss._cc.bytes_in_flight = 0
            stranger.quic._loss._pacer.packet_time = None
            stranger.quic.send_ping(1)
            flood += [datagram for datagram, _ in stranger.quic.datagrams_to_send(stranger.loop.time())]
        before, now_s = channel.bytes_in, stranger.loop.time()
        for datagram in flood:
            channel.receive(datagram, now_s)
        taken = (channel.bytes_in - before) // len(flood[0])
        assert 0 < taken < len(flood)
        assert not channel.cpu.try_spend(now_s)
        channel.cpu.joined(now_s)
        assert channel.cpu.try_spend(now_s)  # a little of its own, once it is a peer
        friend.transport.perform(Send(opened.connection, 0, b"still here", True))
        await node.until(lambda: any(event.data == b"still here" for event in node.of(Received)))


@pytest.mark.parametrize(
    ("frames", "largest", "reason"),
    [
        pytest.param(1, 1 << 29, "impossible ACK", id="what was never sent"),
        pytest.param(limits.MAX_ACKS_IN_PACKET + 1, 0, "too many frames", id="the same again and again"),
    ],
)
async def test_impossible_acknowledgements_break_the_connection(frames: int, largest: int, reason: str) -> None:
    """Else a reader could widen the node's window as it likes, or have it look at all packets in flight for nothing."""
    async with guest() as (node, connection, stranger):

        def write(builder: packet_builder.QuicPacketBuilder, *rest: object, **more: object) -> None:
            for _ in range(frames):
                frame = builder.start_frame(0x02, capacity=32)
                for value in (largest, 0, 0, 0):
                    frame.push_uint_var(value)

        stranger.quic._write_ping_frame = write
        stranger.quic.send_ping(1)
        assert await closed_for(node, connection, stranger) == f"protocol violation: {reason}"


PING, RETIRE_SECOND_ID = b"\x01", b"\x19\x01"


@pytest.mark.parametrize("more", [0, 1], ids=["as many as are allowed", "one more"])
@pytest.mark.parametrize(
    ("frame", "limit"), [(PING, limits.MAX_FRAMES_IN_PACKET), (RETIRE_SECOND_ID, limits.MAX_RETIRED_IN_PACKET)]
)
async def test_packets_of_very_many_frames_break_the_connection(frame: bytes, limit: int, more: int) -> None:
    """Each costs something: eight kilobytes of nothing but RETIRE_CONNECTION_ID held the loop for 120 ms."""
    async with guest() as (node, connection, stranger):
        stranger.quic._write_ping_frame = frame_of(frame[0], (frame * (limit + more))[1:])
        stranger.quic.send_ping(1)
        if more:
            assert await closed_for(node, connection, stranger) == "protocol violation: too many frames"
            return
        stranger.flush()
        stranger.quic.send_stream_data(0, b"still there", True)
        stranger.flush()
        await node.until(lambda: node.read(connection, 0) == (b"still there", True))


async def test_holes_in_the_handshakes_bytes_are_few() -> None:
    """TLS would wait for what is missing; each hole costs a search through the others."""
    async with guest() as (node, connection, stranger):
        holes = b"".join(bytes([0x06, 2 * place, 1]) + b"x" for place in range(1, limits.MAX_CRYPTO_GAPS + 2))
        stranger.quic._write_ping_frame = frame_of(holes[0], holes[1:])
        stranger.quic.send_ping(1)
        assert await closed_for(node, connection, stranger) == "protocol violation: too many holes"
