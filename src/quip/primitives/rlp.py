"""RLP, Ethereum's serialization (Yellow Paper, appendix B): strict both ways.

There is exactly one encoding of an item: a longer length prefix than needed, a single byte below 0x80 behind a
prefix, bytes after the item and lists nested deeper than 32 are all refused. This file does not know any object
of the protocol.

>>> encode([b"cat", int_to_bytes(1024)]).hex()
'c783636174820400'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from quip._native import rlp

Item: TypeAlias = "bytes | Sequence[Item]"
Decoded: TypeAlias = "bytes | list[Decoded]"


_LIST = 0xC0
_SHORT = 55
"""A list with more bytes has their number's length in its prefix."""


class RlpError(ValueError):
    """The bytes are not the one RLP encoding of what they stand for."""


def encode(item: Item) -> bytes:
    """The RLP of bytes, or of a list or tuple of items. Raises TypeError for anything else (our bug)."""
    return rlp.encode(item)


def list_of(encoded: Sequence[bytes]) -> bytes:
    """The RLP of a list whose items are encoded already.

    >>> list_of([encode(b"cat"), encode(b"dog")]) == encode([b"cat", b"dog"])
    True
    """
    body = b"".join(encoded)
    if len(body) <= _SHORT:
        return bytes((_LIST + len(body),)) + body
    size = int_to_bytes(len(body))
    return bytes((_LIST + _SHORT + len(size),)) + size + body


def decode(data: bytes, depth: int | None = None) -> Decoded:
    """The one item that `data` holds. Items below so many lists are given as their own RLP, not looked into.

    Raises RlpError.

    >>> decode(encode([[b"cat", b"dog"]]), depth=1) == [encode([b"cat", b"dog"])]
    True
    """
    try:
        return rlp.decode(data, depth)
    except ValueError as error:
        raise RlpError(str(error)) from error


def int_to_bytes(number: int) -> bytes:
    """Minimal big-endian bytes of a number >= 0; zero is the empty string. Raises OverflowError when negative."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def bytes_to_int(data: bytes) -> int:
    """The number behind minimal big-endian bytes. Raises RlpError on a leading zero."""
    if data[:1] == b"\0":
        raise RlpError(f"integer 0x{data.hex()} has a leading zero")
    return int.from_bytes(data, "big")
