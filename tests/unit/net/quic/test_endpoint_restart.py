"""A node that was killed and started again: its peers learn it from its first answer, and nobody else can tell them."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from quip.net.actions import Send
from quip.net.address import Address
from quip.net.events import Closed, Opened, Received
from quip.net.quic import endpoint as transports
from quip.net.quic.close_reasons import FORGOTTEN
from quip.net.quic.endpoint import EndpointConfig
from quip.net.quic.stateless_reset import ResetTokens
from support.quic_endpoints import Endpoint, endpoint, identity


def kill(node: Endpoint) -> None:
    """No word to anybody."""
    socket = node.transport._socket
    assert socket is not None
    node.transport._loop.remove_reader(socket.socket)
    socket.close()
    node.transport._socket = None


@asynccontextmanager
async def again(node: Endpoint, name: str = "node") -> AsyncIterator[Endpoint]:
    """Kill a node and start it on the same port."""
    port = node.transport.port
    kill(node)
    async with endpoint(name, EndpointConfig("127.0.0.1", port, identity(name))) as made:
        yield made


async def test_a_restarted_node_tells_its_old_peers() -> None:
    async with endpoint("node") as node, endpoint("friend") as friend:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        async with again(node) as restarted:
            friend.transport.perform(Send(opened.connection, 2, b"are you there?", False))
            assert await friend.first(Closed) == Closed(opened.connection, FORGOTTEN)
            assert friend.transport._channels == {}
            assert friend.transport._routes == {}
            assert restarted.events == []
            assert isinstance(await friend.dial(restarted), Opened)


async def test_another_node_in_its_place_cannot_end_the_connection() -> None:
    """Its key is another one, so its tokens are; the connection ends by silence, as before."""
    async with endpoint("node") as node, endpoint("friend") as friend:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        async with again(node, "other") as other:
            seen: list[bytes] = []
            take = friend.transport._datagram

            def watch(datagram: bytes, address: Address, now_s: float) -> None:
                seen.append(datagram)
                take(datagram, address, now_s)
                friend.news.set()

            friend.transport._datagram = watch
            friend.transport.perform(Send(opened.connection, 2, b"are you there?", False))
            await friend.until(lambda: len(seen) > 0)
            assert friend.of(Closed) == []
            assert isinstance(await friend.dial(other), Opened)


async def test_a_reset_counts_only_from_the_peers_address() -> None:
    async with endpoint("node") as node, endpoint("friend") as friend, endpoint("mallory") as mallory:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        channel = friend.transport._channels[opened.connection]
        token = channel._quic.reset_token()
        assert token is not None
        reset = b"\x40" + os.urandom(20) + token
        friend.transport._datagram(reset, mallory.address, 0.0)
        friend.transport._datagram(reset[:-1] + bytes([reset[-1] ^ 1]), node.address, 0.0)
        friend.transport.perform(Send(opened.connection, 2, b"still here", False))
        assert (await node.first(Received)).data == b"still here"
        assert friend.of(Closed) == []
        friend.transport._datagram(reset, node.address, friend.transport._loop.time())
        assert await friend.first(Closed) == Closed(opened.connection, FORGOTTEN)


async def test_tokens_are_those_of_the_key() -> None:
    """What the other side holds is what this node makes for that connection id, before and after a restart."""
    async with endpoint("node") as node, endpoint("friend") as friend:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        await node.first(Opened)
        quic = friend.transport._channels[opened.connection]._quic
        tokens = ResetTokens(identity("node").reset_key)
        for cid in (quic._peer_cid, *quic._peer_cid_available):
            assert cid.stateless_reset_token == tokens.token(cid.cid)
        (server,) = node.transport._channels.values()
        assert server._quic.reset_token() is None  # clients have no token for their first connection id


async def test_resets_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forged packets of unknown connections are answered at a rate, and in fewer bytes."""
    monkeypatch.setattr(transports, "RESETS_AT_ONCE", 3)
    monkeypatch.setattr(transports, "RESETS_PER_S", 0.0)
    sent: list[bytes] = []
    async with endpoint("node") as node, endpoint("friend") as friend:

        def watch(datagrams: list[bytes], address: Address) -> None:
            sent.extend(datagrams)

        monkeypatch.setattr(node.transport, "_send", watch)
        for size in (0, 8, 21, 22, 30, 43, 1_200, 8_000):
            node.transport._datagram(b"\x41" * size, friend.address, 0.0)
        assert [len(datagram) for datagram in sent] == [21, 29, 42]


async def test_the_token_of_a_retired_connection_id_counts_no_more() -> None:
    """RFC 9000, 10.3.1. Nobody among us changes the id, but the other side may be of another make."""
    async with endpoint("node") as node, endpoint("friend") as friend:
        opened = await friend.dial(node)
        assert isinstance(opened, Opened)
        await node.first(Opened)
        channel = friend.transport._channels[opened.connection]
        token = channel._quic.reset_token()
        assert token is not None
        async with asyncio.timeout(20):
            while not channel._quic._peer_cid_available:
                await asyncio.sleep(0)
        channel._quic.change_connection_id()
        assert channel._quic.reset_token() != token
        friend.transport._datagram(b"\x40" + os.urandom(20) + token, node.address, friend.transport._loop.time())
        friend.transport.perform(Send(opened.connection, 2, b"still here", False))
        assert (await node.first(Received)).data == b"still here"
        assert friend.of(Closed) == []
