"""Pilots: where they are aimed, and when they end."""

from dataclasses import replace

import numpy as np
import pytest

from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.ising.puzzle import Puzzle
from quip.mining.calibration.pilots import CLIMB, LAST_RISE, MOST_TOPS, NEAR, TOP, Aim, Climb, climbed, next_aim
from quip.mining.calibration.summary import Pilot, Summary
from quip.networks.shipped import load_spec
from unit.mining.calibration.test_calibration import summary_of

START_S = 120.0
CLIMBS, SEED = 200, 6


def surveyed() -> Summary:
    return replace(summary_of("public"), pilots=())


def ratio(updates: float) -> float:
    """What a proof truly costs, over what a survey says: as the shipped summary measured it, nearly."""
    return float((updates / 8e9) ** -0.2)


def priced(summary: Summary, seconds: float) -> float:
    """The survey's price that the pilots correct to so many core-seconds."""
    wanted, low, high = seconds * summary.updates_per_second, 1e6, 1e18
    for _ in range(40):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if summary.corrected(middle) > wanted else (middle, high)
    return high


def mined(summary: Summary, aim: Aim, luck: float = 1.0) -> Summary:
    """With the pilot that is mined there, which costs `luck` times what it should."""
    updates = priced(summary, aim.seconds)
    pilot = Pilot(updates, ratio(updates) * luck, max(1, round(100 * aim.share)))
    return replace(summary, pilots=tuple(sorted((*summary.pilots, pilot), key=lambda one: one.updates)))


def climb(luck_at_top: float) -> list[tuple[Aim, Summary]]:
    """Every aim, with the summary behind its pilot."""
    summary, steps = surveyed(), []
    while (aim := next_aim(summary, START_S)) is not None:
        summary = mined(summary, aim, luck_at_top if aim.seconds > START_S else 1.0)
        steps.append((aim, summary))
    return steps


def test_pilots_climb_until_one_lies_at_the_start() -> None:
    steps = climb(1.0)
    seconds = [aim.seconds for aim, _ in steps]
    assert seconds == [*(aim.seconds for aim in CLIMB), TOP * START_S]
    shares = [aim.share for aim, _ in steps]
    assert shares == sorted(shares, reverse=True), "the dearer, the fewer"
    _, last = steps[-1]
    start = last.updates_per_second * START_S
    assert last.corrected(last.pilots[-1].updates) == pytest.approx(TOP * start, rel=0.02)
    assert len({pilot.updates for pilot in last.pilots}) == len(steps)


def test_each_is_aimed_by_the_line_fitted_to_those_below() -> None:
    for index, (aim, summary) in enumerate(climb(1.0)):
        highest = summary.pilots[-1]
        true_s = highest.updates * ratio(highest.updates) / summary.updates_per_second
        assert true_s == pytest.approx(aim.seconds, rel=0.02 if index > 2 else 0.4)


def test_one_far_cheaper_than_its_line_is_followed_by_another() -> None:
    steps = climb(0.05)
    tops = len(steps) - len(CLIMB)
    assert 1 < tops <= MOST_TOPS
    levels = [summary.pilots[-1].updates for _, summary in steps[len(CLIMB) :]]
    assert levels == sorted(set(levels)), "each higher than the last"
    _, first = steps[len(CLIMB)]
    assert first.corrected(first.pilots[-1].updates) < NEAR * START_S * first.updates_per_second


def test_so_many_proofs_tell_the_cost_at_the_start_to_a_seventh() -> None:
    rng, off = np.random.default_rng(SEED), []
    for _ in range(CLIMBS):
        summary = surveyed()
        while (aim := next_aim(summary, START_S)) is not None:
            proofs = round(100 * aim.share)
            summary = mined(summary, aim, float(rng.gamma(proofs) / proofs))
        start = priced(summary, START_S)
        off.append(np.log(start * ratio(start) / (START_S * summary.updates_per_second)))
    assert 0.11 < np.std(off) < 0.17, f"seed {SEED}"
    assert abs(np.mean(off)) < 0.04, f"seed {SEED}"


def test_a_low_start_needs_few_pilots() -> None:
    start_s = CLIMB[1].seconds * LAST_RISE
    summary = surveyed()
    assert next_aim(summary, start_s) == CLIMB[0]
    summary = mined(mined(summary, CLIMB[0]), CLIMB[1])
    top = next_aim(summary, start_s)
    assert top is not None and top.seconds == TOP * start_s
    assert next_aim(mined(summary, top), start_s) is None
    assert next_aim(surveyed(), CLIMB[0].seconds) == Aim(TOP * CLIMB[0].seconds, top.share)


def test_pilots_are_mined_proofs_compared_with_the_surveys_price() -> None:
    puzzle = Puzzle(replace(puzzle_rules(load_spec("dev").puzzle), baseline_cap=0))
    summary = climbed(puzzle, summary_of("dev"), 0.02, Climb(400, 2, 7), lambda done, total: None)
    (pilot,) = summary.pilots
    assert pilot.proofs >= 40
    assert pilot.updates == pytest.approx(TOP * 0.02 * summary.updates_per_second, rel=0.05)
    assert pilot.ratio == pytest.approx(1, abs=0.5)
