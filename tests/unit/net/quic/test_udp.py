"""The socket: both families, canonical addresses, and errors that an operator understands."""

import asyncio
import socket

import pytest

from quip.net.actions import Dial
from quip.net.address import Address
from quip.net.events import Opened
from quip.net.limits import FAR_DATAGRAM
from quip.net.link import Purpose
from quip.net.local_errors import UdpPortError
from quip.net.quic import udp as udp_module
from quip.net.quic.endpoint import EndpointConfig
from quip.net.quic.udp import UdpSocket, _canonical
from support.quic_endpoints import Endpoint, endpoint, identity


async def readable(udp: UdpSocket) -> tuple[bytes, Address]:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(udp.socket, ready.set)
    try:
        async with asyncio.timeout(10):
            while (found := udp.receive()) is None:
                await ready.wait()
                ready.clear()
        return found
    finally:
        loop.remove_reader(udp.socket)


@pytest.mark.parametrize(
    ("listens", "speaks", "reached_at", "seen_as"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("::", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("::", "::1", "::1", "::1"),
        ("::1", "::", "::1", "::1"),
        ("127.0.0.1", "::", "127.0.0.1", "127.0.0.1"),
        ("::", "::", "127.0.0.1", "127.0.0.1"),
    ],
)
async def test_every_family_reaches_the_other(listens: str, speaks: str, reached_at: str, seen_as: str) -> None:
    there, here = UdpSocket(listens, 0), UdpSocket(speaks, 0)
    try:
        target = Address(reached_at, there.port)
        assert here.reaches(target)
        assert here.send(b"hello", target) is None
        assert await readable(there) == (b"hello", Address(seen_as, here.port))
    finally:
        there.close()
        here.close()


@pytest.mark.parametrize(("host", "address"), [("127.0.0.1", "::1"), ("0.0.0.0", "2001:db8::1"), ("::1", "127.0.0.1")])
def test_what_a_socket_cannot_reach(host: str, address: str) -> None:
    udp = UdpSocket(host, 0)
    assert not udp.reaches(Address(address, 1))
    udp.close()


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1%eth0", None),
        ("nonsense", None),
    ],
)
def test_addresses_have_one_spelling(raw: str, canonical: str | None) -> None:
    assert _canonical(raw, 7) == (None if canonical is None else Address(canonical, 7))


@pytest.mark.parametrize("near", [True, False], ids=["from this machine", "from elsewhere"])
async def test_large_datagrams_come_from_this_machine_only(monkeypatch: pytest.MonkeyPatch, near: bool) -> None:
    monkeypatch.setattr(udp_module, "is_loopback", lambda host: near)
    here, there = UdpSocket("127.0.0.1", 0), UdpSocket("127.0.0.1", 0)
    try:
        for size in (FAR_DATAGRAM + 1, FAR_DATAGRAM):
            assert there.send(bytes(size), Address("127.0.0.1", here.port)) is None
        assert len((await readable(here))[0]) == FAR_DATAGRAM + near
    finally:
        here.close()
        there.close()


def test_a_port_in_use_is_named() -> None:
    first = UdpSocket("127.0.0.1", 0)
    with pytest.raises(UdpPortError, match=f"UDP port {first.port} is in use") as caught:
        UdpSocket("127.0.0.1", first.port)
    assert "--port" in caught.value.hint
    first.close()


@pytest.mark.parametrize(
    ("host", "message"), [("192.0.2.1", "no address of this machine"), ("nonsense", "cannot listen")]
)
def test_an_address_that_cannot_be_listened_on(host: str, message: str) -> None:
    with pytest.raises(UdpPortError, match=message):
        UdpSocket(host, 0)


def test_a_machine_without_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", refused)
    with pytest.raises(UdpPortError, match="has no IPv6"):
        UdpSocket("::", 0)


def test_sending_that_the_system_refuses_is_told() -> None:
    udp = UdpSocket("127.0.0.1", 0)
    assert isinstance(udp.send(b"x" * 70_000, Address("127.0.0.1", 9)), OSError)
    udp.close()


@pytest.mark.parametrize(
    ("one", "other", "dialled"),
    [("::", "::", "::1"), ("::", "::", "127.0.0.1"), ("::", "127.0.0.1", "127.0.0.1"), ("::1", "::1", "::1")],
)
async def test_nodes_connect_over_every_family(one: str, other: str, dialled: str) -> None:
    def config(name: str, host: str) -> EndpointConfig:
        return EndpointConfig(host, 0, identity(name))

    async with endpoint("a", config("a", one)) as alice, endpoint("b", config("b", other)) as bob:
        target = Address(dialled, bob.transport.port)
        alice.transport.perform(Dial(target, Purpose.OUTBOUND))
        assert (await alice.first(Opened)).link.address == target
        seen = (await bob.first(Opened)).link.address
        assert seen == Address(dialled, alice.transport.port)


async def test_a_transport_whose_port_is_taken_says_so() -> None:
    async with endpoint("a") as alice:
        config = EndpointConfig("127.0.0.1", alice.transport.port, identity("b"))
        with pytest.raises(UdpPortError):
            await Endpoint(config).transport.start()
