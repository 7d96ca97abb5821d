"""Reads one JSON object of a chain spec field by field; whatever is missing, unknown or out of range is an error.

>>> reader = SpecReader("difficulty", {"lo": 3})
>>> reader.integer("lo", 0, 10)
3
>>> reader.finish()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec.document import MAX_JSON_INTEGER, Json

_MAX_DECIMAL_DIGITS = 78  # 2^256 has 78


class SpecReader:
    """The fields of one object. Every method raises InvalidSpec with the field's full path."""

    def __init__(self, path: str, value: Json) -> None:
        if not isinstance(value, Mapping):
            raise InvalidSpec(path, "not an object")
        self._path = path
        self._values = value
        self._asked: set[str] = set()

    def path(self, name: str) -> str:
        """Full name of a field, for error messages."""
        return f"{self._path}.{name}" if self._path else name

    def value(self, name: str) -> Json:
        """The field as it stands in the document."""
        self._asked.add(name)
        if name not in self._values:
            nearest = get_close_matches(name, self._values, 1)
            hint = f"; did you mean it by {nearest[0]!r}?" if nearest else ""
            raise InvalidSpec(self.path(name), f"missing{hint}")
        return self._values[name]

    def section(self, name: str) -> SpecReader:
        """A field that is an object."""
        return SpecReader(self.path(name), self.value(name))

    def integer(self, name: str, low: int, high: int = MAX_JSON_INTEGER) -> int:
        """A field that is an integer in low..high."""
        return checked_integer(self.path(name), self.value(name), low, high)

    def decimal(self, name: str, low: int, high: int) -> int:
        """A field that is an integer written as a decimal string."""
        value = self.value(name)
        if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > _MAX_DECIMAL_DIGITS:
            raise InvalidSpec(self.path(name), "not a decimal string")
        if value != str(int(value)):
            raise InvalidSpec(self.path(name), "a leading zero")
        return checked_integer(self.path(name), int(value), low, high)

    def text(self, name: str, choices: Sequence[str] = ()) -> str:
        """A field that is a string, one of `choices` if there are any."""
        value = self.value(name)
        if not isinstance(value, str):
            raise InvalidSpec(self.path(name), "not a string")
        if choices and value not in choices:
            raise InvalidSpec(self.path(name), f"{value!r} is none of {', '.join(choices)}")
        return value

    def data(self, name: str, low: int, high: int) -> bytes:
        """A field that is low..high bytes as lower-case 0x hex."""
        return checked_data(self.path(name), self.value(name), low, high)

    def array(self, name: str) -> Sequence[Json]:
        """A field that is an array."""
        return checked_array(self.path(name), self.value(name))

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """A field that is an array of integers, each in low..high."""
        return checked_integers(self.path(name), self.value(name), low, high)

    def rows(self, name: str, low: int, high: int) -> tuple[tuple[int, ...], ...]:
        """A field that is an array of arrays of integers, each in low..high."""
        rows = enumerate(self.array(name))
        return tuple(checked_integers(f"{self.path(name)}[{index}]", row, low, high) for index, row in rows)

    def names(self) -> tuple[str, ...]:
        """The object's keys, for an object that is a table."""
        return tuple(self._values)

    def finish(self) -> None:
        """Every field that the object has must have been asked for."""
        for name in self._values:
            if name not in self._asked:
                nearest = get_close_matches(name, self._asked, 1)
                hint = f"; the nearest known field is {nearest[0]!r}" if nearest else ""
                raise InvalidSpec(self.path(name), f"unknown field{hint}")


def checked_boolean(path: str, value: Json) -> bool:
    """`value` if it is true or false. Raises InvalidSpec."""
    if not isinstance(value, bool):
        raise InvalidSpec(path, "neither true nor false")
    return value


def checked_integer(path: str, value: Json, low: int, high: int) -> int:
    """`value` if it is an integer in low..high. Raises InvalidSpec."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidSpec(path, "not an integer")
    if not low <= value <= high:
        raise InvalidSpec(path, f"{value} is outside {low}..{high}")
    return value


def checked_array(path: str, value: Json) -> Sequence[Json]:
    """`value` if it is an array. Raises InvalidSpec."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidSpec(path, "not an array")
    return value


def checked_integers(path: str, value: Json, low: int, high: int) -> tuple[int, ...]:
    """`value` if it is an array of integers in low..high. Raises InvalidSpec."""
    items = enumerate(checked_array(path, value))
    return tuple(checked_integer(f"{path}[{index}]", item, low, high) for index, item in items)


def checked_data(path: str, value: Json, low: int, high: int) -> bytes:
    """The bytes of lower-case 0x hex. Raises InvalidSpec."""
    if not isinstance(value, str) or not value.startswith("0x") or value != value.lower():
        raise InvalidSpec(path, "not lower-case 0x hex")
    try:
        data = bytes.fromhex(value[2:])
    except ValueError as error:
        raise InvalidSpec(path, f"not hex: {error}") from error
    if len(value) != 2 + 2 * len(data):
        raise InvalidSpec(path, "white space in hex")
    if not low <= len(data) <= high:
        raise InvalidSpec(path, f"{len(data)} bytes, not {low}..{high}" if low != high else f"not {low} bytes")
    return data
