"""work(level) = floor(2^(level / 65536)), exactly, by integers alone.

2^(f / 65536) for a 16-bit f is the product of those of 2^(1/2), 2^(1/4), ..., 2^(1/65536) whose bit is set in f. Each
factor is kept as an interval of two fixed-point numbers; if both ends of the product floor to the same integer, that
is the answer, else the precision is doubled. For f != 0 the number is irrational, so this ends.

>>> work(10 << 16), work((10 << 16) + 32768)
(1024, 1448)
"""

from __future__ import annotations

from functools import lru_cache
from math import isqrt

from quip._native import seal

FRACTION_BITS = 16
_GUARD_BITS = 64


@lru_cache(maxsize=4_096)
def work(level: int) -> int:
    """Work in units of 1,000 spin updates at a level >= 0 (log2 in 16.16 fixed point)."""
    native = seal.work(level)
    return exact_work(level) if native is None else native


def exact_work(level: int) -> int:
    """`work`, clearly: what native code says is the same, or nothing."""
    whole, fraction = level >> FRACTION_BITS, level & ((1 << FRACTION_BITS) - 1)
    if fraction == 0:
        return 1 << whole
    precision = whole + _GUARD_BITS
    while True:
        low, high = _power_of_two(fraction, precision)
        shift = precision - whole
        if low >> shift == high >> shift:
            return low >> shift
        precision *= 2


def _power_of_two(fraction: int, precision: int) -> tuple[int, int]:
    """An interval around 2^(fraction / 65536) in units of 2^-precision."""
    low = high = 1 << precision
    for index, (root_low, root_high) in enumerate(_roots(precision)):
        if fraction >> (FRACTION_BITS - 1 - index) & 1:
            low = low * root_low >> precision
            high = -(-high * root_high >> precision)
    return low, high


@lru_cache(maxsize=512)
def _roots(precision: int) -> tuple[tuple[int, int], ...]:
    """Intervals around 2^(1/2), 2^(1/4), ..., 2^(1/65536) in units of 2^-precision."""
    low = high = 2 << precision
    roots: list[tuple[int, int]] = []
    for _ in range(FRACTION_BITS):
        low = isqrt(low << precision)
        high = isqrt(high << precision) + 1
        roots.append((low, high))
    return tuple(roots)
