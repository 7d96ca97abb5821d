"""Named peers: literal addresses at once, names looked up again, families that the socket cannot reach left out."""

import asyncio

import pytest

from quip.net.address import Address, canonical
from quip.node.network.peer_resolver import LOOKUP_S, PeerResolver, look_up


class Directory:
    """A name service in our hands."""

    def __init__(self) -> None:
        self.hosts: dict[str, list[str]] = {"node.example": ["192.0.2.1", "192.0.2.2"], "both": ["::1", "127.0.0.1"]}
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        if host not in self.hosts:
            raise OSError("unknown")
        return self.hosts[host]


def reaches_v4(address: Address) -> bool:
    return ":" not in address.host


async def settle(directory: Directory, asked: int) -> None:
    async with asyncio.timeout(10):
        while directory.asked < asked:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)


async def test_literal_addresses_need_no_lookup() -> None:
    names = PeerResolver(asyncio.get_running_loop(), lambda address: True, Directory())
    names.name(["127.0.0.1:5", "[::1]:6", "::ffff:10.0.0.1", "127.0.0.1:5"])
    assert names.addresses == (Address("127.0.0.1", 5), Address("::1", 6), Address("10.0.0.1", 0))
    assert not names.unresolved


async def test_the_family_of_the_socket_decides() -> None:
    directory = Directory()
    names = PeerResolver(asyncio.get_running_loop(), reaches_v4, directory)
    names.name(["both:7", "[::1]:6"])
    names.tick(1.0)
    await settle(directory, 1)
    assert names.addresses == (Address("127.0.0.1", 7),)


async def test_names_are_looked_up_again_when_a_peer_is_lost_and_after_a_while() -> None:
    directory = Directory()
    names = PeerResolver(asyncio.get_running_loop(), reaches_v4, directory)
    names.name(["node.example:7"])
    assert names.unresolved
    names.tick(1.0)
    await settle(directory, 1)
    assert names.addresses == (Address("192.0.2.1", 7),)
    names.tick(2.0)
    assert directory.asked == 1
    names.lost(Address("192.0.2.1", 7))
    assert names.addresses == (Address("192.0.2.2", 7),)
    directory.hosts["node.example"] = ["192.0.2.9"]
    names.tick(3.0)
    await settle(directory, 2)
    assert names.addresses == (Address("192.0.2.9", 7),)
    names.tick(3.0 + LOOKUP_S)
    await settle(directory, 3)


async def test_an_unknown_name_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    directory = Directory()
    names = PeerResolver(asyncio.get_running_loop(), reaches_v4, directory)
    names.name(["nowhere:1"])
    for turn in (1, 2):
        names.tick(turn * LOOKUP_S)
        await settle(directory, turn)
    assert (names.addresses, names.unresolved) == ((), True)


async def test_a_name_that_is_none_keeps_nobody_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written by something else, or made impossible by the system's own rules for names."""
    with pytest.raises(OSError, match="no name"):
        look_up("a..b", 1)
    names = PeerResolver(asyncio.get_running_loop(), reaches_v4, look_up)
    names.name(["a..b:1", "x y", "xn--" + "\u00fc" * 60 + ":1", "localhost:7"])
    names.tick(1.0)
    async with asyncio.timeout(10):
        while not names.addresses:
            await asyncio.sleep(0)
    assert names.addresses == (Address("127.0.0.1", 7),)
    assert not names._busy


@pytest.mark.parametrize(
    ("host", "wanted"),
    [("::ffff:1.2.3.4", "1.2.3.4"), ("2001:DB8:0::1", "2001:db8::1"), ("fe80::1%eth0", None), ("name", None)],
)
def test_one_spelling(host: str, wanted: str | None) -> None:
    assert canonical(host, 1) == (None if wanted is None else Address(wanted, 1))


def test_the_system_knows_this_machine() -> None:
    assert "127.0.0.1" in look_up("localhost", 1)
