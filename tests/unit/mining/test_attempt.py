"""Attempts under staged plans: every set that comes out is a proof; cuts, the flag and foreign samplers are obeyed."""

from dataclasses import replace

import pytest

from quip._native import ising
from quip.consensus.proof_of_work.proof import check_proof, puzzle_rules
from quip.ising.puzzle import REPLICAS, Puzzle
from quip.mining.attempt import Best, Effort, Workbench
from quip.mining.calibration.measure import instance_seed
from quip.mining.plan import Anneal, Cut, Found, Measured, Plan, Probe, Recruit, Round, Screen, Stage, annealing_plan
from quip.mining.samplers.cpu import CpuReferenceSampler, CpuSampler
from quip.networks.shipped import load_spec

HOPELESS, NEVER = 1 << 36, Cut(Measured.BEST, least=float(1 << 40))
ROUNDS = (Found(8, 10, 20), Round(8, 0.4, 30), Recruit(8, 8, 20), Round(8, 0.3, 30, 64, 3), Recruit(8, 12, 20))


def puzzle_of(fields: str) -> Puzzle:
    return Puzzle(replace(puzzle_rules(load_spec("dev").puzzle), fields=fields, baseline_cap=0))


def attempt(margin: int, *stages: Stage, fields: str = "none", number: int = 0) -> Effort:
    puzzle = puzzle_of(fields)
    bench = Workbench(puzzle, CpuSampler(), ising.CancelFlag())
    seed = instance_seed(5, number)
    effort = bench.attempt(seed, margin, Plan(stages))
    if effort.solutions is not None:
        assert effort.margin is not None
        assert effort.margin >= margin
        check_proof(puzzle, seed, effort.solutions, effort.margin)
    return effort


@pytest.mark.parametrize("fields", ["none", "ternary"])
def test_what_families_find_is_a_proof(fields: str) -> None:
    for number in range(6):
        best = attempt(HOPELESS, *ROUNDS, fields=fields, number=number)
        assert (best.solutions, best.stages) == (None, len(ROUNDS))
        assert best.margin is not None
        found = attempt(best.margin, *ROUNDS, fields=fields, number=number)
        assert found.solutions is not None
        assert found.margin == best.margin
        assert attempt(best.margin + 1, *ROUNDS, fields=fields, number=number).solutions is None


def test_spin_updates_and_stages_are_counted() -> None:
    n = puzzle_of("none").rules.topology.n
    baseline = puzzle_of("none").rules.sweeps
    effort = attempt(HOPELESS, *ROUNDS)
    assert effort.spin_updates == REPLICAS * n * (baseline + 24)
    assert effort.crossing_s > 0
    easy = attempt(-HOPELESS, *ROUNDS)
    assert (easy.stages, easy.spin_updates) == (1, REPLICAS * n * (baseline + 8))


@pytest.mark.parametrize(
    ("stage", "sweeps"),
    [
        (Screen(NEVER), 0),
        (Screen(replace(NEVER, of=Measured.MEAN)), 0),
        (Probe(4, replace(NEVER, of=Measured.DECILE)), 4),
        (Found(8, 10, 20, replace(NEVER, of=Measured.REACHED)), 8),
    ],
)
def test_a_cut_ends_the_attempt(stage: Stage, sweeps: int) -> None:
    n = puzzle_of("none").rules.topology.n
    effort = attempt(HOPELESS, stage, *ROUNDS)
    assert (effort.stages, effort.solutions, effort.cancelled) == (1, None, False)
    assert effort.spin_updates == REPLICAS * n * (puzzle_of("none").rules.sweeps + sweeps)


