"""Plans and schedules."""

import pytest

from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.mining.plan import (
    FALLBACK,
    Anneal,
    Cut,
    Found,
    Measured,
    Plan,
    PlanTable,
    Probe,
    Recruit,
    Round,
    Screen,
    annealing_plan,
    parse_plans,
    shipped_plans,
)
from quip.mining.samplers.schedule import Betas, cutoff_rows, native_schedule
from quip.networks.shipped import load_spec

STAGED = Plan(
    (
        Screen(Cut(Measured.BEST, 0.5, 0.1, -7.0, 3.0)),
        Probe(32, Cut(Measured.DECILE, least=-500.0)),
        Found(64, 16, 9, Cut(Measured.REACHED)),
        Round(32, 0.3, 12),
        Recruit(4, 8, 9),
        Round(32, 0.4, 12, 64, 3, Cut(Measured.REACHED, slack=5.5)),
    )
)
SCREENED = Plan((Screen(), Anneal(4, Cut(Measured.REACHED, slack=7.0)), Anneal(4)))
TABLE = PlanTable("ab", ((10, SCREENED), (20, annealing_plan(16, retries=1)), (30, STAGED)))


@pytest.mark.parametrize(("level", "number"), [(0, 0), (10, 0), (19, 0), (20, 1), (29, 1), (30, 2), (1 << 30, 2)])
def test_the_plan_of_a_level(level: int, number: int) -> None:
    assert TABLE.at(level) == TABLE.entries[number][1]


def test_round_trip() -> None:
    assert parse_plans(TABLE.dumps()) == TABLE


def test_plans_in_words() -> None:
    assert str(annealing_plan(16, 8, -3, 1)) == "probe 8, 2 x anneal 16"
    assert str(STAGED) == "screen, probe 32, found 64, 2 x round 32, recruit"


def test_an_annealing_plan_probes_only_where_it_is_told_to() -> None:
    assert annealing_plan(9).stages == (Anneal(9),)
    assert annealing_plan(9, 3, 5, 2).stages == (Probe(3, Cut(Measured.MEAN, least=5)), *[Anneal(9)] * 3)


@pytest.mark.parametrize(
    ("cut", "goes_on"),
    [
        (Cut(Measured.MEAN), True),
        (Cut(Measured.MEAN, constant=-1.0), False),
        (Cut(Measured.MEAN, constant=-1.0, slack=1.0), True),
        (Cut(Measured.MEAN, 0.5, 2.0, 66.0), False),
        (Cut(Measured.MEAN, 0.5, -2.0, -33.0), False),
        (Cut(Measured.MEAN, 0.5, -2.0, 10.0), True),
        (Cut(Measured.MEAN, least=101.0), False),
        (Cut(Measured.MEAN, constant=-60.0, least=40.0), True),
    ],
)
def test_a_cut_is_a_linear_prediction(cut: Cut, goes_on: bool) -> None:
    assert cut.passed(100.0, -30, 100) is goes_on
    assert (cut.needed(-30, 100) <= 100.0) is goes_on


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"graph": "ab", "plans": [{"level": 1}]}',
        '{"graph": "ab", "plans": [{"level": 1, "stages": [{"kind": "guess"}]}]}',
        '{"graph": "ab", "plans": [{"level": 1, "stages": [{"kind": "anneal", "sweep": 1}]}]}',
        '{"graph": "ab", "plans": [{"level": 1, "stages": [{"kind": "screen", "cut": {"of": "luck"}}]}]}',
        '{"graph": "ab", "plans": [{"level": 1, "stages": [{"kind": "recruit", "keep": 1, "elites": 2, "slack": 3}]}]}',
        '{"graph": "ab", "plans": [{"level": 1, "stages": [{"kind": "probe", "sweeps": 2,"cut": {"of": "reached"}}]}]}',
        '{"graph": "ab", "plans": [{"level": 1, "stages": [{"kind": "anneal", "sweeps": 2, "cut": {"of": "best"}}]}]}',
        '{"graph": "ab", "plans": [{"level": 1, "stages": [{"kind": "screen","cut": {"of": "reached", "value": 0}}]}]}',
    ],
)
def test_bad_text(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        parse_plans(text)


def test_a_round_is_cut_by_its_elites_alone() -> None:
    with pytest.raises(ValueError, match="reached"):
        Plan((Found(1, 2, 3), Round(1, 0.3, 4, cut=Cut(Measured.MEAN))))


@pytest.mark.parametrize("name", ["dev", "public"])
def test_shipped_plans_are_of_their_networks(name: str) -> None:
    puzzle = load_spec(name).puzzle
    table = shipped_plans(name, puzzle_rules(puzzle).topology.digest)
    assert table is not FALLBACK
    levels = [level for level, _ in table.entries]
    assert levels == sorted(set(levels))
    assert levels[0] <= puzzle.ladder[0][0]


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
