"""The node's one UDP socket: it dials and listens. Addresses come out canonical (address.Address).

0.0.0.0 opens IPv4; :: opens both, and an IPv4 peer then appears as ::ffff:a.b.c.d to the system, but never to us.
"""

from __future__ import annotations

import errno
import socket
from functools import lru_cache

from quip.net.address import Address, canonical, is_loopback
from quip.net.limits import FAR_DATAGRAM, KNOWN_SPELLINGS, LOOPBACK_DATAGRAM
from quip.net.local_errors import UdpPortError

_canonical = lru_cache(maxsize=KNOWN_SPELLINGS)(canonical)
BUFFER_BYTES = 4 << 20  # asked of the system for each direction; it gives what it allows


class UdpSocket:
    """A bound, non-blocking socket."""

    def __init__(self, host: str, port: int) -> None:
        """Open it; port 0: any free one. Raises UdpPortError."""
        self._v6 = ":" in host
        family = socket.AF_INET6 if self._v6 else socket.AF_INET
        try:
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise UdpPortError(f"this machine has no {'IPv6' if self._v6 else 'IPv4'}", str(error)) from None
        try:
            self.socket.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self.socket.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            if self._v6:
                only = host != "::"
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
            self.socket.bind((host, port))
        except OSError as error:
            self.socket.close()
            raise _cannot_open(host, port, error) from None
        self._dual = self._v6 and host == "::"
        self.host = host
        self.port: int = self.socket.getsockname()[1]

    def reaches(self, address: Address) -> bool:
        """True if this socket can send to such an address at all."""
        return self._v6 if ":" in address.host else (self._dual or not self._v6)

    def receive(self) -> tuple[bytes, Address] | None:
        """The next datagram; None: nothing waits."""
        while True:
            try:
                # The rest of a larger one is cut off: it is void.
                data, sender = self.socket.recvfrom(LOOPBACK_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return None
            except ConnectionError:
                continue  # news of an earlier datagram's fate: QUIC has its own timers
            address = _canonical(sender[0], sender[1])
            if address is not None and (len(data) <= FAR_DATAGRAM or is_loopback(address.host)):
                return data, address

    def send(self, data: bytes, address: Address) -> OSError | None:
        """Hand one datagram to the system. What it did not take is lost, as on the wire, and told."""
        target = f"::ffff:{address.host}" if self._dual and ":" not in address.host else address.host
        try:
            self.socket.sendto(data, (target, address.port))
        except OSError as error:
            return error
        return None

    def close(self) -> None:
        """Give the port back."""
        self.socket.close()


def _cannot_open(host: str, port: int, error: OSError) -> UdpPortError:
    place = str(Address(host, port))
    if error.errno == errno.EADDRINUSE:
        return UdpPortError(f"UDP port {port} is in use", "choose another one with --port, or stop who uses it")
    if error.errno == errno.EADDRNOTAVAIL:
        return UdpPortError(f"{host} is no address of this machine", "give one of its own with --listen, or 0.0.0.0")
    return UdpPortError(f"cannot listen on {place}: {error.strerror or error}", "check --listen and --port")
