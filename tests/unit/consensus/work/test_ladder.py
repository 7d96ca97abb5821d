"""Interpolation and validity of ladders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.work.ladder import Point, fault_of, margin_at

LADDER = ((0, -100), (10, 0), (20, 5), (30, 1_000))


@pytest.mark.parametrize(
    ("level", "margin"), [(0, -100), (1, -90), (9, -10), (10, 0), (11, 0), (13, 1), (20, 5), (29, 900), (30, 1_000)]
)
def test_margin(level: int, margin: int) -> None:
    assert margin_at(LADDER, level) == margin


def test_floor_of_negative_margins() -> None:
    assert margin_at(((0, -10), (3, -9)), 1) == -10
    assert margin_at(((0, -10), (3, 0)), 1) == -7


@pytest.mark.parametrize("level", [-1, 31])
def test_nothing_is_extrapolated(level: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        margin_at(LADDER, level)


@pytest.mark.parametrize(
    ("ladder", "fault"),
    [
        (LADDER, None),
        (((0, 1), (30, 2)), None),
        (((1, 0), (30, 2)), "covers"),
        (((0, 0), (29, 2)), "covers"),
        (((0, 0), (15, 0), (30, 2)), "strictly"),
        (((0, 0), (15, 3), (30, 2)), "strictly"),
        (((0, 0), (15, 1), (15, 2), (30, 3)), "strictly"),
        (((0, 0),), "two points"),
        ((), "two points"),
    ],
)
def test_validity(ladder: tuple[Point, ...], fault: str | None) -> None:
    found = fault_of(ladder, 0, 30)
    assert (found is None) == (fault is None)
    assert fault is None or (found is not None and fault in found)


@given(st.integers(0, 29))
def test_never_falls(level: int) -> None:
    assert margin_at(LADDER, level) <= margin_at(LADDER, level + 1)
