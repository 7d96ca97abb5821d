"""What comes to the socket and belongs to no connection: garbage, probes, floods, stolen and old tokens."""

import asyncio
import os
import random

import pytest
from aioquic.quic.packet import (
    QuicPacketType,
    encode_quic_retry,
)

from quip.net import limits
from quip.net.events import DialFailed, Opened, Rejected
from quip.net.quic import channel, retry
from support.quic_endpoints import Endpoint, endpoint
from support.quic_strangers import Strange, Stranger, header_of


async def first_answer(stranger: Stranger, datagram: bytes) -> bytes:
    stranger.socket.sendto(datagram, stranger.target)
    return await asyncio.wait_for(stranger.loop.sock_recv(stranger.socket, 65_536), 10.0)


def initial_of(stranger: Stranger) -> bytes:
    """The stranger's first datagram, not yet sent."""
    stranger.quic.connect(stranger.target, stranger.loop.time())
    [(datagram, _)] = stranger.quic.datagrams_to_send(stranger.loop.time())
    return bytes(datagram)


async def test_garbage_is_met_with_silence(node: Endpoint, strange: Strange) -> None:
    rng = random.Random(7)
    stranger = strange()
    for number in range(3_000):
        datagram = rng.randbytes(rng.choice((0, 1, 8, 9, 20, 40, 1199, 1200, 1400, 8000)))
        if number % 3 == 0 and len(datagram) > 6:
            datagram = bytes([0x40 | datagram[0] & 0x3F]) + datagram[1:]  # a short header of an unknown connection
        elif number % 3 == 1 and len(datagram) > 6:
            datagram = bytes([0xC0 | datagram[0] & 0x3F]) + b"\0\0\0\1" + datagram[5:]  # a long one, version 1
        stranger.socket.sendto(datagram, stranger.target)
        if number % 200 == 0:
            await asyncio.sleep(0)
    async with endpoint("friend") as friend:
        assert isinstance(await friend.dial(node), Opened)
    assert node.transport._channels.keys() <= {1}


async def test_another_version_is_told_ours(node: Endpoint, strange: Strange) -> None:
    stranger = strange()
    datagram = bytearray(initial_of(stranger))
    datagram[1:5] = b"\xfa\xce\xb0\x0c"
    answer = header_of(await first_answer(stranger, bytes(datagram)))
    assert answer.packet_type is QuicPacketType.VERSION_NEGOTIATION
    assert answer.supported_versions == [1]
    assert node.transport._channels == {}


async def test_a_version_answer_is_never_answered(node: Endpoint, strange: Strange) -> None:
    """Two nodes would otherwise send them to each other for ever."""
    stranger = strange()
    datagram = b"\xc0" + bytes(4) + b"\x08" + bytes(8) + b"\x08" + bytes(8) + b"\0\0\0\2" * 300
    stranger.socket.sendto(datagram, stranger.target)
    answer = header_of(await first_answer(stranger, initial_of(stranger)))
    assert answer.packet_type is QuicPacketType.RETRY  # the first answer is that to the second datagram


async def test_nobody_is_let_in_before_his_address_is_proved(node: Endpoint, strange: Strange) -> None:
    stranger = strange()
    datagram = initial_of(stranger)
    answer = await first_answer(stranger, datagram)
    assert header_of(answer).packet_type is QuicPacketType.RETRY
    assert len(answer) < len(datagram) / 3  # no amplifier
    assert node.transport._channels == {}


async def retried(stranger: Stranger) -> bytes:
    """The datagram with the token, not yet sent."""
    answer = await first_answer(stranger, initial_of(stranger))
    stranger.quic.receive_datagram(answer, stranger.target, stranger.loop.time())
    [(datagram, _)] = stranger.quic.datagrams_to_send(stranger.loop.time())
    return bytes(datagram)


async def closed_with(stranger: Stranger, datagram: bytes) -> int:
    """The QUIC error code that the node answers a datagram with."""
    answer = await first_answer(stranger, datagram)
    stranger.quic.receive_datagram(answer, stranger.target, stranger.loop.time())
    assert stranger.quic._close_event is not None
    return stranger.quic._close_event.error_code


async def test_a_token_of_another_address_is_refused(node: Endpoint, strange: Strange) -> None:
    owner, thief = strange(), strange()
    datagram = await retried(owner)
    thief.socket.sendto(datagram, thief.target)
    answer = await asyncio.wait_for(thief.loop.sock_recv(thief.socket, 65_536), 10.0)
    owner.quic.receive_datagram(answer, owner.target, owner.loop.time())
    assert owner.quic._close_event is not None
    assert owner.quic._close_event.error_code == 0x0B  # INVALID_TOKEN
    assert node.transport._channels == {}


async def test_an_old_token_is_refused(node: Endpoint, strange: Strange, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = strange()
    datagram = await retried(stranger)
    monkeypatch.setattr(retry, "RETRY_TOKEN_S", -1.0)
    assert await closed_with(stranger, datagram) == 0x0B
    assert node.transport._channels == {}


async def test_a_made_up_token_is_refused(node: Endpoint, strange: Strange) -> None:
    stranger = strange(token=os.urandom(41))
    assert await closed_with(stranger, initial_of(stranger)) == 0x0B
    assert node.transport._channels == {}


async def test_a_first_packet_that_cannot_be_read_leaves_nothing(node: Endpoint, strange: Strange) -> None:
    stranger = strange()
    datagram = bytearray(await retried(stranger))
    datagram[150:200] = bytes(50)
    stranger.socket.sendto(bytes(datagram), stranger.target)
    async with endpoint("friend") as friend:
        assert isinstance(await friend.dial(node), Opened)
        assert len(node.transport._channels) == 1


async def test_a_flood_of_beginnings_leaves_room_for_a_friend(
    node: Endpoint, strange: Strange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 clients that answer the Retry and then fall silent: half-open ones are few, and gone in seconds."""
    monkeypatch.setattr(channel, "HANDSHAKE_S", 1.0)
    most = 0
    for _ in range(1000):
        stranger = strange()
        stranger.socket.sendto(await retried(stranger), stranger.target)
        stranger.close()
        await asyncio.sleep(0)
        most = max(most, len(node.transport._channels))
    assert limits.MAX_HALF_OPEN // 2 < most <= limits.MAX_HALF_OPEN
    assert {type(event) for event in node.events} <= {Rejected}
    assert len(node.events) < limits.LOG_LINES_AT_ONCE + 10  # a flood does not occupy the overlay
    monkeypatch.setattr(channel, "HANDSHAKE_S", 20.0)
    async with endpoint("friend") as friend, asyncio.timeout(20):
        while not isinstance(opened := await friend.dial(node), Opened):
            assert opened.reason == "refused: the other side is full, or bans us"


async def test_a_banned_address_is_told_so_at_the_door(node: Endpoint) -> None:
    node.banned.add("127.0.0.1")
    async with endpoint("friend") as friend:
        assert await friend.dial(node) == DialFailed(node.address, "refused: the other side is full, or bans us")
        assert node.events == [Rejected(friend.address, "its network is banned", handshake=False)]


async def test_a_forged_retry_is_ignored(node: Endpoint, strange: Strange) -> None:
    """A client follows only a Retry whose tag knows its connection id."""
    stranger = strange()
    datagram = initial_of(stranger)
    header = header_of(datagram)
    forged = encode_quic_retry(1, b"f" * 8, header.source_cid, b"wrong-id", b"token")
    stranger.quic.receive_datagram(forged, stranger.target, stranger.loop.time())
    assert stranger.quic._retry_count == 0
