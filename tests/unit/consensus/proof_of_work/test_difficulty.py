"""Properties of the controller, the overdue rule and the streak rule beyond the vectors."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.proof_of_work.difficulty import clamp, next_controller, overdue_level, requirements, streak_offset
from quip.consensus.types.block_context import BlockContext
from quip.consensus.work.units import work
from quip.networks.shipped import load_spec
from support.chains import grown

SPEC = load_spec("public")
RULES = replace(SPEC.difficulty, lo=10 << 16, start=20 << 16, hi=30 << 16)
T = RULES.target_block_time
LEVELS = st.integers(RULES.lo, RULES.hi)
TIMES = st.integers(1, 1 << 40)


@given(LEVELS, st.integers(2, 1 << 40), TIMES)
def test_controller_stays_in_range(level: int, number: int, block_time_s: int) -> None:
    assert RULES.lo <= next_controller(RULES, level, number, block_time_s) <= RULES.hi


@given(LEVELS, TIMES)
def test_a_block_on_time_changes_nothing(level: int, _: int) -> None:
    assert next_controller(RULES, level, 2, T) == level


@given(LEVELS, TIMES, TIMES)
def test_slower_is_never_harder(level: int, first_s: int, second_s: int) -> None:
    fast, slow = sorted((first_s, second_s))
    assert next_controller(RULES, level, 2, fast) >= next_controller(RULES, level, 2, slow)
    assert overdue_level(RULES, 2, fast) <= overdue_level(RULES, 2, slow) <= RULES.overdue_limit


def test_half_life() -> None:
    """A half-life of lateness halves the work; an outage counts for its cap only."""
    late = next_controller(RULES, RULES.start, 2, T + T * 19)
    assert RULES.start - late == -(((-19 * T) << 16) // RULES.half_life)
    assert next_controller(RULES, RULES.start, 2, 10**9) == late
    assert work(RULES.start - (40 << 16) // 40) * 2 == work(RULES.start)


@pytest.mark.parametrize("number", [0, 1])
def test_the_first_block_time_does_not_count(number: int) -> None:
    assert next_controller(RULES, RULES.start, number, 10**6) == RULES.start
    assert overdue_level(RULES, number, 10**6) == 0


@pytest.mark.parametrize(
    ("block_time_s", "expected"),
    [(10 * T, 0), (10 * T + 1, 546), (11 * T, 1 << 14), (14 * T, 1 << 16), (42 * T, 8 << 16), (43 * T, 8 << 16)],
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


@given(LEVELS, st.integers(0, 9), st.integers(0, 9), st.integers(1, 10_000))
def test_level_is_what_its_parts_make(level: int, streak: int, ended: int, block_time_s: int) -> None:
    parent = replace(HEADER, timestamp=1_000)
    context = BlockContext(5, level, level, streak, ended)
    ladder = ((RULES.lo, -1_000), (RULES.hi, 1_000))
    spec = replace(SPEC, difficulty=RULES, puzzle=replace(SPEC.puzzle, ladder=ladder))
    required = requirements(spec, parent, context, 1_000 + block_time_s)
    assert required.level == clamp(RULES, level + required.offset - required.overdue)
    assert required.work == work(required.level)
    assert (required.number, required.controller) == (parent.number + 1, level)


@pytest.mark.parametrize(("factor", "blocks", "minutes"), [(1_000, 200, 42), (10, 88, 105), (1, 98, 176)])
def test_hash_rate_shocks(factor: int, blocks: int, minutes: int) -> None:
    """Blocks and time until the work is within 20 % of what the new rate (factor / 100 of the old) deserves.

    Every block takes exactly its expected time, overdue rule included.
    """
    level, passed, time_s = RULES.start, 0, 0
    rate = work(RULES.start) * factor // (100 * T)
    deserved = work(RULES.start) * factor // 100
    while not 80 * deserved <= 100 * work(level) <= 125 * deserved:
        expected_s = max(1, work(level) // rate)
        if expected_s > 10 * T:
            late = range(10 * T, expected_s + 1)
            expected_s = next(d for d in late if work(level - overdue_level(RULES, 2, d)) // rate <= d)
        level = next_controller(RULES, level, 2, expected_s)
        passed, time_s = passed + 1, time_s + expected_s
    assert abs(passed - blocks) <= 2
    assert abs(time_s // 60 - minutes) <= 3


HEADER = grown(1).chain.head.header
