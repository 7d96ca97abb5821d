"""Real transports on loopback, whose events a test can wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from quip.net.actions import Dial
from quip.net.address import Address
from quip.net.events import Closed, DialFailed, Opened, Received
from quip.net.link import Purpose
from quip.net.quic.channel import TransportEvent
from quip.net.quic.endpoint import EndpointConfig, QuicEndpoint
from quip.net.quic.node_identity import NodeIdentity

WAIT_S = 20.0
E = TypeVar("E")


@lru_cache(maxsize=16)
def identity(name: str) -> NodeIdentity:
    """A node identity for each name, made once a test process."""
    with TemporaryDirectory() as directory:
        return NodeIdentity.open(Path(directory) / name)


class Endpoint:
    """A transport and everything it told."""

    def __init__(self, config: EndpointConfig) -> None:
        self.identity = config.identity
        self.transport = QuicEndpoint(config, self.hear, self.admits)
        self.events: list[TransportEvent] = []
        self.news = asyncio.Event()
        self.banned: set[str] = set()

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.transport.port)

    def hear(self, event: TransportEvent) -> None:
        self.events.append(event)
        self.news.set()

    def admits(self, address: Address) -> bool:
        return address.host not in self.banned

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def read(self, connection: int, stream: int) -> tuple[bytes, bool]:
        """What came on a stream, and whether it is all."""
        got = [event for event in self.of(Received) if (event.connection, event.stream) == (connection, stream)]
        return b"".join(event.data for event in got), any(event.fin for event in got)

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for news until `done()`."""
        async with asyncio.timeout(WAIT_S):
            while not done():
                self.news.clear()
                await self.news.wait()

    async def first(self, kind: type[E], number: int = 1) -> E:
        """The `number`th event of a kind."""
        await self.until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)[number - 1]

    async def dial(self, other: Endpoint) -> Opened | DialFailed:
        """Dial and wait for what comes of it."""
        before = len(self.events)
        self.transport.perform(Dial(other.address, Purpose.MANUAL))

        def answer() -> list[TransportEvent]:
            return [event for event in self.events[before:] if isinstance(event, Opened | DialFailed)]

        await self.until(lambda: bool(answer()))
        found = answer()[0]
        assert isinstance(found, Opened | DialFailed)
        return found

    def closed(self, connection: int) -> list[Closed]:
        return [event for event in self.of(Closed) if event.connection == connection]


@asynccontextmanager
async def endpoint(name: str, config: EndpointConfig | None = None) -> AsyncIterator[Endpoint]:
    """A started transport on 127.0.0.1."""
    made = Endpoint(config or EndpointConfig("127.0.0.1", 0, identity(name)))
    await made.transport.start()
    try:
        yield made
    finally:
        await made.transport.stop()


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Endpoint, int, Endpoint, int]]:
    """Two joined endpoints and each one's number of the connection."""
    async with endpoint("alice") as alice, endpoint("bob") as bob:
        opened = await alice.dial(bob)
        assert isinstance(opened, Opened)
        yield alice, opened.connection, bob, (await bob.first(Opened)).connection
