"""Hostile and broken QUIC clients over a real socket: aioquic without the node's manners."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ssl import CERT_NONE
from typing import Any, TypeAlias

from aioquic._buffer import Buffer
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicHeader, pull_quic_header
from aioquic.quic.packet_builder import QuicPacketBuilder

from quip.net.address import Address
from quip.net.events import Opened
from support.quic_endpoints import WAIT_S, Endpoint, endpoint, identity


def configuration(name: str | None = "mallory", **changes: Any) -> QuicConfiguration:
    """A client's settings; `name` None: it has no certificate."""
    made = QuicConfiguration(is_client=True, alpn_protocols=["quip/1"], verify_mode=CERT_NONE, idle_timeout=20.0)
    if name is not None:
        own = identity(name)
        made.certificate, made.private_key = own.certificate, own.private_key
    for key, value in changes.items():
        setattr(made, key, value)
    return made


class Stranger:
    """One QUIC client on a socket of its own, driven by hand."""

    def __init__(self, target: Address, settings: QuicConfiguration | None = None) -> None:
        self.target = (target.host, target.port)
        self.quic = QuicConnection(configuration=settings or configuration())
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.events: list[events.QuicEvent] = []
        self.sent: list[bytes] = []
        self.got: list[bytes] = []
        self.loop = asyncio.get_running_loop()

    @property
    def address(self) -> Address:
        return Address(*self.socket.getsockname()[:2])

    def connect(self) -> None:
        """Send the first flight."""
        self.quic.connect(self.target, self.loop.time())
        self.flush()

    def flush(self) -> None:
        """Send what the connection wants sent."""
        for datagram, _ in self.quic.datagrams_to_send(self.loop.time()):
            self.sent.append(datagram)
            self.socket.sendto(datagram, self.target)

    async def until(self, done: Callable[[], bool], limit_s: float = WAIT_S) -> bool:
        """Drive the connection until `done()`; False if that does not come."""
        end = self.loop.time() + limit_s
        while not done():
            timer = self.quic.get_timer()
            wait = min(end, timer if timer is not None else end) - self.loop.time()
            if self.loop.time() >= end:
                return False
            try:
                datagram = await asyncio.wait_for(self.loop.sock_recv(self.socket, 65_536), max(wait, 0.0))
            except TimeoutError:
                if self.quic.get_timer() is not None:
                    self.quic.handle_timer(max(self.loop.time(), self.quic.get_timer() or 0))
            else:
                self.got.append(datagram)
                self.quic.receive_datagram(datagram, self.target, self.loop.time())
            while (event := self.quic.next_event()) is not None:
                self.events.append(event)
            self.flush()
        return True

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ended(self) -> bool:
        """True once the other side has closed."""
        return self.quic._close_event is not None

    async def shaken(self) -> bool:
        """Connect; True if TLS went through on this side."""
        self.connect()
        return await self.until(lambda: bool(self.of(events.HandshakeCompleted)) or self.ended) and not self.ended

    def reason(self) -> str:
        """Why the other side closed."""
        assert self.quic._close_event is not None
        return self.quic._close_event.reason_phrase

    def close(self) -> None:
        self.socket.close()


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


async def closed_for(node: Endpoint, connection: int, stranger: Stranger) -> str:
    """Why the node closed the stranger's connection."""
    stranger.flush()
    await stranger.until(lambda: stranger.ended, 5.0)
    await node.until(lambda: bool(node.closed(connection)))
    assert node.events[-1] == node.closed(connection)[0]
    assert node.transport._channels == {}
    return node.closed(connection)[0].reason


async def closed_for_one(node: Endpoint, connection: int, stranger: Stranger) -> str:
    stranger.flush()
    await node.until(lambda: bool(node.closed(connection)))
    return node.closed(connection)[0].reason


def frame_of(kind: int, content: bytes) -> Callable[..., None]:
    def write(builder: QuicPacketBuilder, *rest: object, **more: object) -> None:
        builder.start_frame(kind, capacity=max(80, len(content))).push_bytes(content)

    return write


Strange: TypeAlias = Callable[..., Stranger]


def header_of(datagram: bytes) -> QuicHeader:
    return pull_quic_header(Buffer(data=datagram), host_cid_length=8)
