"""The parts that messages are made of: each packs a value into an RLP item and reads it back, strictly.

Packing checks as much as reading: a node never sends what its peers would ban it for. Each part knows the length of its
longest encoding, so the largest size of a message is computed, not written down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from quip.consensus.types.block import MAX_BLOCK_SIZE, MAX_BODY_SIZE, MAX_SEAL_SIZE, Block
from quip.consensus.types.header import Header
from quip.consensus.types.seal import Seal
from quip.net.address import Address
from quip.primitives import rlp

MAX_HEADER_SIZE = 625
"""Bytes of the longest header whose integers are within their types."""
_SHORT = 55
"""RLP: longer contents have their length's length in the prefix."""
_ONE_BYTE_END = 0x80
_TYPED_END = 0x80
_LEGACY_PREFIX = 0xC0
_MAX_PORT = 65_535
_NOT_PRINTABLE = bytes(byte for byte in range(256) if not 0x20 <= byte <= 0x7E)


class FieldError(ValueError):
    """An item that is not the one encoding of a lawful value, or a value that has none."""


@dataclass(frozen=True, slots=True)
class Field:
    """How one kind of value is written and read."""

    pack: Callable[[Any], rlp.Item]
    """The item of a value. Raises FieldError."""
    read: Callable[[rlp.Decoded], Any]
    """The value of an item. Raises FieldError, RlpError or a MalformedMessage of consensus."""
    size: int
    """Bytes of the longest encoding."""


def prefixed(size: int) -> int:
    """Bytes of a string or list whose contents have `size` bytes, of at least two."""
    return size + 1 + (len(rlp.int_to_bytes(size)) if size > _SHORT else 0)


def as_bytes(item: rlp.Decoded, what: str) -> bytes:
    """The item, if it is a byte string."""
    if not isinstance(item, bytes):
        raise FieldError(f"{what}: a list where bytes belong")
    return item


def as_list(item: rlp.Decoded, what: str) -> list[rlp.Decoded]:
    """The item, if it is a list."""
    if isinstance(item, bytes):
        raise FieldError(f"{what}: bytes where a list belongs")
    return item


def integer(what: str, low: int, high: int) -> Field:
    """An integer in low..high."""

    def check(number: int) -> int:
        if not low <= number <= high:
            raise FieldError(f"{what} is not in {low}..{high}")
        return number

    return Field(
        lambda number: rlp.int_to_bytes(check(number)),
        lambda item: check(rlp.bytes_to_int(as_bytes(item, what))),
        1 if high < _ONE_BYTE_END else prefixed(len(rlp.int_to_bytes(high))),
    )


def unsigned(what: str, bits: int) -> Field:
    """An integer of at most `bits` bits."""
    return integer(what, 0, (1 << bits) - 1)


def flag(what: str) -> Field:
    """A truth value: the integer 0 or 1."""
    number = integer(what, 0, 1)
    return Field(lambda value: number.pack(int(value)), lambda item: number.read(item) == 1, number.size)


def digest(what: str) -> Field:
    """32 bytes."""

    def check(data: bytes) -> bytes:
        if len(data) != 32:
            raise FieldError(f"{what} has {len(data)} bytes, not 32")
        return data

    return Field(check, lambda item: check(as_bytes(item, what)), prefixed(32))


def text(what: str, low: int, high: int) -> Field:
    """Printable ASCII (0x20 to 0x7e) of low..high characters."""

    def check(data: bytes) -> bytes:
        if not low <= len(data) <= high:
            raise FieldError(f"{what} has {len(data)} characters, not {low} to {high}")
        if len(data.translate(None, _NOT_PRINTABLE)) != len(data):
            raise FieldError(f"{what} is not printable ASCII")
        return data

    return Field(
        lambda value: check(value.encode("utf-8", "surrogatepass")),
        lambda item: check(as_bytes(item, what)).decode("ascii"),
        prefixed(high),
    )


def several(what: str, part: Field, low: int, high: int, cap: int | None = None) -> Field:
    """A tuple of low..high equal parts, as a list; its contents have at most `cap` bytes (by the message's size)."""

    def check(number: int) -> None:
        if not low <= number <= high:
            raise FieldError(f"{number} {what}, not {low} to {high}")

    def pack(values: tuple[Any, ...]) -> rlp.Item:
        check(len(values))
        return [part.pack(value) for value in values]

    def read(item: rlp.Decoded) -> tuple[Any, ...]:
        items = as_list(item, what)
        check(len(items))
        return tuple([part.read(element) for element in items])

    return Field(pack, read, prefixed(high * part.size if cap is None else cap))


def optional(part: Field, nothing: bytes = b"") -> Field:
    """A value, or None as the empty string, which `part` never is. `nothing`: how the empty string is read."""
    return Field(
        lambda value: b"" if value is None else part.pack(value),
        lambda item: None if item == nothing else part.read(item),
        part.size,
    )


