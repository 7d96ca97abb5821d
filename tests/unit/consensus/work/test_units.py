"""work(level) is exactly floor(2^(level / 65536)), for every level that any shipped spec can reach."""

from collections.abc import Callable
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.work.units import exact_work, work
from quip.networks.shipped import NETWORKS, load_spec
from reference import law

LEVEL = 65_536
BITS = 256


def first_steps() -> tuple[int, int]:
    """2^(1/65536) in units of 2^-256, from below and from above, by sixteen square roots."""
    low = high = 2 << BITS
    for _ in range(16):
        low, high = isqrt(low << BITS), isqrt(high << BITS) + 1
    return low, high


@pytest.mark.parametrize("uncached", [work.__wrapped__, exact_work], ids=["native", "clear"])
def test_every_level_of_every_spec(uncached: Callable[[int], int]) -> None:
    """A walk: 2^((l + 1) / 65536) = 2^(l / 65536) * 2^(1 / 65536), kept as an interval, against the algorithm.

    The walk covers one octave; every other octave has the same significand, shifted.
    """
    step_low, step_high = first_steps()
    specs = [load_spec(name).difficulty for name in NETWORKS]
    octaves = range(min(spec.lo for spec in specs) // LEVEL, max(spec.hi for spec in specs) // LEVEL + 1)
    low = high = 1 << BITS
    for fraction in range(LEVEL):
        for whole in octaves:
            expected = low >> (BITS - whole)
            assert expected == high >> (BITS - whole)
            assert uncached((whole << 16) + fraction) == expected
        low = low * step_low >> BITS
        high = (high * step_high >> BITS) + 1
    assert low < 2 << BITS < high


@given(st.integers(0, 255 << 16))
def test_against_many_digits(level: int) -> None:
    assert work(level) == law.work(level)


@pytest.mark.parametrize("level", [0, 1, 2, 32_767, 32_768, 65_535, 65_537, 200_000, 524_365])
def test_against_integer_roots(level: int) -> None:
    assert work(level) == law.work_by_roots(level)


@given(st.integers(0, 254 << 16))
def test_defining_inequality_by_squaring(level: int) -> None:
    """work(2 l) lies between work(l)^2 and (work(l) + 1)^2."""
    if 2 * level <= 255 << 16:
        assert work(level) ** 2 <= work(2 * level) < (work(level) + 1) ** 2


@given(st.integers(0, (254 << 16) - 1))
def test_never_falls(level: int) -> None:
    assert work(level) <= work(level + 1) <= 2 * work(level) + 1
