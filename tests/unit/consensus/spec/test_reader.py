"""Reading one object of a spec."""

from collections.abc import Callable

import pytest

from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec.document import Json
from quip.consensus.spec.reader import SpecReader

GOOD: dict[str, Json] = {
    "integer": 5,
    "decimal": "12345678901234567890",
    "text": "osaka",
    "data": "0x00ff",
    "integers": [1, 2],
    "rows": [[1], []],
    "section": {"inner": 1},
}


def reader(**changes: Json) -> SpecReader:
    return SpecReader("top", {**GOOD, **changes})


def test_every_kind_of_field() -> None:
    fields = reader()
    assert fields.integer("integer", 5, 5) == 5
    assert fields.decimal("decimal", 0, 10**20) == 12345678901234567890
    assert fields.text("text", ("osaka",)) == "osaka"
    assert fields.data("data", 2, 2) == b"\x00\xff"
    assert fields.integers("integers", 1, 2) == (1, 2)
    assert fields.rows("rows", 0, 1) == ((1,), ())
    section = fields.section("section")
    assert section.path("inner") == "top.section.inner"
    assert section.integer("inner", 0) == 1
    section.finish()
    fields.finish()
    assert fields.names() == tuple(GOOD)


@pytest.mark.parametrize(
    ("read", "path"),
    [
        (lambda r: r.integer("integer", 6), "top.integer"),
        (lambda r: r.integer("text", 0), "top.text"),
        (lambda r: r.decimal("integer", 0, 9), "top.integer"),
        (lambda r: r.decimal("decimal", 0, 9), "top.decimal"),
        (lambda r: r.text("text", ("london",)), "top.text"),
        (lambda r: r.text("integer"), "top.integer"),
        (lambda r: r.data("data", 3, 3), "top.data"),
        (lambda r: r.data("text", 0, 9), "top.text"),
        (lambda r: r.array("text"), "top.text"),
        (lambda r: r.integers("integers", 0, 1), "top.integers[1]"),
        (lambda r: r.rows("integers", 0, 9), "top.integers[0]"),
        (lambda r: r.section("text"), "top.text"),
        (lambda r: r.value("integr"), "top.integr"),
        (lambda r: r.finish(), "top.integer"),
    ],
)
def test_bad_fields_are_named(read: Callable[[SpecReader], object], path: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read(reader())
    assert caught.value.field == path
