"""What a block pays its beneficiary (beside priority fees; the base fee is burned)."""

from __future__ import annotations

from quip.consensus.spec.chain_spec import RewardSpec
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.work.units import work


def multiplier(rules: RewardSpec, streak: int) -> int:
    """Percent for a block that is the `streak`-th in a row of its miner (>= 1)."""
    return rules.streak_multiplier[min(streak, len(rules.streak_multiplier)) - 1]


def block_reward(rules: RewardSpec, streak: int, difficulty: int, controller: int) -> int:
    """Wei: floor(base_reward * percent * difficulty / (100 * work(c(n)))).

    The work factor takes the profit out of waiting for an eased block.
    """
    return rules.base_reward * multiplier(rules, streak) * difficulty // (100 * work(controller))


def reward_of(rules: RewardSpec, header: Header, context: BlockContext) -> int:
    """Wei that a block with this context pays; genesis pays nothing."""
    if header.number == 0:
        return 0
    return block_reward(rules, context.streak, header.difficulty, context.controller)
