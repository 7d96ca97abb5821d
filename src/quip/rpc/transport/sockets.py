"""The sockets that a server of the node listens on: one address that the operator chose, and loopback always.

Local commands, and whoever enters a container, find the server on loopback wherever else it listens. `localhost` is ::1
first for many clients, so that is served too where the machine has IPv6.
"""

import contextlib
import errno
import ipaddress
import socket
from functools import lru_cache
from types import TracebackType
from typing import Any

LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"
BACKLOG = 128  # connections waiting to be accepted; local tools need few
SEARCHED_PORTS = 1000  # where "the first free one" is looked for
TRIES = 20  # for a port that is free on every address

Place = tuple[socket.AddressFamily, tuple[Any, ...]]


class Listener:
    """Listening sockets of one port."""

    def __init__(self, *sockets: socket.socket) -> None:
        self.sockets = sockets

    @property
    def port(self) -> int:
        """The port of all of them."""
        found: int = self.sockets[0].getsockname()[1]
        return found

    @property
    def url(self) -> str:
        """Where programs of this machine find it."""
        return f"http://{LOOPBACK}:{self.port}"

    def close(self) -> None:
        """Stop listening."""
        for one in self.sockets:
            one.close()

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def listen(port: int, host: str = LOOPBACK) -> Listener:
    """Listen on an address and on loopback; port 0 takes one that is free on all. Raises OSError (gaierror: no such
    host)."""
    for _ in range(TRIES - 1):
        try:
            return _listen(port, host)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    return _listen(port, host)


def listen_from(first: int, host: str = LOOPBACK) -> Listener:
    """Listen on the first free port from `first` up. Raises OSError where SEARCHED_PORTS are taken."""
    for port in range(first, first + SEARCHED_PORTS):
        try:
            return listen(port, host)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no free port from {first} to {first + SEARCHED_PORTS - 1}")


@lru_cache(256)  # asked for every request
def is_loopback(host: str) -> bool:
    """Is this an address of this machine alone?"""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback
    return False


def _listen(port: int, host: str) -> Listener:
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for family, place, needed in _places(host):
            try:
                opened = stack.enter_context(contextlib.closing(_bound(family, (place[0], port, *place[2:]))))
            except OSError as error:
                if needed or error.errno == errno.EADDRINUSE:
                    raise
                continue  # this machine has no IPv6
            sockets.append(opened)
            port = opened.getsockname()[1]
        stack.pop_all()
        return Listener(*sockets)


def _places(host: str) -> list[tuple[socket.AddressFamily, tuple[Any, ...], bool]]:
    """Family, socket address, and whether it must be had."""
    found: list[Place] = []
    for family, _, _, _, place in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        if (family, place) not in found:
            found.append((family, place))
    addresses = {ipaddress.ip_address(str(place[0]).partition("%")[0]) for _, place in found}
    wild = {address.version for address in addresses if address.is_unspecified}
    places = [(family, place, True) for family, place in found]
    if 6 in wild:  # takes IPv4 as well
        return [entry for entry in places if entry[0] == socket.AF_INET6]
    if 4 not in wild and ipaddress.ip_address(LOOPBACK) not in addresses:
        places.append((socket.AF_INET, (LOOPBACK, 0), True))
    if ipaddress.ip_address(LOOPBACK_6) not in addresses:
        places.append((socket.AF_INET6, (LOOPBACK_6, 0), False))
    return places


def _bound(family: socket.AddressFamily, place: tuple[Any, ...]) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            every = ipaddress.ip_address(str(place[0]).partition("%")[0]).is_unspecified
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not every)
        opened.bind(place)
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened
