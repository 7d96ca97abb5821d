"""The chain that is fitted to trajectories, and the plan that its prices make."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.ising.puzzle import Puzzle
from quip.mining.attempt import Effort, Mark
from quip.mining.calibration.stages import StagePrices
from quip.mining.calibration.trajectories import (
    TooFewTrajectories,
    Trajectories,
    TrajectorySurvey,
    fitted,
    trajectories,
    uncut,
)
from quip.mining.plan import Cut, Found, Measured, Plan, Probe, Recruit, Round, Screen, plan_of, staged_template
from quip.mining.samplers.cpu import CpuSampler
from quip.networks.shipped import load_spec

SEED = 31
PLAN = Plan(
    (
        Screen(Cut(Measured.DECILE)),
        Probe(16, Cut(Measured.MEAN)),
        Found(32, 12, 40),
        Recruit(10, 10, 40),
        Round(16, 0.3, 60),
        Round(16, 0.4, 60),
    )
)


def drawn(count: int) -> list[Effort]:
    """Attempts whose values follow a known chain: quality, a prediction of it from two sides, two rounds."""
    rng = np.random.default_rng(SEED)
    efforts = []
    for _ in range(count):
        total = rng.normal(-7_000, 50)
        screened = rng.normal(0, 30)
        probed = 0.5 * screened + rng.normal(0, 20)
        found = 100 + 0.2 * (total + 7_000) + 0.8 * probed + rng.normal(0, 10)
        first = 0.9 * found + 50 + rng.normal(0, 7)
        second = 1.0 * first + 5 + rng.normal(0, 3)
        values = (screened, probed, found, first, second)
        played = (1, 2, 3, 5, 6)
        effort = Effort(total=round(total))
        effort.marks = [
            Mark(stages, value, 1_000 * stages, 0.01 * max(0, stages - 2))
            for stages, value in zip(played, values, strict=True)
        ]
        efforts.append(effort)
    return efforts


def test_the_fitted_chain_is_the_one_that_was_drawn() -> None:
    found = fitted(uncut(PLAN), drawn(4_000), SEED)
    assert [fit.proves for fit in found.fits] == [False, False, True, True, True]
    assert [fit.stages for fit in found.fits] == [1, 2, 3, 5, 6]
    assert [fit.updates for fit in found.fits] == pytest.approx([1_000, 1_000, 1_000, 2_000, 1_000])
    assert [fit.crossing_s for fit in found.fits] == pytest.approx([0, 0, 0.01, 0.02, 0.01])
    probe, last = found.fits[1], found.fits[-1]
    assert probe.weights[:2] == pytest.approx((0.2, 0.8), rel=0.05), f"seed {SEED}"
    assert (found.fits[3].slope, found.fits[3].sd) == pytest.approx((0.9, 7), rel=0.05), f"seed {SEED}"
    assert (last.slope, last.sd, last.correlation) == pytest.approx((1.0, 3, 1), rel=0.05), f"seed {SEED}"
    assert (found.final_mean, found.final_sd) == pytest.approx((145, 29), rel=0.2), f"seed {SEED}"


def test_a_price_becomes_a_plan_with_cuts() -> None:
    found = fitted(uncut(PLAN), drawn(2_000), SEED)
    margin = found.final_mean + 2 * found.final_sd
    price = StagePrices(found.chain(500.0, 1e6)).at(margin)
    plan = found.plan_at(price, margin)
    assert [type(stage) for stage in plan.stages] == [type(stage) for stage in PLAN.stages]
    cuts = [getattr(stage, "cut", None) for stage in plan.stages]
    assert cuts[3] is None and cuts[5] is None, "nothing to decide before a recruit, or at the end"
    assert [cut.of for cut in cuts if cut is not None] == [
        Measured.DECILE, Measured.MEAN, Measured.REACHED, Measured.REACHED,
    ]  # fmt: skip
    probe = cuts[1]
    assert probe is not None
    weights = found.fits[1].weights
    for measured in (-60.0, 0.0, 60.0, 200.0):
        predicted = weights[0] * -7_010 + weights[1] * measured + weights[2]
        assert probe.passed(measured, -7_010, round(margin)) == (predicted >= price.cuts[1] - (margin - round(margin)))


def test_where_going_on_never_pays_the_plan_ends() -> None:
    found = fitted(uncut(PLAN), drawn(2_000), SEED)
    dear = replace(found, fits=(*found.fits[:-1], replace(found.fits[-1], updates=1e12)))
    price = StagePrices(dear.chain(500.0, 1e6)).at(found.final_mean)
    assert math.isinf(price.cuts[-1])
    assert len(dear.plan_at(price, found.final_mean).stages) == 5


def test_too_few_instances_are_refused() -> None:
    with pytest.raises(TooFewTrajectories, match="at least 20"):
        fitted(uncut(PLAN), drawn(19), SEED)


def test_a_survey_plays_every_stage_and_repeats() -> None:
    puzzle = Puzzle(replace(puzzle_rules(load_spec("dev").puzzle), baseline_cap=0))
    rules = puzzle.rules
    plan = replace(
        PLAN,
        stages=tuple(
            replace(stage, slack=rules.min_distance) if isinstance(stage, Found | Recruit) else stage
            for stage in PLAN.stages
        ),
    )
    todo = TrajectorySurvey(plan, 60, SEED, 2)
    first, second = (trajectories(puzzle, CpuSampler(), todo, lambda done, total: None) for _ in range(2))
    assert first.instances == second.instances >= 40
    assert [(fit.slope, fit.sd, fit.updates) for fit in first.fits] == [
        (fit.slope, fit.sd, fit.updates) for fit in second.fits
    ]
    assert plan_of(json.loads(json.dumps(asdict(first)))["plan"]) == plan_of(first.plan) == uncut(plan)
    assert isinstance(first, Trajectories)


def test_the_template_of_large_graphs_can_be_played() -> None:
    template = staged_template()
    assert any(isinstance(stage, Found) for stage in template.stages)
    assert all(getattr(stage, "cut", None) is None for stage in uncut(template).stages if isinstance(stage, Round))
