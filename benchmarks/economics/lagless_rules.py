"""The tables of `withholding` for our rules as first built: levels follow the parent's stamp and streak at once.

Private blocks are stamped one second after their parents, which is the heaviest they can be. Honest miners are many and
small; offsets and drift are the law's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.economics.policy_solver import Floats, Indices
from benchmarks.economics.reward_rules import OCTAVE
from benchmarks.economics.withholding import Tables
from quip.consensus.proof_of_work import difficulty
from quip.consensus.spec.chain_spec import ChainSpec, DifficultySpec


class _Base(NamedTuple):
    """The last block of both branches."""

    own: bool
    """It is the miner's block."""
    streak: int
    """Its raw streak; 1 of a public block."""
    ended: int
    """The streak that ended before that began, where it still tells."""
    counted: int = 0


def flat_pay(streak: int) -> float:
    """The same for every block."""
    del streak
    return 1.0


def five_steps(streak: int) -> float:
    """One more reward for every block of a streak, up to five."""
    return min(streak, 5)


def drift(rules: DifficultySpec, seconds: float) -> float:
    """How many octaves the controller moves on one block that took `seconds`."""
    moved = difficulty.next_controller(rules, rules.start, rules.lag + 2, round(seconds)) - rules.start
    return moved / OCTAVE


@dataclass(frozen=True, slots=True)
class _Path:
    """Blocks of the miner's behind a base, none of them contested."""

    offsets: list[float]
    """Octaves, of the first, second, ..."""
    after: list[_Base]
    """Each of them as a base; the base itself before them."""

    def reward(self, pay: Callable[[_Base], float]) -> Floats:
        """[m]: of the first m."""
        each = [pay(base) * 2**offset for base, offset in zip(self.after[1:], self.offsets, strict=True)]
        return np.concatenate([[0.0], np.cumsum(each)])


def _path(rules: DifficultySpec, base: _Base, blocks: int, grow: Callable[[_Base], _Base]) -> _Path:
    offsets: list[float] = []
    after = [base]
    for _ in range(blocks):
        offsets.append(_offset(rules, after[-1]))
        after.append(grow(after[-1]))
    return _Path(offsets, after)


def _offset(rules: DifficultySpec, parent: _Base) -> float:
    return difficulty.streak_offset(rules, parent.streak, parent.ended) / OCTAVE


def _public_after(base: _Base) -> _Base:
    """A public block on it, as a base."""
    return _Base(False, 1, base.streak)


def without_lag(limit: int, rules: DifficultySpec, pay: Callable[[int], float]) -> Tables:
    """No ommers. `pay`: of the miner's n-th block in a row, times its work. The miner has one identity."""
    most = rules.streak_limit + 1
    streaks = range(1, most + 1)
    bases = [_Base(False, 1, streak) for streak in streaks] + [_Base(True, streak, 1) for streak in streaks]

    def grow(base: _Base) -> _Base:
        return _Base(True, min(base.streak + 1, most), 1) if base.own else _Base(True, 1, 1)

    reward = np.zeros((len(bases), limit + 1, limit + 1))
    context = np.zeros(reward.shape, np.int32)
    for index, base in enumerate(bases):
        path = _path(rules, base, limit, grow)
        reward[index] = path.reward(lambda after: pay(after.streak))[:, None]
        context[index] = np.array([bases.index(after) for after in path.after])[:, None]
    own, _ = np.indices((limit + 1, limit + 1))
    time = np.broadcast_to(own.astype(float), reward.shape).copy()
    return _tables(rules, bases, grow, _Chain(reward, time, context), 0.0)


def counted_without_lag(limit: int, spec: ChainSpec) -> Tables:
    """Ommers and counted streaks; every orphan is shown.

    The miner takes a fresh identity for what is contested and whenever its counted streak begins anew, as it would with
    lag. What a contested block weighs is that of the streak it would have been part of.
    """
    rules, percent = spec.difficulty, spec.rewards.streak_multiplier
    cycle, held_back = len(percent), 1 / spec.ommers.holdback
    bases = [_Base(False, 1, ended) for ended in range(1, cycle + 1)]
    bases += [_Base(True, 1, 1, 0), _Base(True, 1, 1, 1), _Base(True, 1, cycle, 1)]
    bases += [_Base(True, counted, 1, counted) for counted in range(2, cycle + 1)]

    def grow(base: _Base) -> _Base:
        if 0 < base.counted < cycle:
            return _Base(True, base.streak + 1, 1, base.counted + 1)
        return _Base(True, 1, base.streak if base.own else 1, 1)

    contested = _Base(True, 1, 1, 0)
    shape = (len(bases), limit + 1, limit + 1)
    own, public = np.indices(shape[1:])
    reward, context = np.zeros(shape), np.zeros(shape, np.int32)
    time = np.broadcast_to((own + public).astype(float), shape).copy()
    for index, base in enumerate(bases):
        offsets = _path(rules, base, limit, grow).offsets
        for orphans in range(limit + 1):
            after, earned = base, 0.0
            context[index, 0, orphans] = index
            for block in range(1, limit + 1):
                after = contested if block <= orphans else grow(after)
                part = 1 - held_back if block <= orphans else percent[after.counted - 1] / 100
                earned += part * 2 ** offsets[block - 1]
                reward[index, block, orphans] = earned
                context[index, block, orphans] = bases.index(after)
    return _tables(rules, bases, grow, _Chain(reward, time, context), held_back)


@dataclass(frozen=True, slots=True)
class _Chain:
    """What the miner's blocks come to: [C, m, j] as in `Tables`."""

    reward: Floats
    time: Floats
    context: Indices


def _tables(
    rules: DifficultySpec, bases: list[_Base], grow: Callable[[_Base], _Base], chain: _Chain, held_back: float
) -> Tables:
    """`held_back`: what an orphan gets that is shown; 0: none is."""
    limit = chain.reward.shape[1] - 1
    own_weight, public_weight = np.ones((len(bases), limit + 2)), np.ones((len(bases), limit + 2))
    adopted = np.zeros((len(bases), limit + 1), np.int32)
    private_drift = drift(rules, 1) * np.arange(limit + 1)
    for index, base in enumerate(bases):
        own_weight[index, 1:] = 2 ** (np.array(_path(rules, base, limit + 1, grow).offsets) + private_drift)
        public = _path(rules, base, limit + 1, _public_after)
        public_weight[index, 1:] = 2 ** np.array(public.offsets)
        adopted[index] = [index] + [bases.index(after) for after in public.after[1 : limit + 1]]
    return Tables(
        own_weight=own_weight,
        public_weight=public_weight,
        reward=chain.reward,
        time=chain.time,
        context=chain.context,
        adopted=adopted,
        adopted_time=np.broadcast_to(np.arange(limit + 1.0), adopted.shape).copy(),
        shown_reward=held_back,
        shown_time=1.0 if held_back else 0.0,
    )
