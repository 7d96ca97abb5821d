"""What comes to the socket and belongs to no connection: garbage, probes, floods, stolen and old tokens."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import pytest
from aioquic._buffer import Buffer
from aioquic.quic.packet import (
    QuicHeader,
    QuicPacketType,
    encode_quic_retry,
    encode_quic_version_negotiation,
    pull_quic_header,
)

from quip.net import limits
from quip.net.actions import Dial
from quip.net.events import Closed, DialFailed, Opened
from quip.net.link import Address, Purpose
from quip.net.quic import accept_limits, channel, retry
from quip.net.quic import endpoint as endpoint_module
from support.quic_endpoints import Endpoint, endpoint
from support.quic_strangers import Stranger, configuration

Strange: TypeAlias = Callable[..., Stranger]


@pytest.fixture
async def node() -> AsyncIterator[Endpoint]:
    async with endpoint("node") as made:
        yield made


@pytest.fixture
async def strange(node: Endpoint) -> AsyncIterator[Strange]:
    """Makes clients that are none of ours."""
    made: list[Stranger] = []

    def make(**changes: Any) -> Stranger:
        made.append(Stranger(node.address, configuration(**changes)))
        return made[-1]

    yield make
    for stranger in made:
        stranger.close()


def header_of(datagram: bytes) -> QuicHeader:
    return pull_quic_header(Buffer(data=datagram), host_cid_length=8)


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
    assert node.events == []
    monkeypatch.setattr(channel, "HANDSHAKE_S", 20.0)
    async with endpoint("friend") as friend, asyncio.timeout(20):
        while not isinstance(opened := await friend.dial(node), Opened):
            assert opened.reason == "refused: the other side is full, or bans us"


async def test_a_banned_address_is_told_so_at_the_door(node: Endpoint) -> None:
    node.banned.add("127.0.0.1")
    async with endpoint("friend") as friend:
        assert await friend.dial(node) == DialFailed(node.address, "refused: the other side is full, or bans us")
    assert node.events == []


async def test_one_netgroup_does_not_fill_the_node(node: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept_limits, "is_nearby", lambda group: False)
    monkeypatch.setattr(accept_limits, "MAX_PER_NETGROUP", 3)
    async with endpoint("friend") as friend:
        answers = [await friend.dial(node) for _ in range(5)]
        assert [isinstance(answer, Opened) for answer in answers] == [True, True, True, False, False]


async def test_the_node_takes_so_many_and_no_more(node: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(accept_limits, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(accept_limits, "DIALS_RESERVED", 0)
    async with endpoint("friend") as friend, endpoint("other") as other:
        for _ in range(2):
            assert isinstance(await friend.dial(node), Opened)
        assert isinstance(await other.dial(node), DialFailed)
        assert await friend.dial(node) == DialFailed(node.address, "too many connections")


async def test_nobody_there(node: Endpoint, strange: Strange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "HANDSHAKE_S", 0.3)
    silent = strange().address
    assert await dial_address(node, silent) == DialFailed(silent, "no answer")
    assert node.transport._channels == {}


async def dial_address(from_: Endpoint, address: Address) -> Opened | DialFailed:
    before = len(from_.events)
    from_.transport.perform(Dial(address, Purpose.OUTBOUND))
    await from_.until(lambda: any(isinstance(event, Opened | DialFailed) for event in from_.events[before:]))
    found = next(event for event in from_.events[before:] if isinstance(event, Opened | DialFailed))
    assert not from_.of(Closed)
    return found


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (Address("0.0.0.0", 20049), "not an address that can be dialled"),
        (Address("192.0.2.1", 0), "not an address that can be dialled"),
        (Address("name", 20049), "not an address that can be dialled"),
        (Address("::1", 20049), "listening on 127.0.0.1, which cannot reach that family of addresses"),
    ],
)
async def test_addresses_that_cannot_be_dialled(node: Endpoint, address: Address, reason: str) -> None:
    assert await dial_address(node, address) == DialFailed(address, reason)


async def test_a_forged_retry_is_ignored(node: Endpoint, strange: Strange) -> None:
    """A client follows only a Retry whose tag knows its connection id."""
    stranger = strange()
    datagram = initial_of(stranger)
    header = header_of(datagram)
    forged = encode_quic_retry(1, b"f" * 8, header.source_cid, b"wrong-id", b"token")
    stranger.quic.receive_datagram(forged, stranger.target, stranger.loop.time())
    assert stranger.quic._retry_count == 0


async def test_a_server_of_another_version_is_named(node: Endpoint, strange: Strange) -> None:
    """Dial something that speaks QUIC, but only versions that we do not."""
    server = strange()
    node.transport.perform(Dial(server.address, Purpose.OUTBOUND))
    data, client = await asyncio.wait_for(server.loop.sock_recvfrom(server.socket, 65_536), 10.0)
    header = header_of(data)
    answer = encode_quic_version_negotiation(header.destination_cid, header.source_cid, [0xFACEB00C])
    server.socket.sendto(answer, client)
    failed = await node.first(DialFailed)
    assert failed == DialFailed(server.address, "the other side speaks another version of QUIC")


async def test_garbage_uses_up_nobodys_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two answers are left for a friend (a Retry, and what follows it), whatever else arrives."""
    monkeypatch.setattr(endpoint_module, "ANSWERS_AT_ONCE", 2)
    monkeypatch.setattr(endpoint_module, "ANSWERS_PER_S", 0.0)
    async with endpoint("node") as node, endpoint("friend") as friend:
        for size in range(1_200):
            node.transport._datagram(b"\xc0" * size, friend.address, 0.0)
            node.transport._datagram(b"\x40" * 1_300, friend.address, 0.0)
        assert isinstance(await friend.dial(node), Opened)
        monkeypatch.setattr(channel, "HANDSHAKE_S", 0.3)
        assert await dial_address(friend, node.address) == DialFailed(node.address, "no answer")
