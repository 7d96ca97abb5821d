"""All connections of a node together: dials, caps, the last words, and what comes from elsewhere."""

import asyncio

import pytest
from aioquic.quic import events as quic_events
from aioquic.quic.packet import encode_quic_version_negotiation

from quip.net import limits
from quip.net.actions import Close, CloseCode, Dial
from quip.net.address import Address
from quip.net.events import Closed, DialFailed, Opened, Received, Rejected
from quip.net.link import Purpose
from quip.net.quic import accept_limits, channel
from quip.net.quic import endpoint as endpoint_module
from quip.net.quic.endpoint import EndpointConfig
from support.quic_endpoints import Endpoint, endpoint, identity
from support.quic_strangers import Strange, Stranger, guest, header_of


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
        (told,) = node.of(Rejected)
        assert (told.address, told.handshake) == (other.address, False)
        assert told.reason.startswith("too many connections")
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


async def test_who_is_turned_away_is_told_of_at_a_bounded_rate(node: Endpoint) -> None:
    """A flood at the door must not occupy the overlay, nor fill the log."""
    refused = Rejected(Address("192.0.2.1", 4_000), "its network is banned", handshake=False)
    for _ in range(limits.LOG_LINES_AT_ONCE + 300):
        node.transport._turned_away(refused)
    await node.first(Rejected, limits.LOG_LINES_AT_ONCE)
    assert node.events == [refused] * limits.LOG_LINES_AT_ONCE
    bucket = node.transport._log_limit._buckets.get("handshake False")
    assert bucket is not None
    bucket.charge(-1.0)  # time has passed
    node.transport._turned_away(refused)
    assert (await node.first(Rejected, limits.LOG_LINES_AT_ONCE + 1)).untold == 300
