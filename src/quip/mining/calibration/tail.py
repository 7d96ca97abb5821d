"""The upper tail of what a sample of instances reached: the normal distribution whose quantiles meet it best."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

TAIL_COUNT = 5
"""The line is fitted up to the fifth highest value,"""
TAIL_SHARE, TAIL_LEAST = 0.03, 200
"""from this share of the sample on, but at least so many values (and at most half of them)."""


class TooFewMeasured(ValueError):
    """What was measured says nothing about the tail of the margins."""


def tail_size(count: int) -> int:
    """How many of `count` values the tail is fitted to."""
    return min(count // 2, max(TAIL_LEAST, round(TAIL_SHARE * count)))


def fitted_tail(ascending: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and sd of the normal distribution whose quantiles best meet the upper tail of a sample (least squares)."""
    return tail_line(ascending[len(ascending) - tail_size(len(ascending)) :], len(ascending))


def tail_line(highest: NDArray[np.float64], count: int) -> tuple[float, float]:
    """The same from a sample's highest values alone, ascending; `count`: of all. Raises TooFewMeasured."""
    normal = NormalDist()
    used = highest[: len(highest) - TAIL_COUNT]
    if len(used) < 2 or not np.isfinite(used).all():
        raise TooFewMeasured("too few instances, or too many runs found no diverse set")
    ranks = range(count - len(highest), count - TAIL_COUNT)
    scores = np.array([normal.inv_cdf((rank + 0.5) / count) for rank in ranks])
    slope, intercept = np.polyfit(scores, used, 1)
    return float(intercept), float(slope)
