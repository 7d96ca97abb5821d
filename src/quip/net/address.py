"""Addresses in their one spelling, from where they can be dialled, and which network they belong to.

A network group is the unit by which one owner of many addresses is told from many owners:

    IPv4            its /16                 10.1.2.3      -> private
    IPv6            its /32                 2001:db8::1   -> 6:2001:db8
    6to4, Teredo    the IPv4 inside         2002:0102:... -> 4:1.2

What this file does not do: it resolves no names.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

LOOPBACK_GROUP = "loopback"
PRIVATE_GROUP = "private"
IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a node can be dialled. `host` is a canonical IP (RFC 5952; ::ffff:a.b.c.d is written a.b.c.d)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Reach(IntEnum):
    """From where an address can be dialled. An address is told only to peers of the same reach or a narrower one."""

    LOOPBACK = 0
    """This machine."""
    PRIVATE = 1
    """This site: RFC 1918, RFC 4193, link-local, shared (RFC 6598)."""
    PUBLIC = 2
    """The internet."""


def canonical(host: str, port: int) -> Address | None:
    """The address in its one spelling; None for what is no IP address, or needs an interface's name."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None:
            return None
        ip = ip.ipv4_mapped or ip
    return Address(str(ip), port)


def canonical_host(host: str) -> str:
    """The one spelling of an IP address (RFC 5952), ::ffff:a.b.c.d as a.b.c.d. Raises ValueError for what is none."""
    return str(_parse(host))


def is_unspecified(host: str) -> bool:
    """True for 0.0.0.0 and ::, which name no machine."""
    return _parse(host).is_unspecified


def is_dialable(address: Address) -> bool:
    """True if the address names one machine and a port."""
    try:
        ip = _parse(address.host)
    except ValueError:
        return False
    return 0 < address.port < 1 << 16 and not (ip.is_unspecified or ip.is_multicast or str(ip) == "255.255.255.255")


def is_loopback(host: str) -> bool:
    """True for an address of this machine to itself. `host`: as `canonical_host` spells it."""
    return host == "::1" or host.startswith("127.")


def reach(host: str) -> Reach:
    """From where the address can be dialled. Raises ValueError."""
    ip = _parse(host)
    if ip.is_loopback:
        return Reach.LOOPBACK
    return Reach.PUBLIC if ip.is_global else Reach.PRIVATE


def netgroup(host: str) -> str:
    """The group of an IP address. Raises ValueError."""
    ip = _parse(host)
    if ip.is_loopback:
        return LOOPBACK_GROUP
    if not ip.is_global and not _embedded(ip):
        return PRIVATE_GROUP
    inner = _embedded(ip) or ip
    if isinstance(inner, ipaddress.IPv4Address):
        return "4:{}.{}".format(*inner.packed[:2])
    return "6:{:x}:{:x}".format(*(int.from_bytes(inner.packed[at : at + 2], "big") for at in (0, 2)))


def is_nearby(group: str) -> bool:
    """True for loopback and private groups: many honest nodes share one, so limits per group leave them out."""
    return group in (LOOPBACK_GROUP, PRIVATE_GROUP)


def _parse(host: str) -> IPAddress:
    ip = ipaddress.ip_address(host)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def _embedded(ip: IPAddress) -> ipaddress.IPv4Address | None:
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip.sixtofour is not None:
        return ip.sixtofour
    return ip.teredo[1] if ip.teredo is not None else None
