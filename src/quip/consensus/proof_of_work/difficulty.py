"""The level of a block: controller, streak rule, overdue rule.

    level(n) = clamp(c(n) + offset - overdue, lo, hi)

Only c is carried from block to block. Controller and streak rule look `lag` blocks back: of the block's own branch they
read nothing above block n - 1 - lag, so that two short branches from one parent weigh equal. Levels are log2(work) in
16.16 fixed point, times in seconds; all divisions floor toward minus infinity (as Python's do).
"""

from __future__ import annotations

from dataclasses import dataclass

from quip.consensus.spec.chain_spec import ChainSpec, DifficultySpec
from quip.consensus.types.block_context import BlockContext, RecentBlock
from quip.consensus.types.header import Header
from quip.consensus.work.ladder import margin_at
from quip.consensus.work.units import FRACTION_BITS, work


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a child of some block has to prove."""

    number: int
    level: int
    """log2 of the work in force, 16.16."""
    work: int
    """work(level): the child's difficulty."""
    margin: int
    """How far below the baseline every solution must be, in 1/512 energy."""
    controller: int
    """c(number)."""
    offset: int
    """Of the streak rule, 16.16."""
    overdue: int
    """Of the overdue rule, 16.16."""


def requirements(spec: ChainSpec, parent: Header, context: BlockContext, timestamp: int) -> Requirements:
    """What a child of `parent` (whose context is `context`) with that timestamp has to prove."""
    rules = spec.difficulty
    number = parent.number + 1
    oldest = context.recent[0]  # block number - 1 - lag, once there are so many
    settled = number >= rules.lag + 2
    offset = streak_offset(rules, oldest.streak, oldest.ended_streak) if settled else 0
    overdue = overdue_level(rules, number, timestamp - parent.timestamp)
    level = clamp(rules, context.next_controller + offset - overdue)
    return Requirements(
        number=number,
        level=level,
        work=work(level),
        margin=margin_at(spec.puzzle.ladder, level),
        controller=context.next_controller,
        offset=offset,
        overdue=overdue,
    )


def clamp(rules: DifficultySpec, level: int) -> int:
    """The level, moved into lo..hi."""
    return max(rules.lo, min(rules.hi, level))


def next_controller(rules: DifficultySpec, controller: int, number: int, block_time_s: int, ommers: int = 0) -> int:
    """c(number + 1) from c(number), and from block time and number of ommers of the block `lag` below `number`.

    Every ommer was a block too, so it allows that block another T. Block times count from block 2 on.
    """
    if number < rules.lag + 2:
        return rules.start
    target = rules.target_block_time
    error = (target * (1 + ommers) - min(block_time_s, rules.outage_cap * target)) << FRACTION_BITS
    return clamp(rules, controller + error // rules.half_life)


def overdue_level(rules: DifficultySpec, number: int, block_time_s: int) -> int:
    """How much easier a late block is. Block 1 is never overdue."""
    late = block_time_s - rules.overdue_after * rules.target_block_time
    if number < 2 or late <= 0:
        return 0
    return min(rules.overdue_limit, late * rules.overdue_rate // rules.target_block_time)


def streak_offset(rules: DifficultySpec, streak: int, ended_streak: int) -> int:
    """The offset for everybody's next block: easier while one miner repeats, harder once after its streak ended."""
    if streak >= 2:
        return -rules.streak_rate * min(streak - 1, rules.streak_limit)
    if streak == 1 and ended_streak >= 2:
        return rules.streak_rate * min(ended_streak - 1, rules.streak_limit)
    return 0


def genesis_context(spec: ChainSpec) -> BlockContext:
    """The context of block 0."""
    start = spec.difficulty.start
    return BlockContext(0, start, start, (RecentBlock(spec.genesis.timestamp, 0, 0, 0),))


def child_context(rules: DifficultySpec, parent: Header, context: BlockContext, header: Header) -> BlockContext:
    """The context of `header`, a lawful child of `parent`."""
    before = context.recent[-1]
    repeated = before.streak > 0 and header.miner_id == parent.miner_id
    own = RecentBlock(
        timestamp=header.timestamp,
        ommers=header.ommer_count,
        streak=before.streak + 1 if repeated else 1,
        ended_streak=before.ended_streak if repeated else before.streak,
    )
    recent = (*context.recent, own)
    older, lagged = recent[0], recent[1]  # blocks n - lag - 1 and n - lag, once there are so many
    block_time_s = lagged.timestamp - older.timestamp
    controller = context.next_controller
    return BlockContext(
        total_difficulty=context.total_difficulty + header.difficulty,
        controller=controller,
        next_controller=next_controller(rules, controller, header.number, block_time_s, lagged.ommers),
        recent=recent[-rules.lag - 1 :],
    )
