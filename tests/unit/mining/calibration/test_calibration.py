"""Calibration: the shipped ladders replayed from their raw summaries, and each step on its own."""

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.chain_specs import raised
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.work.ladder import margin_at
from quip.ising.puzzle import Puzzle
from quip.mining.calibration.command import TOLERANCE, CalibrateOptions, refine, run
from quip.mining.calibration.ladder import Ladder, build_ladder, level_of
from quip.mining.calibration.measure import Survey, instance_seed, measure
from quip.mining.calibration.pricing import AnnealPlan, PriceList
from quip.mining.calibration.report import table
from quip.mining.calibration.spec_update import calibration_of
from quip.mining.calibration.stages import StagePrices
from quip.mining.calibration.summary import Pilot, Summary, parse_summary, pooled
from quip.mining.calibration.tail import fitted_tail
from quip.mining.samplers.cpu import CpuSampler
from quip.networks.shipped import load_spec
from support.places import ROOT

NETWORKS = ["dev", "public"]


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "docs" / "calibration" / f"{name}.json").read_text())
    return loaded


def summary_of(name: str) -> Summary:
    return parse_summary(document(name)["summary"])


@cache
def ladder_of(name: str) -> Ladder:
    return build_ladder(summary_of(name), document(name)["start_seconds"])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_ladder_is_what_its_summary_gives(name: str) -> None:
    spec = load_spec(name)
    ladder = ladder_of(name)
    made, shipped = raised(name, ladder.calibration), calibration_of(spec)
    assert (made.lo, made.hi, made.start, made.baseline_cap) == pytest.approx(
        (shipped.lo, shipped.hi, shipped.start, shipped.baseline_cap), rel=1e-6
    )
    assert np.array(made.ladder) == pytest.approx(np.array(shipped.ladder), rel=1e-5, abs=2)
    assert ladder.plans.digest == puzzle_rules(spec.puzzle).topology.digest.hex()


def test_another_survey_gives_nearly_the_same_ladder() -> None:
    shipped, other = ladder_of("public").calibration.ladder, ladder_of("public-again").calibration.ladder
    levels = {margin: level / 65_536 for level, margin in shipped}
    margins = sorted(levels)
    for level, tolerance in ((27, 0.1), (31, 0.05), (33, 0.05)):
        margin = margin_at(other, level * 65_536)
        assert np.interp(margin, margins, [levels[one] for one in margins]) == pytest.approx(level, abs=1.5 * tolerance)


@pytest.mark.parametrize("level", [25.0, 25.49, 28.25, 32.49])
def test_between_two_points_a_staged_plan_costs_hardly_more_than_the_best(level: float) -> None:
    summary, ladder = summary_of("public"), ladder_of("public")
    staged = summary.staged
    assert staged is not None
    margin = margin_at(ladder.calibration.ladder, round(level * 65_536))
    stages = ladder.plans.at(round(level * 65_536)).stages
    slacks = [getattr(stages[fit.stages - 1], "cut", None) for fit in staged.fits]
    cuts = [-math.inf if cut is None else margin - cut.slack for cut in slacks]
    prices = StagePrices(staged.chain(summary.costs.entry, summary.kernel_updates_per_second))
    played = prices.under(margin, cuts)
    assert played.updates / sum(played.proofs) == pytest.approx(prices.at(margin).updates, rel=0.06)


@pytest.mark.parametrize("name", NETWORKS)
def test_predicted_and_measured_cost_agree(name: str) -> None:
    checks = document(name)["checks"]
    *below, start = sorted(checks, key=lambda check: check["level"])
    assert len(below) == 2
    assert start["proofs"] >= 30
    for check in checks:
        assert check["proofs"] >= 60 or check is start
        assert check["measured_updates"] / check["predicted_updates"] == pytest.approx(1, abs=TOLERANCE)
        assert level_of(check["predicted_updates"]) == pytest.approx(check["level"], abs=1)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_is_what_the_command_makes_of_the_summary(name: str) -> None:
    page = (ROOT / "docs" / "calibration" / f"{name}.md").read_text(encoding="utf-8")
    assert table(document(name)) == page, f"quip calibrate {name} --report"


@pytest.mark.parametrize("name", NETWORKS)
def test_harder_margins_cost_more_and_the_cheapest_is_the_cheapest(name: str) -> None:
    summary = summary_of(name)
    prices = PriceList(summary)
    middle = summary.efforts[4].margin_mean
    costs = [prices.cheapest(middle + step * 512.0).updates for step in range(0, 12, 2)]
    assert costs == sorted(costs)
    for effort in summary.efforts:
        assert prices.price(AnnealPlan(effort.sweeps), middle).updates >= costs[0] * (1 - 1e-9)


