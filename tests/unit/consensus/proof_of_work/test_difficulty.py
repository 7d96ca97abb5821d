"""Properties of the controller, the overdue rule and the streak rule beyond the vectors."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.execution.genesis import genesis_header
from quip.consensus.proof_of_work.difficulty import (
    child_context,
    clamp,
    genesis_context,
    next_controller,
    overdue_level,
    requirements,
    streak_offset,
)
from quip.consensus.types.block_context import BlockContext, RecentBlock
from quip.consensus.types.header import Header
from quip.consensus.work.units import work
from quip.networks.shipped import load_spec
from support.chains import grown

SPEC = load_spec("public")
RULES = replace(SPEC.difficulty, lo=10 << 16, start=20 << 16, hi=30 << 16)
T = RULES.target_block_time
LEVELS = st.integers(RULES.lo, RULES.hi)
LATER = RULES.lag + 2
"""The first block on which a controller depends."""
TIMES = st.integers(1, 1 << 40)


@given(LEVELS, st.integers(0, 1 << 40), TIMES)
def test_controller_stays_in_range(level: int, number: int, block_time_s: int) -> None:
    assert RULES.lo <= next_controller(RULES, level, number, block_time_s) <= RULES.hi


@given(LEVELS, TIMES)
def test_a_block_on_time_changes_nothing(level: int, _: int) -> None:
    assert next_controller(RULES, level, LATER, T) == level


@given(LEVELS, TIMES, TIMES)
def test_slower_is_never_harder(level: int, first_s: int, second_s: int) -> None:
    fast, slow = sorted((first_s, second_s))
    assert next_controller(RULES, level, LATER, fast) >= next_controller(RULES, level, LATER, slow)
    assert overdue_level(RULES, 2, fast) <= overdue_level(RULES, 2, slow) <= RULES.overdue_limit


def test_half_life() -> None:
    """A half-life of lateness halves the work; an outage counts for its cap only."""
    late = next_controller(RULES, RULES.start, LATER, T + T * 19)
    assert RULES.start - late == -(((-19 * T) << 16) // RULES.half_life)
    assert next_controller(RULES, RULES.start, LATER, 10**9) == late
    assert work(RULES.start - (40 << 16) // 40) * 2 == work(RULES.start)


def test_the_first_block_time_does_not_count() -> None:
    for number in range(LATER):
        assert next_controller(RULES, RULES.start, number, 10**6) == RULES.start
    assert next_controller(RULES, RULES.start, LATER, 10**6) < RULES.start
    assert overdue_level(RULES, 0, 10**6) == overdue_level(RULES, 1, 10**6) == 0


def test_an_ommer_allows_for_another_block_time() -> None:
    for ommers in range(5):
        assert next_controller(RULES, RULES.start, LATER, T * (1 + ommers), ommers) == RULES.start
    capped = next_controller(RULES, RULES.start, LATER, 10**9, 4)
    assert capped == next_controller(RULES, RULES.start, LATER, RULES.outage_cap * T, 4), "the cap is not multiplied"


@pytest.mark.parametrize(
    ("block_time_s", "expected"),
    [(10 * T, 0), (10 * T + 1, 546), (11 * T, 1 << 14), (14 * T, 1 << 16), (16 * T, 3 << 15), (43 * T, 3 << 15)],
)
def test_overdue(block_time_s: int, expected: int) -> None:
    assert overdue_level(RULES, 2, block_time_s) == expected


@pytest.mark.parametrize(
    ("streak", "ended", "factor"),
    [
        (0, 0, 0),
        (1, 0, 0),
        (1, 1, 0),
        (1, 2, 1),
        (1, 6, 5),
        (1, 99, 5),
        (2, 9, -1),
        (3, 0, -2),
        (6, 0, -5),
        (99, 0, -5),
    ],
)
def test_streak_offset(streak: int, ended: int, factor: int) -> None:
    assert streak_offset(RULES, streak, ended) == factor * 9_962


@given(st.integers(-(1 << 30), 1 << 30))
def test_clamp(level: int) -> None:
    assert RULES.lo <= clamp(RULES, level) <= RULES.hi
    assert clamp(RULES, clamp(RULES, level)) == clamp(RULES, level)


@given(LEVELS, st.integers(0, 9), st.integers(0, 9), st.integers(1, 10_000), st.integers(LATER - 3, LATER + 3))
def test_level_is_what_its_parts_make(level: int, streak: int, ended: int, block_time_s: int, number: int) -> None:
    parent = replace(HEADER, timestamp=1_000, number=number)
    recent = (RecentBlock(0, 0, streak, ended), *[RecentBlock(0, 0, 9, 9)] * RULES.lag)
    required = requirements(EASY, parent, BlockContext(5, level, level, recent), 1_000 + block_time_s)
    assert required.offset == (streak_offset(RULES, streak, ended) if number + 1 >= LATER else 0)
    assert required.level == clamp(RULES, level + required.offset - required.overdue)
    assert required.work == work(required.level)
    assert (required.number, required.controller) == (number + 1, level)


Step = tuple[int, int, int]


def grow(parent: Header, context: BlockContext, steps: Sequence[Step]) -> tuple[Header, BlockContext]:
    """A branch of headers, each by its miner's number, so many seconds later and with so many ommers."""
    for miner, seconds, ommers in steps:
        stamp = parent.timestamp + seconds
        required = requirements(EASY, parent, context, stamp)
        extra = bytes([miner] * 20) + bytes([ommers])
        header = replace(parent, number=parent.number + 1, timestamp=stamp, difficulty=required.work, extra_data=extra)
        parent, context = header, child_context(RULES, parent, context, header)
    return parent, context