def row(what: str, *parts: Field) -> Field:
    """A tuple of unlike parts, as a list."""

    def pack(values: tuple[Any, ...]) -> rlp.Item:
        return [part.pack(value) for part, value in zip(parts, values, strict=True)]

    def read(item: rlp.Decoded) -> tuple[Any, ...]:
        items = as_list(item, what)
        if len(items) != len(parts):
            raise FieldError(f"{what} has {len(items)} items, not {len(parts)}")
        return tuple([part.read(element) for part, element in zip(parts, items, strict=True)])

    return Field(pack, read, prefixed(sum(part.size for part in parts)))


def record(kind: type[Any], **parts: Field) -> Field:
    """A dataclass, as the list of its fields; `parts` names all of them in order."""
    names = tuple(parts)
    if names != tuple(field.name for field in dataclass_fields(kind)):
        raise TypeError(f"{kind.__name__} has other fields")
    cells = row(kind.__name__, *parts.values())
    return Field(
        lambda value: cells.pack(tuple(getattr(value, name) for name in names)),
        lambda item: kind(*cells.read(item)),
        cells.size,
    )


def _pack_address(address: Address) -> rlp.Item:
    host = ip_address(address.host)
    if str(host) != address.host or (isinstance(host, IPv6Address) and (host.ipv4_mapped or host.scope_id)):
        raise FieldError(f"{address.host!r} is no canonical IP address")
    if not 1 <= address.port <= _MAX_PORT:
        raise FieldError(f"port {address.port}")
    return [host.packed, rlp.int_to_bytes(address.port)]


def _read_address(item: rlp.Decoded) -> Address:
    items = as_list(item, "address")
    if len(items) != 2:
        raise FieldError(f"an address has {len(items)} items, not 2")
    packed = as_bytes(items[0], "host")
    port = rlp.bytes_to_int(as_bytes(items[1], "port"))
    if not 1 <= port <= _MAX_PORT:
        raise FieldError(f"port is not in 1..{_MAX_PORT}")
    if len(packed) == 4:
        return Address(str(IPv4Address(packed)), port)
    if len(packed) != 16:
        raise FieldError(f"an IP address has {len(packed)} bytes, not 4 or 16")
    host = IPv6Address(packed)
    if host.ipv4_mapped is not None:
        raise FieldError("an IPv4 address in IPv6's form")
    return Address(str(host), port)


def _check_transaction(item: rlp.Decoded) -> bytes:
    data = as_bytes(item, "transaction")
    if not data or _TYPED_END <= data[0] < _LEGACY_PREFIX:
        raise FieldError("a transaction begins with its type, 0x00 to 0x7f, or is a list")
    if data[0] >= _LEGACY_PREFIX:
        rlp.decode(data)
    return data


def _read_block(item: rlp.Decoded) -> Block:
    return Block.decode(as_bytes(item, "block"))


def _read_seal(item: rlp.Decoded) -> Seal:
    seal = Seal.from_item(item)
    if len(rlp.encode(item)) > MAX_SEAL_SIZE:
        raise FieldError(f"a seal has more than {MAX_SEAL_SIZE} bytes")
    return seal


def _decode_seal(encoded: rlp.Decoded) -> Seal:
    data = as_bytes(encoded, "seal")
    if len(data) > MAX_SEAL_SIZE:
        raise FieldError(f"a seal has more than {MAX_SEAL_SIZE} bytes")
    return Seal.decode(data)


ADDRESS = Field(_pack_address, _read_address, prefixed(prefixed(16) + prefixed(2)))
"""[4 or 16 bytes, port 1 to 65535]; an IPv4 address has 4 bytes and nothing else."""
TRANSACTION = Field(_check_transaction, _check_transaction, prefixed(MAX_BODY_SIZE))
"""EIP-2718 bytes; a legacy transaction is its RLP list, here as bytes too: as many items as transactions."""
HEADER = Field(Header.fields, Header.from_item, MAX_HEADER_SIZE)
"""16 fields."""
SEAL = Field(Seal.item, _read_seal, MAX_SEAL_SIZE)
"""[suite, keys, solutions, signatures]."""
RAW_HEADER = Field(Header.fields, lambda encoded: Header.decode(as_bytes(encoded, "header")), MAX_HEADER_SIZE)
"""The same, read from its own RLP, which it keeps."""
RAW_SEAL = Field(Seal.item, _decode_seal, MAX_SEAL_SIZE)
"""The same, read from its own RLP, which it keeps."""
BLOCK = Field(Block.encode, _read_block, prefixed(MAX_BLOCK_SIZE))
"""A byte string that holds the block's RLP."""
