"""The solver against published figures of selfish mining, at short branches."""

import numpy as np
import pytest

from benchmarks.economics import policy_solver, reward_rules
from benchmarks.economics.candidate import candidate_spec
from benchmarks.economics.policy_solver import NotConverged, Process
from benchmarks.economics.thresholds import NOTHING, gain, old_tip_easing, threshold, window_gain
from benchmarks.economics.withholding import Game, Miner

SPEC = candidate_spec()


@pytest.mark.parametrize(
    ("gamma", "ties_by_lot", "published"),
    [(0.0, False, 0.329), (0.5, False, 0.250), (0.5, True, 0.232)],  # Sapirshtein, Sompolinsky, Zohar 2016
)
def test_published_thresholds(gamma: float, ties_by_lot: bool, published: float) -> None:
    assert threshold(reward_rules.flat(16), Miner(0.0, gamma, ties_by_lot)) == pytest.approx(published, abs=0.003)


@pytest.mark.parametrize(("share", "published"), [(1 / 3, 0.33705), (0.35, 0.37077), (0.4, 0.48866)])
def test_published_incomes(share: float, published: float) -> None:
    assert gain(reward_rules.flat(40), Miner(share, 0.0)).best == pytest.approx(published, abs=6e-4)


def test_with_gamma_one_every_share_gains_and_earns_what_is_known() -> None:
    assert gain(reward_rules.flat(24), Miner(0.1, 1.0)).best == pytest.approx(0.1 / 0.9, rel=1e-4)


def test_honest_mining_earns_its_share_and_its_bonus() -> None:
    assert gain(reward_rules.flat(6), Miner(0.3, 0.5)).honest == pytest.approx(0.3)
    tables = reward_rules.counted(6, SPEC, 6)
    assert 1.01 < gain(tables, Miner(0.3, 0.0)).honest / 0.3 < 1.0177  # less than the bonus: streaks ease blocks


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_nothing_is_gained_where_every_orphan_is_shown(gamma: float) -> None:
    tables = reward_rules.counted(6, SPEC, 6)
    assert gain(tables, Miner(0.4, gamma)).relative <= NOTHING


def test_much_is_gained_where_no_orphan_is_shown() -> None:
    tables = reward_rules.counted(8, SPEC, 0)
    assert gain(tables, Miner(0.4, 0.0)).relative > 0.1


def test_short_windows_are_outgrown_and_long_ones_are_not() -> None:
    assert window_gain(SPEC, 6, 8, Miner(0.4, 0.0)) > 0.1
    assert window_gain(SPEC, 6, 48, Miner(0.4, 0.0)) <= NOTHING


def test_an_old_tip_eases_as_the_spec_says() -> None:
    easing = old_tip_easing(SPEC)
    assert [easing.octaves(lag) for lag in (10, 18, 10_000)] == [0, 2, 8]


def test_a_process_of_two_states_has_the_ratio_that_paper_gives() -> None:
    """State 0: earn 1 in 1, or 2 in 2 and then 1.5 in 0.5 for twice on average: 5 in 3."""
    process = Process(
        successors=np.array([[[0, 0], [0, 1]], [[1, 1], [0, 1]]], np.int32),
        probabilities=np.array([[[1, 0], [0.5, 0.5]], [[1, 0], [0.5, 0.5]]]),
        reward=np.array([[1.0, 1.5], [2.0, 1.5]]),
        time=np.array([[1.0, 0.5], [2.0, 0.5]]),
        allowed=np.ones((2, 2), np.bool_),
    )
    solution = policy_solver.solve(process)
    assert solution.policy[0] == 1
    assert solution.ratio == pytest.approx(5 / 3)
    assert solution.bound >= solution.ratio


def test_what_does_not_converge_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_solver, "MAX_ROUNDS", 1)
    process = Game(reward_rules.flat(8), Miner(0.4, 0.0)).process()
    with pytest.raises(NotConverged):
        policy_solver.solve(process)
