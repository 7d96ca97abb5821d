"""The tables of `withholding` with lag: Bitcoin's rules, ours, with and without ommers. (`lagless_rules`: without lag.)

Offsets are asked of the law, numbers of the spec. Honest miners are many and small: none of them finds two blocks in a
row. The miner has one identity unless a table says otherwise.
"""

from __future__ import annotations

import numpy as np

from benchmarks.economics.withholding import Tables
from quip.consensus.proof_of_work import difficulty
from quip.consensus.spec.chain_spec import ChainSpec, DifficultySpec

OCTAVE = 65_536
"""Of a level."""


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


def counted(limit: int, spec: ChainSpec, shown: int) -> Tables:
    """Ours with lag, ommers and counted streaks. Of the public orphans of one fork, the first `shown` come to be known
    by the chain.

    The context is the counted streak of the base, 0 if that is public or contested.

    Lag: both branches have equal levels, so weights are 1 (`limit` above 9 leaves out that stamps of a private branch
    begin to matter there). The offset that a block's streak sets falls on a later block, whoever finds that: what it
    pays more or less is written as less or more time of the block that sets it, which is right to first order. The
    miner takes a fresh identity whenever its counted streak begins anew, so that it eases no more than it earns.
    """
    rules, cycle = spec.difficulty, len(spec.rewards.streak_multiplier)
    bonus = np.array(spec.rewards.streak_multiplier) / 100 - 1
    held_back = 1 / spec.ommers.holdback
    shape = (cycle + 1, limit + 1, limit + 1)
    reward, time, context = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int32)
    for base in range(cycle + 1):
        for public in range(limit + 1):
            contested = min(public, shown)
            streak, earned, taken = base, 0.0, float(contested)
            context[base, 0, public] = base
            for own in range(1, limit + 1):
                anew = own <= contested or streak in (0, cycle)
                taken += 2 - (_work_factor(rules, 1, max(streak, 1)) if anew else _work_factor(rules, streak + 1, 1))
                streak = 1 if anew else streak + 1
                earned += 1 - held_back if own <= contested else 1 + bonus[streak - 1]
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
        shown_reward=held_back if shown else 0.0,
        shown_time=1.0 if shown else 0.0,
    )


def _work_factor(rules: DifficultySpec, streak: int, ended: int) -> float:
    """Work of the block whose offset these set, relative to the controller's."""
    return float(2 ** (difficulty.streak_offset(rules, streak, ended) / OCTAVE))
