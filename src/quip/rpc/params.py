"""Arguments of calls: one parser per type, refusing what go-ethereum refuses, in its words.

A parser takes the JSON value and returns ours, or raises BadArgument with the text behind "invalid argument N: ".
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from quip.rpc.errors import InvalidParams

HEX = re.compile(r"[0-9a-fA-F]*")
FILTER_ID = re.compile(r"0x[0-9a-f]{1,32}")
NO_FILTER = -1
TAGS = ("latest", "pending", "earliest", "safe", "finalized")
REQUIRED = object()
MAX_ROWS = 1_000  # of a list that anybody can make longer, such as that of miner ids
MAX_OFFSET = 1_000_000  # into such a list


class BadArgument(Exception):
    """A value that a parser does not take; `parse_arguments` says which argument it was."""


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block as a caller names it: exactly one of the three."""

    tag: str | None = None
    number: int | None = None
    hash: bytes | None = None
    require_canonical: bool = False


LATEST = BlockRef(tag="latest")


@dataclass(frozen=True, slots=True)
class Param:
    """One argument of a method; `default` is taken for an absent or null one."""

    name: str
    parse: Callable[[Any], Any]
    default: Any = REQUIRED


def parse_arguments(params: Sequence[Param], given: object) -> list[Any]:
    """The arguments in order; raises InvalidParams."""
    if given is None:
        given = []
    if not isinstance(given, list):
        raise InvalidParams("non-array args")
    if len(given) > len(params):
        raise InvalidParams(f"too many arguments, want at most {len(params)}")
    values = []
    for index, param in enumerate(params):
        raw = given[index] if index < len(given) else None
        if raw is None:
            if param.default is REQUIRED:
                raise InvalidParams(f"missing value for required argument {index}")
            values.append(param.default)
            continue
        try:
            values.append(param.parse(raw))
        except BadArgument as error:
            raise InvalidParams(f"invalid argument {index}: {error}") from None
    return values


def boolean(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type bool")
    return value


def row_limit(value: object) -> int:
    """How many rows an answer may have: 1 to MAX_ROWS."""
    return _whole(value, "a limit", 1, MAX_ROWS)


def row_offset(value: object) -> int:
    """How many rows of a list to leave out before the first."""
    return _whole(value, "an offset", 0, MAX_OFFSET)


def _whole(value: object, what: str, low: int, high: int) -> int:
    if type(value) is not int:
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type int")
    if not low <= value <= high:
        raise BadArgument(f"{what} is {low} to {high}")
    return value


def address(value: object) -> bytes:
    """20 bytes as hex, of any case."""
    return _fixed(value, 20, "common.Address")


def block_hash(value: object) -> bytes:
    """32 bytes as hex."""
    return _fixed(value, 32, "common.Hash")


def block_number(value: object) -> BlockRef:
    """A number as hex quantity, or a tag."""
    text = value.strip() if isinstance(value, str) else str(value)
    if text in TAGS:
        return BlockRef(tag=text)
    number = quantity(text)
    if number >= 1 << 63:
        raise BadArgument("block number larger than int64")
    return BlockRef(number=number)


def block_reference(value: object) -> BlockRef:
    """A number, a tag, a 32-byte hash, or EIP-1898's object."""
    if isinstance(value, dict):
        return _reference_object(value)
    if isinstance(value, str) and len(value) == 66:
        return BlockRef(hash=block_hash(value))
    return block_number(value)


def byte_string(value: object) -> bytes:
    """Bytes as hex, of any number."""
    tail = " into Go value of type hexutil.Bytes"
    if not isinstance(value, str):
        raise BadArgument(f"json: cannot unmarshal non-string{tail}")
    return _bytes(value, tail)


def hash_reference(value: object) -> BlockRef:
    """The block of a 32-byte hash."""
    return BlockRef(hash=block_hash(value))


def item_index(value: object) -> int:
    """A place in a list, as hex quantity."""
    return quantity(value.strip() if isinstance(value, str) else str(value))


def nonce(value: object) -> int:
    """A nonce, as hex quantity."""
    return item_index(value)


def text(value: object) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type string")
    return value


def filter_id(value: object) -> int:
    """What names a filter. Any other text names none that there is."""
    if not isinstance(value, str):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type rpc.ID")
    return int(value, 16) if FILTER_ID.fullmatch(value) else NO_FILTER


def quantity(text: str) -> int:
    """An integer below 2^64, as hexutil decodes it: 0x, no leading zeros."""
    digits = _digits(text)
    if not digits:
        raise BadArgument('hex string "0x"')
    if len(digits) > 1 and digits[0] == "0":
        raise BadArgument("hex number with leading zero digits")
    if not HEX.fullmatch(digits):
        raise BadArgument("invalid hex string")
    if len(digits) > 16:
        raise BadArgument("hex number > 64 bits")
    return int(digits, 16)


def _reference_object(value: dict[str, Any]) -> BlockRef:
    number, named = value.get("blockNumber"), value.get("blockHash")
    if number is not None and named is not None:
        raise BadArgument("cannot specify both BlockHash and BlockNumber, choose one or the other")
    if number is not None:
        return block_number(number)
    if named is not None:
        return BlockRef(hash=block_hash(named), require_canonical=boolean(value.get("requireCanonical", False)))
    raise BadArgument("invalid arguments; neither block nor hash specified")


def _digits(text: str) -> str:
    if not text:
        raise BadArgument("empty hex string")
    if text[:2] not in ("0x", "0X"):
        raise BadArgument("hex string without 0x prefix")
    return text[2:]


def _fixed(value: object, size: int, go_type: str) -> bytes:
    tail = f" into Go value of type {go_type}"
    if not isinstance(value, str):
        raise BadArgument(f"json: cannot unmarshal non-string{tail}")
    digits = len(value) - 2
    if value[:2] in ("0x", "0X") and not digits % 2 and digits != 2 * size:
        raise BadArgument(f"json: cannot unmarshal hex string has length {digits}, want {2 * size} for {go_type}{tail}")
    return _bytes(value, tail)


def _bytes(value: str, tail: str) -> bytes:
    try:
        digits = _digits(value)
    except BadArgument as error:
        raise BadArgument(f"json: cannot unmarshal {error}{tail}") from None
    if len(digits) % 2:
        raise BadArgument(f"json: cannot unmarshal hex string of odd length{tail}")
    if not HEX.fullmatch(digits):
        raise BadArgument(f"json: cannot unmarshal invalid hex string{tail}")
    return bytes.fromhex(digits)


def kind_of(value: object) -> str:
    """What Go calls a JSON value's type."""
    kinds = {bool: "bool", str: "string", list: "array", dict: "object", int: "number", float: "number"}
    return kinds.get(type(value), "null")
