"""Annealing schedules: floats here, integer cutoffs for the kernel.

cutoff[k] = round(65536 exp(-2 beta k)) admits an uphill move of 2k with the Metropolis probability; beta rises
geometrically from the first to the last sweep. A greedy finish is a few sweeps at zero temperature behind it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from quip._native import ising

ONE = 65536
MAX_K = 25
"""Degree 24 and a field."""


@dataclass(frozen=True, slots=True)
class Betas:
    """A geometric ramp of inverse temperatures (in units of 1/|J|)."""

    first: float = 0.1
    last: float = 3.0


def cutoff_rows(sweeps: int, max_k: int = MAX_K, betas: Betas = Betas(), greedy: int = 0) -> list[list[int]]:
    """rows[sweep][k] for k = 0..max_k, then `greedy` rows that admit no uphill move. Raises ValueError on no sweep."""
    if sweeps < 1 or greedy < 0:
        raise ValueError(f"an anneal has at least one sweep, not {sweeps} (and {greedy} greedy ones)")
    ramp = betas.first * (betas.last / betas.first) ** (np.arange(sweeps) / max(sweeps - 1, 1))
    cutoffs = np.rint(ONE * np.exp(-2 * np.outer(ramp, np.arange(max_k + 1)))).astype(np.int64)
    rows: list[list[int]] = cutoffs.tolist()
    return rows + [[ONE]] * greedy


MINING = Betas(0.2, 2.0)
"""The miner's ramp, with one greedy sweep behind it: lower energies than 0.1 to 3.0 at equal sweeps
(`benchmarks/benchmark_kernel.py`). The baseline's ramp is the spec's business."""
MINING_GREEDY = 1


@lru_cache(maxsize=32)
def native_schedule(sweeps: int, betas: Betas = Betas(), greedy: int = 0) -> ising.Schedule:
    """The kernel's form of `cutoff_rows`, kept: making 4,096 rows takes longer than a short anneal."""
    return ising.Schedule(cutoff_rows(sweeps, betas=betas, greedy=greedy))
