"""What a staged plan costs, from trajectories: dynamic programming over its stages.

An instance's trajectory is one number a stage: before there are elites the prediction of what they will reach, then the
margin that they do reach. The survey's regressions make of it a Markov chain with normal steps,

    next = slope * last + constant + sd * N(0, 1),

and of a stage a price in spin updates. A proof is worth lambda updates; after every stage an instance goes on iff that
pays. The lambda at which drawing a fresh instance pays nothing is what a proof costs, and the values at which going on
pays nothing are the plan's cuts (renewal theory: the ratio of expected cost to expected proofs, minimised).

Beyond what a survey's instances reach this is the tail of normal distributions: docs/mining.md says how far it was
checked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

CELLS = 401
"""Cells of a stage's values; inside one everything is taken to be worth the same."""
SPAN_SD = 9.0
"""The cells end so many standard deviations from the mean of what is reached by instances that all go on."""
BISECTIONS = 200
PRECISION = 1e-9
HOPELESS = 1e60
"""Spin updates that no proof costs."""
Moves: TypeAlias = "list[tuple[NDArray[np.float64], NDArray[np.float64]]]"


@dataclass(frozen=True, slots=True)
class Step:
    """One stage as the survey saw it."""

    updates: float
    """Spin updates of playing it, crossing included (as many updates as the kernel does in its time)."""
    slope: float
    constant: float
    sd: float
    proves: bool
    """True where the value reached is a set's margin: it is a proof if it is high enough. False: only a prediction."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A plan's stages; the first value is drawn from a normal distribution, and the steps follow."""

    entry_updates: float
    """Per instance drawn: its gate and its baseline."""
    mean: float
    """Of the value before the first step."""
    sd: float
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class StagedPrice:
    """What a proof at one margin costs under the best cuts."""

    updates: float
    """Expected spin updates a proof."""
    proof_share: float
    """Proofs per instance drawn."""
    cuts: tuple[float, ...]
    """Before each step the least value with which it is played; inf: it never pays."""


@dataclass(frozen=True, slots=True)
class StagedCost:
    """What playing a chain under given cuts comes to, per instance drawn."""

    updates: float
    """Expected spin updates."""
    plays: tuple[float, ...]
    """Of each step."""
    proofs: tuple[float, ...]
    """After each step."""


class StagePrices:
    """Prices of one chain at any margin."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._cells = _all_cells(chain)
        self._below = [
            _normal((edges - (step.slope * _middles(before) + step.constant)[:, None]) / step.sd)
            for step, before, edges in zip(chain.steps, self._cells, self._cells[1:], strict=False)
        ]
        """Per step P[the value after it lies below an edge], for every cell before it and every edge after it."""
        self._start = np.diff(_normal((self._cells[0] - chain.mean) / chain.sd))

    def at(self, margin: float) -> StagedPrice:
        """The best cuts at a margin. Raises ValueError where no instance ever reaches it."""
        moves = [self._move(index, margin) for index in range(len(self._chain.steps))]
        low = high = self._chain.entry_updates
        while self._play(moves, high)[0] <= 0:
            high *= 16
            if high > HOPELESS:
                raise ValueError(f"no instance ever reaches a margin of {margin:.0f}")
        for _ in range(BISECTIONS):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if self._play(moves, middle)[0] > 0 else (middle, high)
            if high < low * (1 + PRECISION):
                break
        _, played = self._play(moves, high)
        cuts = tuple(
            float(_middles(cells)[int(row.argmax())]) if row.any() else math.inf
            for cells, row in zip(self._cells, played, strict=False)
        )
        return StagedPrice(high, sum(self._under(moves, cuts).proofs), cuts)

    def under(self, margin: float, cuts: Sequence[float]) -> StagedCost:
        """The cost of other cuts at a margin: one a step, -inf where every instance goes on."""
        return self._under([self._move(index, margin) for index in range(len(self._chain.steps))], cuts)

    def _move(self, index: int, margin: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of a step: P[a proof] for every cell before it, and P[no proof, but this cell] for every cell after it."""
        step, below = self._chain.steps[index], self._below[index]
        if not step.proves:
            return np.zeros(CELLS), np.diff(below)
        mean = step.slope * _middles(self._cells[index]) + step.constant
        short = _normal((margin - mean) / step.sd)
        return 1.0 - short, np.diff(np.minimum(below, short[:, None]))

    def _play(self, moves: Moves, worth: float) -> tuple[float, list[NDArray[np.bool_]]]:
        """What drawing an instance gains if a proof is worth `worth` updates, and where each step is played."""
        values = np.zeros(CELLS)
        played: list[NDArray[np.bool_]] = []
        for step, (proved, reached) in zip(self._chain.steps[::-1], moves[::-1], strict=True):
            ahead = worth * proved + reached @ values - step.updates
            played.append(ahead > 0)
            values = np.maximum(ahead, 0.0)
        return float(self._start @ values) - self._chain.entry_updates, played[::-1]

    def _under(self, moves: Moves, cuts: Sequence[float]) -> StagedCost:
        updates, chance = self._chain.entry_updates, self._start
        plays: list[float] = []
        proofs: list[float] = []
        for step, (proved, reached), cells, cut in zip(self._chain.steps, moves, self._cells, cuts, strict=False):
            chance = np.where(_middles(cells) >= cut, chance, 0.0)
            plays.append(float(chance.sum()))
            proofs.append(float(chance @ proved))
            updates += plays[-1] * step.updates
            chance = chance @ reached
        return StagedCost(updates, tuple(plays), tuple(proofs))


def _all_cells(chain: Chain) -> list[NDArray[np.float64]]:
    """Per stage the edges of its cells."""
    mean, variance = chain.mean, chain.sd**2
    edges = [_edges(mean, variance)]
    for step in chain.steps:
        mean = step.slope * mean + step.constant
        variance = step.slope**2 * variance + step.sd**2
        edges.append(_edges(mean, variance))
    return edges


def _edges(mean: float, variance: float) -> NDArray[np.float64]:
    half = SPAN_SD * math.sqrt(variance)
    return np.linspace(mean - half, mean + half, CELLS + 1)


def _middles(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    middles: NDArray[np.float64] = (edges[1:] + edges[:-1]) / 2
    return middles


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _normal(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """P[N(0, 1) < score]."""
    below: NDArray[np.float64] = 0.5 * _erfc(-scores / math.sqrt(2))
    return below
