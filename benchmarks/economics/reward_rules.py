"""The tables of `withholding` for several rules: Bitcoin's, ours without lag, ours with lag, with and without ommers.

What the law has functions for is asked of the law (offsets, controller, multipliers). Honest miners are many and small:
none of them finds two blocks in a row. The miner has one identity unless a table says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.economics.withholding import Tables
from quip.consensus.proof_of_work import difficulty
from quip.consensus.spec.chain_spec import DifficultySpec

OCTAVE = 65_536
STEPS = (100, 102, 105, 115, 150, 250, 500)
"""Percent for the n-th counted block in a row; after the last it starts anew."""
HOLDBACK = 16
"""1 / HOLDBACK of a reward is paid late, and to whoever contests the height."""


@dataclass(frozen=True, slots=True)
class Ommers:
    """Which orphans come to be known by the chain."""

    shown: int
    """Of the public orphans of one fork, the first so many; 0: there are no ommers."""
    held_back: float = 1 / HOLDBACK
    """Of a contested block's reward, what goes to the orphan that contests it."""


def flat(limit: int) -> Tables:
    """Every block weighs and pays the same: Bitcoin, and ours with lag and flat rewards."""
    own, _ = np.indices((limit + 1, limit + 1))
    return Tables(
        own_weight=np.ones((1, limit + 2)),
        public_weight=np.ones((1, limit + 2)),
        reward=own[None].astype(float),
        time=own[None].astype(float),
        context=np.zeros((1, limit + 1, limit + 1), np.int32),
        adopted=np.zeros((1, limit + 1), np.int32),
        adopted_time=np.arange(limit + 1.0)[None],
        shown_reward=0.0,
        shown_time=0.0,
    )


def counted(limit: int, rules: DifficultySpec, ommers: Ommers, steps: tuple[int, ...] = STEPS) -> Tables:
    """Ours with lag, ommers and counted streaks.

    The context is the counted streak of the base, 0 if that is public or contested.

    Lag: both branches have equal levels, so weights are 1 (`limit` above 9 leaves out that stamps of a private branch
    begin to matter there). The offset that a block's streak sets falls on a later block, whoever finds that: what it
    pays more or less is written as less or more time of the block that sets it, which is right to first order. The
    miner takes a fresh identity whenever its counted streak begins anew, so that it eases no more than it earns.
    """
    cycle = len(steps)
    bonus = np.array(steps) / 100 - 1
    shape = (cycle + 1, limit + 1, limit + 1)
    reward, time, context = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int32)
    for base in range(cycle + 1):
        for public in range(limit + 1):
            contested = min(public, ommers.shown)
            streak, earned, taken = base, 0.0, float(contested)
            context[base, 0, public] = base
            for own in range(1, limit + 1):
                anew = own <= contested or streak in (0, cycle)
                taken += 2 - (_work_factor(rules, 1, max(streak, 1)) if anew else _work_factor(rules, streak + 1, 1))
                streak = 1 if anew else streak + 1
                earned += 1 - ommers.held_back if own <= contested else 1 + bonus[streak - 1]
                streak = 0 if own <= contested else streak
                reward[base, own, public], time[base, own, public], context[base, own, public] = earned, taken, streak
    adopted_time = np.broadcast_to(np.arange(limit + 1.0), (cycle + 1, limit + 1)).copy()
    for base in range(2, cycle + 1):
        adopted_time[base, 1:] += 1 - _work_factor(rules, 1, base)
    return Tables(
        own_weight=np.ones((cycle + 1, limit + 2)),
        public_weight=np.ones((cycle + 1, limit + 2)),
        reward=reward,
        time=time,
        context=context,
        adopted=np.zeros((cycle + 1, limit + 1), np.int32),
        adopted_time=adopted_time,
        shown_reward=ommers.held_back if ommers.shown else 0.0,
        shown_time=1.0 if ommers.shown else 0.0,
    )


def _work_factor(rules: DifficultySpec, streak: int, ended: int) -> float:
    """Work of the block whose offset these set, relative to the controller's."""
    return float(2 ** (difficulty.streak_offset(rules, streak, ended) / OCTAVE))


def drift(rules: DifficultySpec, seconds: float) -> float:
    """How many octaves the controller moves on one block that took `seconds`."""
    moved = difficulty.next_controller(rules, rules.start, rules.lag + 2, round(seconds)) - rules.start
    return moved / OCTAVE


@dataclass(frozen=True, slots=True)
class StreakBase:
    """The base of a fork where levels follow streaks at once."""

    own: bool
    """It is the miner's block."""
    streak: int
    """The miner's streak up to it, or the one it ended; at most one more than counts."""


def without_lag(limit: int, rules: DifficultySpec, percent: Callable[[int], int], public_drift: float = 0.0) -> Tables:
    """Ours as first built: levels follow the parent's stamp and streak at once, no ommers.

    Private blocks are stamped one second after their parents, which is the heaviest they can be. `percent` is the
    reward of the miner's n-th block in a row.
    """
    most = rules.streak_limit + 1
    bases = [StreakBase(own, streak) for own in (False, True) for streak in range(1, most + 1)]
    number = {base: index for index, base in enumerate(bases)}
    private_drift = drift(rules, 1)
    sizes = (len(bases), limit + 2)
    own_weight, public_weight, pay = np.ones(sizes), np.ones(sizes), np.zeros(sizes)
    adopted = np.zeros((len(bases), limit + 1), np.int32)
    context = np.zeros((len(bases), limit + 1, limit + 1), np.int32)
    for index, base in enumerate(bases):
        adopted[index, 0] = index
        context[index, 0, :] = index
        for block in range(1, limit + 2):
            own_offset = difficulty.streak_offset(rules, *_before_own(base, block)) / OCTAVE
            own_weight[index, block] = 2 ** (own_offset + private_drift * (block - 1))
            public_offset = difficulty.streak_offset(rules, *_before_public(base, block)) / OCTAVE
            public_weight[index, block] = 2 ** (public_offset + public_drift * (block - 1))
            streak = base.streak + block if base.own else block
            pay[index, block] = percent(streak) / 100 * 2**own_offset
            if block <= limit:
                ended = base.streak if base.own and block == 1 else 1
                adopted[index, block] = number[StreakBase(False, ended)]
                context[index, block, :] = number[StreakBase(True, min(streak, most))]
    reward = np.cumsum(np.where(np.arange(limit + 2) > 0, pay, 0), axis=1)[:, : limit + 1]
    shape = (len(bases), limit + 1, limit + 1)
    return Tables(
        own_weight=own_weight,
        public_weight=public_weight,
        reward=np.broadcast_to(reward[:, :, None], shape).copy(),
        time=np.broadcast_to(np.arange(limit + 1.0)[None, :, None], shape).copy(),
        context=context,
        adopted=adopted,
        adopted_time=np.broadcast_to(np.arange(limit + 1.0), adopted.shape).copy(),
        shown_reward=0.0,
        shown_time=0.0,
    )


def _before_own(base: StreakBase, block: int) -> tuple[int, int]:
    """(streak, ended streak) of the parent of the miner's block-th from the base."""
    if block == 1:
        return (base.streak, 1) if base.own else (1, base.streak)
    return (base.streak + block - 1, 1) if base.own else (block - 1, 1)


def _before_public(base: StreakBase, block: int) -> tuple[int, int]:
    """(streak, ended streak) of the parent of the public's block-th from the base."""
    if block == 1:
        return _before_own(base, 1)
    if block == 2:
        return 1, base.streak if base.own else 1
    return 1, 1
