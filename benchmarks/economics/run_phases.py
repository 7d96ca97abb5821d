"""Rules that change while a miner keeps the chain for itself: tables with a phase beside the context.

A *run* begins at the last public block that is canonical. Two things change with its length:

* **Old tips.** The miner stamps its blocks as early as it may, so the tip's stamp falls behind the clock. The first
  public block on such a tip is overdue and therefore light. Is it lighter than the ommer rules admit, neither it nor
  what is built on it can be shown.
* **The window.** Public orphans are shown by public blocks. Are all blocks of a window the miner's, the oldest orphans
  can't be shown any more.

Both tables favour the miner where they simplify; each function says where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.economics.policy_solver import Floats, Indices
from benchmarks.economics.withholding import Tables


@dataclass(frozen=True, slots=True)
class Phases:
    """A run's phases 0 .. last."""

    last: int
    tables: Callable[[int], Tables]
    """Of a phase. All have the same contexts."""
    following: Callable[[int, Indices, Indices], Indices]
    """(phase, m, j) -> phase once m own blocks have replaced j public ones."""
    public_weight: Callable[[int], float]
    """Of the first public block on a base in this phase."""


def phased(phases: Phases) -> Tables:
    """Contexts are context * (last + 1) + phase. Adopting a public block leads back to phase 0."""
    first = phases.tables(0)
    size, count = first.limit + 1, phases.last + 1
    contexts = first.contexts * count
    reward, time = np.zeros((contexts, size, size)), np.zeros((contexts, size, size))
    context = np.zeros((contexts, size, size), np.int32)
    adopted_time = np.zeros((contexts, size))
    public_weight = np.ones((contexts, size + 1))
    own, public = np.indices((size, size)).astype(np.int32)
    for phase in range(count):
        tables = phases.tables(phase)
        here = slice(phase, contexts, count)
        reward[here], time[here], adopted_time[here] = tables.reward, tables.time, tables.adopted_time
        following = np.where(own == 0, phase, phases.following(phase, own, public))
        context[here] = tables.context * count + following
        public_weight[here, 1] = phases.public_weight(phase)
    return Tables(
        own_weight=np.ones((contexts, size + 1)),
        public_weight=public_weight,
        reward=reward,
        time=time,
        context=context,
        adopted=np.zeros((contexts, size), np.int32),
        adopted_time=adopted_time,
        shown_reward=first.shown_reward,
        shown_time=first.shown_time,
    )


@dataclass(frozen=True, slots=True)
class Easing:
    """What an old tip does."""

    after: int
    """T behind the clock from which a block on it is lighter."""
    octaves_per_t: float
    most_octaves: float
    lawful_octaves: float
    """Lighter than this, an orphan can't be shown."""

    def octaves(self, lag: float) -> float:
        """How much lighter a block is whose parent's stamp is `lag` T old."""
        return min(self.most_octaves, max(0.0, (lag - self.after) * self.octaves_per_t))


def with_old_tips(shown: Tables, unshown: Tables, easing: Easing, oldest: int) -> Tables:
    """The phase is the age of the base's stamp in T, at most `oldest`; every block found takes one T.

    Left out, in the miner's favour: that the controller counts a late block for at most `outage_cap` T, so that levels
    stay too high after a run; that private blocks under one identity ease each other. Blocks that are found while some
    of the branch stays private age the tip when they are shown.
    """

    def tables(phase: int) -> Tables:
        return shown if easing.octaves(phase + 1) <= easing.lawful_octaves else unshown

    def following(phase: int, own: Indices, public: Indices) -> Indices:
        return np.asarray(np.minimum(phase + own + public, oldest), np.int32)

    return phased(Phases(oldest, tables, following, lambda phase: float(2 ** -easing.octaves(phase + 1))))


def with_window(shown: Tables, unshown: Tables, window: int, refund: Floats) -> Tables:
    """The phase is the number of the run's canonical blocks; beyond `window`, nothing of the run can be shown.

    `refund` [2]: reward and time that the miner gets back when the run outgrows the window, for all that was counted
    against it before. In its favour: really, a public block after the run still shows the youngest `window` heights.
    """
    crossing = np.arange(window + 1)

    def tables(phase: int) -> Tables:
        return shown if phase <= window else unshown

    def following(phase: int, own: Indices, public: Indices) -> Indices:
        del public
        return np.asarray(np.minimum(phase + own, window + 1), np.int32)

    result = phased(Phases(window + 1, tables, following, lambda phase: 1.0))
    own = np.arange(result.limit + 1)
    for phase in crossing:
        crosses = phase + own > window
        here = slice(int(phase), result.contexts, window + 2)
        result.reward[here] += np.where(crosses, refund[0], 0.0)[None, :, None]
        result.time[here] -= np.where(crosses, refund[1], 0.0)[None, :, None]
    return result