def test_the_best_energy_bounds_the_tenth_and_that_the_mean() -> None:
    """What is measured ascends from mean to best: a threshold between two of them tells them apart."""
    puzzle = puzzle_of("none")
    base = puzzle.model(instance_seed(5, 0)).baseline(puzzle.schedule)
    assert base is not None
    tenth = sorted(base.energies)[: REPLICAS // 10]
    for of, energy in (
        (Measured.MEAN, base.total / REPLICAS),
        (Measured.DECILE, sum(tenth) / len(tenth)),
        (Measured.BEST, base.best),
    ):
        value = base.total - REPLICAS * energy
        assert attempt(HOPELESS, Screen(Cut(of, least=value - 1)), Anneal(2)).stages == 2
        assert attempt(HOPELESS, Screen(Cut(of, least=value + 1)), Anneal(2)).stages == 1


def test_too_few_elites_reach_nothing() -> None:
    few = puzzle_of("none").rules.min_solutions - 1
    effort = attempt(-HOPELESS, Found(8, few, 20, Cut(Measured.REACHED)), Round(8, 0.4, 30))
    assert (effort.margin, effort.solutions, effort.stages) == (None, None, 1)


def test_a_foreign_sampler_can_found_families() -> None:
    reference = CpuReferenceSampler()
    bench = Workbench(puzzle_of("none"), reference, ising.CancelFlag(), reads=32)
    effort = bench.attempt(instance_seed(5, 1), HOPELESS, Plan(ROUNDS))
    assert effort.margin is not None
    assert effort.stages == len(ROUNDS)


@pytest.mark.parametrize("plan", [Plan(ROUNDS), annealing_plan(8, 4, -HOPELESS, 1)])
def test_a_raised_flag_cancels(plan: Plan) -> None:
    cancel = ising.CancelFlag()
    cancel.set()
    effort = Workbench(puzzle_of("none"), CpuSampler(), cancel).attempt(instance_seed(5, 0), 0, plan, Best(None))
    assert (effort.cancelled, effort.solutions) == (True, None)


def test_annealing_notes_the_best_set_only_where_it_is_asked_to() -> None:
    bench = Workbench(puzzle_of("none"), CpuSampler(), ising.CancelFlag())
    seed = instance_seed(5, 0)
    assert bench.attempt(seed, HOPELESS, annealing_plan(8)).margin is None
    best = bench.attempt(seed, HOPELESS, annealing_plan(8), Best(None)).margin
    assert best is not None
    assert bench.attempt(seed, HOPELESS, annealing_plan(8), Best(best)).margin is None
    assert bench.attempt(seed, HOPELESS, annealing_plan(8), Best(best - 1)).margin == best


def test_the_baseline_may_hold_the_set() -> None:
    """A screen for what is reached: a proof without any anneal, or the anneals that are worth it."""
    n, sweeps = puzzle_of("none").rules.topology.n, puzzle_of("none").rules.sweeps
    held = attempt(-HOPELESS, Screen(), Anneal(8))
    assert (held.stages, held.spin_updates) == (1, REPLICAS * n * sweeps)
    assert held.margin is not None
    for beyond, stages in ((0, 1), (1, 2), (512, 2), (513, 1)):
        asked = held.margin + beyond
        tried = attempt(asked, Screen(Cut(Measured.REACHED, slack=512.0)), Anneal(2))
        assert tried.stages == stages, beyond
        assert tried.margin == held.margin or beyond > 512
    assert attempt(HOPELESS, Screen(), Anneal(2)).stages == 2, "no cut: every instance goes on"


def test_an_anneal_is_cut_by_the_best_set_so_far() -> None:
    known = attempt(-HOPELESS, Screen()).margin
    assert known is not None
    asked = known + 100_000
    near, far = Cut(Measured.REACHED, slack=100_000.0), Cut(Measured.REACHED, slack=1.0)
    assert attempt(asked, Screen(near), Anneal(2, near), Anneal(2)).stages == 3, "the baseline's set still counts"
    assert attempt(asked, Screen(near), Anneal(2, far), Anneal(2)).stages == 2
    assert attempt(asked, Anneal(2, near), Anneal(2)).stages == 1, "two sweeps alone come to nothing"
