"""Arguments as the tools of developers write them: quantities in hex or as JSON numbers, some as decimal text."""

import re
from typing import Any

from quip.rpc.params import BadArgument, kind_of, quantity

MAX_BLOCKS = 10_000
"""That are made by one call."""
MAX_SECONDS = 1 << 32
MAX_INTERVAL_MS = 86_400_000
_DECIMAL = re.compile(r"[0-9]{1,20}")


def number(value: object) -> int:
    """0 to 2^64 - 1."""
    if isinstance(value, str):
        return _within(int(value) if _DECIMAL.fullmatch(value) else quantity(value), 0, (1 << 64) - 1)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type uint64")
    return _within(value, 0, (1 << 64) - 1)


def block_count(value: object) -> int:
    """How many blocks to make."""
    return _within(number(value), 0, MAX_BLOCKS)


def seconds(value: object) -> int:
    """A duration."""
    return _within(number(value), 0, MAX_SECONDS)


def milliseconds(value: object) -> int:
    """Of an interval."""
    return _within(number(value), 0, MAX_INTERVAL_MS)


def timestamp(value: object) -> int:
    """Unix seconds; some tools send an object with a `timestamp`."""
    return number(value["timestamp"] if isinstance(value, dict) and "timestamp" in value else value)


def members(value: object) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into an object")
    return value


def _within(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise BadArgument(f"{value} is outside {low} to {high}")
    return value
