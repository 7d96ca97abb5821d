"""The tables of `withholding` for our rules as first built: levels follow the parent's stamp and streak at once.

Private blocks are stamped one second after their parents, which is the heaviest they can be. The miner has one
identity, the honest ones are many and small; offsets and drift are the law's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.economics.reward_rules import OCTAVE
from benchmarks.economics.withholding import Tables
from quip.consensus.proof_of_work import difficulty
from quip.consensus.spec.chain_spec import ChainSpec, DifficultySpec


@dataclass(frozen=True, slots=True)
class Pay:
    """What a block of the miner's pays."""

    amount: Callable[[int, int, bool], float]
    """(its place in the streak, its counted streak, contested) -> times its work."""
    steps: int = 0
    """Counted streaks begin anew after so many; 0: nothing is counted."""
    shown: bool = False
    """Every public orphan is shown, and contests its height."""

    def counted(self, before: int, contested: bool) -> int:
        """The counted streak of the miner's block behind one of its own, or (0) a public one."""
        if contested or not self.steps:
            return 0
        return before + 1 if before < self.steps else 1


@dataclass(frozen=True, slots=True)
class _Base:
    """The base of a fork."""

    own: bool
    """It is the miner's block."""
    streak: int
    """The miner's streak up to it, or the one it ended; at most one more than counts."""
    counted: int = 0


def five_steps() -> Pay:
    """One more reward for every block of a streak, up to five."""
    return Pay(lambda streak, counted, contested: min(streak, 5))


def flat_pay() -> Pay:
    """The same for every block."""
    return Pay(lambda streak, counted, contested: 1.0)


def counted_pay(spec: ChainSpec) -> Pay:
    """Counted streaks, where every orphan is shown."""
    percent, held_back = spec.rewards.streak_multiplier, 1 / spec.ommers.holdback

    def amount(streak: int, counted: int, contested: bool) -> float:
        del streak
        return 1 - held_back if contested else percent[counted - 1] / 100

    return Pay(amount, len(percent), shown=True)


def drift(rules: DifficultySpec, seconds: float) -> float:
    """How many octaves the controller moves on one block that took `seconds`."""
    moved = difficulty.next_controller(rules, rules.start, rules.lag + 2, round(seconds)) - rules.start
    return moved / OCTAVE


def without_lag(limit: int, rules: DifficultySpec, pay: Pay) -> Tables:
    """For branches up to so many blocks."""
    most = rules.streak_limit + 1
    streaks = range(1, most + 1)
    bases = [_Base(False, streak) for streak in streaks]
    bases += [_Base(True, streak, counted) for streak in streaks for counted in range(pay.steps + 1)]
    number = {base: index for index, base in enumerate(bases)}
    weights, shape = (len(bases), limit + 2), (len(bases), limit + 1, limit + 1)
    own_weight, public_weight = np.ones(weights), np.ones(weights)
    reward, time, context = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int32)
    adopted = np.zeros((len(bases), limit + 1), np.int32)
    private_drift = drift(rules, 1)
    for index, base in enumerate(bases):
        offsets = [0.0] + [_offset(rules, *_before_own(base, block)) for block in range(1, limit + 2)]
        own_weight[index, 1:] = [2 ** (offsets[block] + private_drift * (block - 1)) for block in range(1, limit + 2)]
        public_weight[index, 1:] = [2 ** _offset(rules, *_before_public(base, block)) for block in range(1, limit + 2)]
        adopted[index] = [index] + [number[_Base(False, _ended(base, block))] for block in range(1, limit + 1)]
        for public in range(limit + 1):
            counted, context[index, 0, public] = base.counted, index
            time[index, 0, public] = public if pay.shown else 0
            for block in range(1, limit + 1):
                contested = pay.shown and block <= public
                counted = pay.counted(counted, contested)
                streak = base.streak + block if base.own else block
                earned = pay.amount(streak, counted, contested) * 2 ** offsets[block]
                reward[index, block, public] = reward[index, block - 1, public] + earned
                time[index, block, public] = time[index, block - 1, public] + 1
                context[index, block, public] = number[_Base(True, min(streak, most), counted)]
    return Tables(
        own_weight=own_weight,
        public_weight=public_weight,
        reward=reward,
        time=time,
        context=context,
        adopted=adopted,
        adopted_time=np.broadcast_to(np.arange(limit + 1.0), adopted.shape).copy(),
        shown_reward=1 - pay.amount(1, 0, True) if pay.shown else 0.0,
        shown_time=1.0 if pay.shown else 0.0,
    )


def _offset(rules: DifficultySpec, streak: int, ended: int) -> float:
    return difficulty.streak_offset(rules, streak, ended) / OCTAVE


def _ended(base: _Base, block: int) -> int:
    """The streak that the public's block-th ended."""
    return base.streak if base.own and block == 1 else 1


def _before_own(base: _Base, block: int) -> tuple[int, int]:
    """(streak, ended streak) of the parent of the miner's block-th from the base."""
    if block == 1:
        return (base.streak, 1) if base.own else (1, base.streak)
    return (base.streak + block - 1, 1) if base.own else (block - 1, 1)


def _before_public(base: _Base, block: int) -> tuple[int, int]:
    """(streak, ended streak) of the parent of the public's block-th from the base."""
    if block == 1:
        return _before_own(base, 1)
    return 1, _ended(base, block - 1)
