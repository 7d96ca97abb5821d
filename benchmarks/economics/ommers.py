"""Ommers, contested heights and counted streaks, on played chains: as the law has them.

The headers here have no gates and seals, which the law's own functions would ask for. A test compares the payments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from quip.consensus.proof_of_work.difficulty import Requirements
from quip.consensus.spec.chain_spec import RewardSpec
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.work.units import work


@dataclass(slots=True)
class Played:
    """A block of a played chain."""

    number: int
    """Of all blocks made, in the order of making: its name."""
    header: Header
    context: BlockContext
    parent: Played | None
    required: Requirements | None
    ommers: tuple[Played, ...]


@dataclass(frozen=True, slots=True)
class OmmerRules:
    """The numbers of the ommer rules."""

    window: int = 256
    limit: int = 4
    holdback: int = 16
    fork_factor: int = 4
    """An ommer's difficulty times this is at least the work at the fork."""
    chain_factor: int = 16
    """... and times this at least the work at the including block."""
    steps: tuple[int, ...] = (100, 102, 105, 115, 150, 250, 500)


def block_reward(rewards: RewardSpec, streak: int, difficulty: int, controller: int) -> int:
    """Wei for a block that is paid at once, by its raw streak: the rule that the law had before ommers."""
    percent = rewards.streak_multiplier[min(streak, len(rewards.streak_multiplier)) - 1]
    return rewards.base_reward * percent * difficulty // (100 * work(controller))


def counting(context: BlockContext, count: int) -> BlockContext:
    """The context of a block that includes so many ommers."""
    return replace(context, recent=(*context.recent[:-1], context.recent[-1]._replace(ommers=count)))


def heavy_enough(rules: OmmerRules, orphan: Played, root: Played) -> bool:
    """An orphan of the fork at `root` is neither too late nor too easy."""
    return rules.fork_factor * orphan.header.difficulty >= work(root.context.next_controller)


def lawful(
    rules: OmmerRules, orphans: Sequence[Played], history: Sequence[Played], branch: Sequence[Played], stamp: int
) -> tuple[Played, ...]:
    """The ommers of an honest block behind `history` and `branch`: parents first, oldest first."""
    tip = branch[-1] if branch else history[-1]
    number = tip.header.number + 1
    spent = {o.number for block in branch for o in block.ommers}
    spent |= {o.number for block in history[-rules.window :] for o in block.ommers} if orphans else set()
    chosen: list[Played] = []
    fitting = work(tip.context.next_controller)
    for orphan in sorted(orphans, key=lambda o: (o.header.number, o.number)):
        if len(chosen) == rules.limit:
            break
        if orphan.number in spent or not number - rules.window <= orphan.header.number < number:
            continue
        if orphan.header.timestamp > stamp or rules.chain_factor * orphan.header.difficulty < fitting:
            continue
        parent = orphan.parent
        assert parent
        known = _canonical(parent, history, branch) or parent.number in spent
        if not known and parent.number not in {one.number for one in chosen}:
            continue
        root = parent
        while not _canonical(root, history, branch):
            assert root.parent
            root = root.parent
        if heavy_enough(rules, orphan, root):
            chosen.append(orphan)
    return tuple(chosen)


def _canonical(block: Played, history: Sequence[Played], branch: Sequence[Played]) -> bool:
    height = block.header.number
    if height < len(history):
        return history[height] is block
    place = height - len(history)
    return place < len(branch) and branch[place] is block


def incomes(rules: OmmerRules | None, rewards: RewardSpec, chain: Sequence[Played]) -> dict[bytes, float]:
    """What each miner id earned on a chain from genesis, in base rewards. Without rules: by raw streaks, as `rewards`
    say."""
    earned: dict[bytes, float] = {}

    def pay(miner: bytes, wei: int) -> None:
        earned[miner] = earned.get(miner, 0.0) + wei / rewards.base_reward

    if rules is None:
        for block in chain[1:]:
            wei = block_reward(rewards, block.context.streak, block.header.difficulty, block.context.controller)
            pay(block.header.miner_id, wei)
        return earned
    flat = replace(rewards, streak_multiplier=(100,))
    first: dict[int, Played] = {}
    for block in chain:
        for ommer in block.ommers:
            first.setdefault(ommer.header.number, ommer)
    counted = 0
    for block, before in zip(chain[1:], chain, strict=False):
        height = block.header.number
        price = work(block.context.controller)
        reward = block_reward(flat, 1, block.header.difficulty, block.context.controller)
        held = reward // rules.holdback
        pay(block.header.miner_id, reward - held)
        if height in first:
            ommer = first[height]
            pay(
                ommer.header.miner_id,
                min(held, rewards.base_reward * ommer.header.difficulty // (rules.holdback * price)),
            )
            counted = 0
            continue
        repeated = height >= 2 and block.header.miner_id == before.header.miner_id and counted < len(rules.steps)
        counted = counted + 1 if repeated else 1
        bonus = rewards.base_reward * (rules.steps[counted - 1] - 100) * block.header.difficulty // (100 * price)
        pay(block.header.miner_id, held + bonus)
    return earned
