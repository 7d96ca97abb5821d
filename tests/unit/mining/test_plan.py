"""Plans and schedules."""

import pytest

from quip.mining.plan import FALLBACK, Plan, PlanTable, parse_plans, shipped_plans
from quip.mining.samplers.schedule import Betas, cutoff_rows, native_schedule

TABLE = PlanTable("ab", ((10, Plan(4)), (20, Plan(16, retries=1)), (30, Plan(64, 32, -500, 3))))


@pytest.mark.parametrize(("level", "sweeps"), [(0, 4), (10, 4), (19, 4), (20, 16), (29, 16), (30, 64), (1 << 30, 64)])
def test_the_plan_of_a_level(level: int, sweeps: int) -> None:
    assert TABLE.at(level).sweeps == sweeps


def test_round_trip() -> None:
    assert parse_plans(TABLE.dumps()) == TABLE


@pytest.mark.parametrize("text", ["", "{}", '{"graph": "ab", "plans": [{"level": 1}]}'])
def test_bad_text(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        parse_plans(text)


def test_an_uncalibrated_graph_has_a_fallback() -> None:
    assert shipped_plans("nobody", bytes(32)) is FALLBACK
    assert shipped_plans("dev", bytes(32)) is FALLBACK


def test_cutoffs() -> None:
    rows = cutoff_rows(3, 2, Betas(0.1, 3.0), greedy=1)
    assert [row[0] for row in rows] == [65536] * 4
    assert rows[0] == [65536, 53656, 43930]
    assert rows[2] == [65536, 162, 0]
    assert rows[3] == [65536]
    assert native_schedule(3, greedy=1).sweeps == 4


@pytest.mark.parametrize(("sweeps", "greedy"), [(0, 0), (-1, 0), (1, -1)])
def test_bad_schedules(sweeps: int, greedy: int) -> None:
    with pytest.raises(ValueError, match="at least one sweep"):
        cutoff_rows(sweeps, greedy=greedy)
