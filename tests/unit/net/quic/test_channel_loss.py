"""Over a bad line: datagrams lost, doubled and out of order; keys that change in the middle."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from quip.net.actions import Close, CloseCode, Dial, Send
from quip.net.address import Address
from quip.net.events import Closed, Opened, Received
from quip.net.link import Purpose
from quip.net.quic import channel
from quip.net.quic import configuration as quic_configuration
from support.quic_endpoints import Endpoint, endpoint


class BadLine:
    """A UDP relay between one client and one server that loses, doubles and delays what it carries."""

    def __init__(self, server: Address, loss: float, seed: int) -> None:
        self.server = (server.host, server.port)
        self.loss = loss
        self.rng = random.Random(seed)
        self.near, self.far = self._socket(), self._socket()
        self.client: tuple[str, int] | None = None
        self.held: list[tuple[socket.socket, bytes, tuple[str, int]]] = []
        self.lost = 0
        self.doubled = 0
        self.delayed = 0

    def _socket(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind(("127.0.0.1", 0))
        return made

    @property
    def address(self) -> Address:
        return Address(*self.near.getsockname()[:2])

    def from_client(self) -> None:
        data, self.client = self.near.recvfrom(65_536)
        self.carry(self.far, data, self.server)

    def from_server(self) -> None:
        data, _ = self.far.recvfrom(65_536)
        if self.client is not None:
            self.carry(self.near, data, self.client)

    def carry(self, via: socket.socket, data: bytes, to: tuple[str, int]) -> None:
        fate = self.rng.random()
        if fate < self.loss:
            self.lost += 1
        elif fate < 1.5 * self.loss:
            self.delayed += 1
            self.held.append((via, data, to))
        else:
            via.sendto(data, to)
            if fate > 1 - self.loss / 2:
                self.doubled += 1
                via.sendto(data, to)
            while self.held:
                late_via, late, late_to = self.held.pop()
                late_via.sendto(late, late_to)


@asynccontextmanager
async def bad_line(server: Endpoint, loss: float, seed: int) -> AsyncIterator[BadLine]:
    line, loop = BadLine(server.address, loss, seed), asyncio.get_running_loop()
    loop.add_reader(line.near, line.from_client)
    loop.add_reader(line.far, line.from_server)
    try:
        yield line
    finally:
        for end in (line.near, line.far):
            loop.remove_reader(end)
            end.close()


@pytest.mark.parametrize("seed", range(4))
async def test_every_byte_arrives_over_a_bad_line(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_configuration, "LOOPBACK_DATAGRAM", 1_200)
    rng = random.Random(seed)
    there, back = rng.randbytes(200_000), rng.randbytes(200_000)
    async with endpoint("alice") as alice, endpoint("bob") as bob, bad_line(bob, 0.05, seed) as line:
        alice.transport.perform(Dial(line.address, Purpose.MANUAL))
        here = (await alice.first(Opened)).connection
        other = (await bob.first(Opened)).connection
        alice.transport.perform(Send(here, 0, there, True))
        bob.transport.perform(Send(other, 1, back, True))
        await bob.until(lambda: bob.read(other, 0)[1])
        await alice.until(lambda: alice.read(here, 1)[1])
        assert bob.read(other, 0)[0] == there
        assert alice.read(here, 1)[0] == back
        assert min(line.lost, line.delayed, line.doubled) > 0
        alice.transport.perform(Close(here, CloseCode.DONE, "thanks"))
        line.loss = 0
        assert "thanks" in (await bob.first(Closed)).reason


async def test_keys_are_changed_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "KEY_UPDATE_PACKETS", 40)
    content = random.Random(1).randbytes(3_000_000)
    async with endpoint("alice") as alice, endpoint("bob") as bob:
        opened = await alice.dial(bob)
        assert isinstance(opened, Opened)
        there = (await bob.first(Opened)).connection
        alice.transport.perform(Send(opened.connection, 0, content, True))
        await bob.until(lambda: bob.read(there, 0)[1] if bob.of(Received)[-1:] and bob.of(Received)[-1].fin else False)
        assert bob.read(there, 0)[0] == content
        assert alice.transport._channels[opened.connection]._packets < 40
        assert alice.closed(opened.connection) == []
