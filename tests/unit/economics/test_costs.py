"""Screening, cost curves and the emulated QPU, on a calibration made up for it."""

import json
import math
import random
from dataclasses import replace

import pytest

from benchmarks.economics import calibrated as module
from benchmarks.economics import command, cost_curves
from benchmarks.economics.calibrated import Calibrated, CheckedCost, NoStagedPlan
from benchmarks.economics.candidate import mended_spec
from benchmarks.economics.chain_play import World
from benchmarks.economics.cost_curves import Contest, measured, played_share
from benchmarks.economics.emulated_qpu import READS, EmulatedQpu, Qpu, founding, qpu_at
from benchmarks.economics.screening import screened, without_looks
from quip._native import ising
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.ising.puzzle import Puzzle
from quip.mining.calibration.stages import StagePrices
from quip.mining.calibration.summary import parse_summary
from quip.mining.calibration.trajectories import StageFit, Trajectories
from quip.mining.plan import Found, PlanTable, Probe, Round, Screen, plan_document, staged_template
from quip.mining.samplers.sampler import PackedSamples
from quip.networks.shipped import load_spec
from support.places import ROOT

PLAN = staged_template()
START = load_spec("public").difficulty.start


def made_up() -> Trajectories:
    fits: list[StageFit] = []
    for number, stage in enumerate(PLAN.stages, 1):
        if isinstance(stage, Screen | Probe | Found | Round):
            proves = isinstance(stage, Found | Round)
            slope, constant = (1.0, 1_000.0) if fits else (0.0, 190_000.0)
            sd = 5_000.0 / (1 + len(fits))
            fits.append(StageFit(number, 1e9, 0.01, proves, (0.0, 1.0, 0.0), slope, constant, sd, 0.9))
    return Trajectories(plan_document(PLAN), 100, 1, tuple(fits), 205_000.0, 6_000.0)


@pytest.fixture(scope="module")
def network() -> Calibrated:
    document = json.loads((ROOT / "docs" / "calibration" / "public.json").read_text())
    staged, rate = made_up(), 5e10
    summary = replace(parse_summary(document["summary"]), staged=staged, kernel_updates_per_second=rate)
    chain = staged.chain(3e8, rate)
    prices = StagePrices(chain)
    spec = load_spec("public")
    spec = replace(spec, puzzle=replace(spec.puzzle, ladder=((START - (10 << 16), 195_000), (START, 215_000))))
    plan = staged.plan_at(prices.at(215_000.0), 215_000.0)
    checks = (CheckedCost(START - (4 << 16), 100, 0.5), CheckedCost(START, 25, 2.0))
    return Calibrated(spec, summary, staged, checks, 3e8, chain, prices, PlanTable("", ((0, plan),)))


def test_a_plans_cuts_are_those_it_was_made_of(network: Calibrated) -> None:
    price = network.prices.at(215_000.0)
    cuts = network.cuts(network.plans.at(START), 215_000.0)
    finite = price.cuts.index(math.inf) if math.inf in price.cuts else len(price.cuts)
    assert cuts[:finite] == pytest.approx(price.cuts[:finite], abs=1)
    assert set(cuts[finite:]) <= {math.inf}


def test_who_knows_more_pays_less(network: Calibrated) -> None:
    costs = screened(network, START)
    assert costs.free_oracle < costs.oracle < costs.best <= costs.shipped * 1.001
    assert costs.shipped < costs.late < costs.none
    assert costs.shipped == pytest.approx(costs.best, rel=0.01)


def test_a_plan_without_looks_founds_first() -> None:
    assert isinstance(without_looks(PLAN).stages[0], Found)


def test_the_measured_curve_goes_through_the_checks(network: Calibrated) -> None:
    curve, start = measured(network), 2.0 ** (START / 65_536)
    assert [curve(start / 2**below) * 2**below / start for below in (0, 2, 4, 8)] == pytest.approx([2, 1, 0.5, 0.5])


def test_equal_curves_leave_shares_alone_and_a_cheaper_one_does_not(network: Calibrated) -> None:
    curve = measured(network)
    spec = mended_spec()
    for own, share in ((curve, 0.4), (lambda needed: curve(needed) / 3, 2 / 3)):
        contest = Contest("", 0.4, own, curve)
        played, needed = played_share(World(spec, 0.4, 0.0, random.Random(1)), contest, 0.0, 1_500)
        assert contest.share_at(needed) == pytest.approx(share)
        assert played == pytest.approx(share, abs=0.05)


def test_a_qpu_is_worth_what_it_relieves_and_more_with_a_head_start(network: Calibrated) -> None:
    stages = len(network.staged.fits) - founding(network)
    plain, ahead = (qpu_at(network, START, [gain] * stages) for gain in (0.0, 500.0))
    assert 0 < plain.saves < ahead.saves < 1
    assert 0 < plain.worth < ahead.worth


def test_a_qpu_helps_the_cores_that_it_keeps_up_with() -> None:
    qpu = Qpu(saves=0.2, serves=4.0)
    assert qpu.worth == pytest.approx(1.0)
    assert [qpu.cost(cores) for cores in (1, 4, 8)] == pytest.approx([0.8, 0.8, 8 / 9])


def test_the_emulated_qpu_has_its_reads_where_a_plan_founds() -> None:
    puzzle = Puzzle(puzzle_rules(load_spec("test").puzzle))
    model, qpu, cancel = puzzle.model(bytes(32)), EmulatedQpu(64), ising.CancelFlag()
    founded, other = qpu.sample(model, 512, 64, 1, cancel), qpu.sample(model, 512, 32, 1, cancel)
    assert founded is not None and isinstance(founded.samples, PackedSamples)
    assert len(founded.samples.packed) == READS and founded.samples.energies == sorted(founded.samples.energies)
    assert other is not None and isinstance(other.samples, ising.Samples)
    cancel.set()
    assert qpu.sample(model, 512, 64, 1, cancel) is None


def test_a_section_that_needs_a_newer_calibration_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "parse_summary", lambda document: replace(parse_summary(document), staged=None))
    with pytest.raises(NoStagedPlan, match="knows no staged plan"):
        cost_curves.section(False)
    command.main(["costs"])
    assert "left as it is" in capsys.readouterr().out