IN_TIME = st.tuples(st.integers(0, 3), st.integers(1, RULES.overdue_after * T), st.integers(0, 4))
"""Any of a few miners, not overdue, and any number of ommers."""


@given(st.lists(IN_TIME, max_size=30), st.integers(0, RULES.lag + 1), st.data())
def test_short_branches_from_one_parent_weigh_equal(below: list[Step], length: int, data: st.DataObject) -> None:
    """Whatever their miners, stamps and ommers are: nothing is gained by a choice of them."""
    parent, context = grow(GENESIS, genesis_context(EASY), below)
    steps = st.lists(IN_TIME, min_size=length, max_size=length)
    (_, one), (_, other) = (grow(parent, context, data.draw(steps)) for _ in "12")
    assert one.total_difficulty == other.total_difficulty
    assert (one.controller, one.recent[0]) == (other.controller, other.recent[0]) or length == RULES.lag + 1


def test_longer_branches_may_differ() -> None:
    """Else the test above would hold for a rule that reads nothing."""
    parent, context = grow(GENESIS, genesis_context(EASY), [(0, T, 0)] * 20)
    lengths = RULES.lag + 1, RULES.lag + 2
    fast, slow = ([grow(parent, context, [(0, s, 0)] * n)[1].total_difficulty for n in lengths] for s in (1, 5 * T))
    assert fast[0] == slow[0] and fast[1] > slow[1]


@pytest.mark.parametrize(("factor", "blocks", "minutes"), [(1_000, 196, 37), (10, 31, 76), (1, 23, 224)])
def test_hash_rate_shocks(factor: int, blocks: int, minutes: int) -> None:
    """Blocks and time until the work is within 20 % of what the new rate (factor / 100 of the old) deserves, and how
    far it then goes too far: the controller learns of a block `lag` blocks late.

    Every block takes exactly its expected time, overdue rule included.
    """
    level, elapsed_s, found = RULES.start, 0, (0, 0)
    rate = work(RULES.start) * factor // (100 * T)
    deserved = work(RULES.start) * factor // 100
    times = deque([T] * RULES.lag)  # block times that no controller has counted yet
    ratios = []
    for passed in range(600):
        if found == (0, 0) and 80 * deserved <= 100 * work(level) <= 125 * deserved:
            found = passed, elapsed_s // 60
        expected_s = max(1, work(level) // rate)
        if expected_s > 10 * T:
            late = range(10 * T, expected_s + 1)
            expected_s = next(d for d in late if work(level - overdue_level(RULES, 2, d)) // rate <= d)
        times.append(expected_s)
        level = next_controller(RULES, level, LATER, times.popleft())
        elapsed_s += expected_s
        if found != (0, 0):
            ratios.append(work(level) / deserved)
    assert abs(found[0] - blocks) <= 2 and abs(found[1] - minutes) <= 3
    assert min(ratios) > 0.4 and max(ratios) < 1.26
    assert all(0.9 < ratio < 1.1 for ratio in ratios[300:])


HEADER = grown(1).chain.head.header
GENESIS = genesis_header(SPEC, bytes(32))
EASY = replace(SPEC, difficulty=RULES, puzzle=replace(SPEC.puzzle, ladder=((RULES.lo, -1_000), (RULES.hi, 1_000))))