def test_a_hopeless_margin_and_an_unknown_plan_are_refused() -> None:
    prices = PriceList(summary_of("dev"))
    with pytest.raises(ValueError, match="no strategy"):
        prices.cheapest(1e9)
    with pytest.raises(KeyError):
        prices.price(AnnealPlan(3), 0)


def test_pricing_of_a_plain_strategy_is_cost_over_chance() -> None:
    summary = summary_of("dev")
    effort = summary.efforts[3]
    half_solve = effort.quantiles[50]
    price = PriceList(summary).price(AnnealPlan(effort.sweeps), half_solve)
    once = summary.gate_hash_updates * 2**summary.gate_bits + 512.0 * summary.spins * (
        summary.baseline_sweeps + effort.sweeps
    )
    assert price.proof_share == pytest.approx(0.5, rel=1e-2)
    assert price.updates == pytest.approx(2 * once, rel=1e-2)


def test_pilots_correct_prices() -> None:
    summary = replace(summary_of("dev"), pilots=(Pilot(1e6, 2.0, 100), Pilot(1e8, 0.5, 100)))
    assert summary.corrected(1e5) == pytest.approx(2e5)
    assert summary.corrected(1e7) == pytest.approx(1e7)
    assert summary.corrected(1e9) == pytest.approx(5e8)


def test_pilots_of_staged_prices_correct_them_by_a_line() -> None:
    pilots = Pilot(1e9, 1.0, 100), Pilot(1e11, 0.1, 100), Pilot(1e13, 0.01, 100)
    summary = replace(summary_of("public"), pilots=pilots)
    assert summary.staged is not None
    assert summary.corrected(1e7) == pytest.approx(1e7)
    assert summary.corrected(1e10) == pytest.approx(1e10 * 10**-0.5)
    assert summary.corrected(1e15) == pytest.approx(1e15 * 1e-3)


def test_a_pilot_of_many_proofs_weighs_more_in_the_line() -> None:
    off = Pilot(1e11, 1.0, 1)
    summary = replace(summary_of("public"), pilots=(Pilot(1e9, 1.0, 10_000), off, Pilot(1e13, 0.01, 10_000)))
    assert summary.corrected(1e11) == pytest.approx(1e10, rel=0.01)


def test_pilots_at_one_cost_are_pooled_by_their_proofs() -> None:
    near = Pilot(1e6, 2.0, 30), Pilot(1e9, 1.0, 10), Pilot(1.1e6, 1.0, 90)
    first, second = pooled(near)
    assert first.proofs == 120
    assert first.ratio == pytest.approx(1.25)
    assert 1e6 < first.updates < 1.1e6
    assert second == near[1]


def test_the_fitted_tail_of_a_normal_sample_is_that_normal() -> None:
    sample = np.sort(np.random.default_rng(8).normal(100, 7, 20_000))
    mean, sd = fitted_tail(sample)
    assert mean == pytest.approx(100, abs=1.0)
    assert sd == pytest.approx(7, rel=0.06)
    with pytest.raises(ValueError, match="too few"):
        fitted_tail(np.arange(6.0))
    with pytest.raises(ValueError, match="too few"):
        fitted_tail(np.array([-math.inf] * 90 + [1.0] * 30))


def test_a_survey_repeats_for_equal_seeds() -> None:
    rules = replace(puzzle_rules(load_spec("test").puzzle), baseline_cap=0)
    survey = Survey((2, 8), 6, 3, 2)
    first, second = (measure(Puzzle(rules), CpuSampler(), survey, lambda done, total: None) for _ in range(2))
    assert (first.margins == second.margins).all()
    assert (first.baselines == second.baselines).all()
    assert instance_seed(3, 1) != instance_seed(3, 2) != instance_seed(4, 2)


def test_the_command_writes_a_spec_that_loads(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_bytes((ROOT / "genesis_block_test.json").read_bytes())
    seen: list[str] = []
    options = CalibrateOptions(
        instances=80, played=60, proofs=2, start_seconds=0.01, threads=2, docs=tmp_path, write=False
    )
    report = run(path, options, lambda stage, done, total: seen.append(stage))
    assert set(seen) == {"measuring", "screening", "checking"}
    assert path.read_bytes() == (ROOT / "genesis_block_test.json").read_bytes(), "write=False writes nothing"
    calibration = report.ladder.calibration
    assert calibration.ladder[0][0] <= calibration.lo <= calibration.start < calibration.hi <= calibration.ladder[-1][0]
    assert parse_summary(json.loads(json.dumps(report.document()))["summary"]) == report.summary

    (tmp_path / "test.json").write_text(json.dumps(report.document()))
    again = refine(path, options, lambda stage, done, total: None)
    assert replace(again.summary, pilots=()) == report.summary
    assert sum(pilot.proofs for pilot in again.summary.pilots) == sum(check.proofs for check in report.checks)
