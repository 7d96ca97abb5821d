"""Proofs: every condition by itself, in the order of its price, with energies counted by the plain-Python reference."""

from dataclasses import replace

import pytest

from quip.consensus.errors.seal import (
    EnergyAboveBaseline,
    EnergyAboveCap,
    MalformedSolutions,
    ProofError,
    SolutionsTooClose,
    WrongSolutionCount,
)
from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.proof_of_work.proof import check_proof, max_energy, puzzle_rules
from quip.ising.puzzle import Puzzle
from reference import ising
from sim.liars.lies import flip
from support.chains import network_spec, puzzle_of
from support.mutants import proof

PUZZLE = puzzle_of(network_spec())
RULES = PUZZLE.rules
SEED = bytes(range(32))
SOLUTIONS = proof(PUZZLE, SEED, -10_000, -60)
INSTANCE = ising.expand(RULES, SEED)
WORST = max(ising.energy(RULES.topology, INSTANCE, ising.unpack(spins, RULES.topology.n)) for spins in SOLUTIONS)
BASELINE = ising.baseline(RULES, SEED)
HARDEST = BASELINE - 512 * WORST
"""The largest margin that these solutions meet."""


def capped(cap: int) -> Puzzle:
    return Puzzle(replace(RULES, baseline_cap=cap))


def test_exactly_at_the_baseline() -> None:
    check_proof(PUZZLE, SEED, SOLUTIONS, HARDEST)
    assert max_energy(BASELINE, HARDEST) == WORST
    with pytest.raises(EnergyAboveBaseline) as caught:
        check_proof(PUZZLE, SEED, SOLUTIONS, HARDEST + 1)
    assert caught.value.values["energy"] == WORST
    assert caught.value.values["baseline"] == BASELINE
    assert max_energy(BASELINE, HARDEST + 1) == WORST - 1


def test_exactly_at_the_cap() -> None:
    margin = HARDEST - 100
    check_proof(capped(BASELINE - 100), SEED, SOLUTIONS, margin)
    with pytest.raises(EnergyAboveCap) as caught:
        check_proof(capped(BASELINE - 101), SEED, SOLUTIONS, margin)
    assert caught.value.values["cap"] == BASELINE - 101


@pytest.mark.parametrize(
    ("solutions", "error"),
    [
        ((), WrongSolutionCount),
        (SOLUTIONS[:2], WrongSolutionCount),
        ((*SOLUTIONS, b"\xff" * 6), WrongSolutionCount),
        ((SOLUTIONS[1], SOLUTIONS[0], SOLUTIONS[2]), MalformedSolutions),
        ((SOLUTIONS[0], SOLUTIONS[0], SOLUTIONS[2]), MalformedSolutions),
        ((SOLUTIONS[0], SOLUTIONS[1], SOLUTIONS[2] + b"\0"), MalformedSolutions),
        ((SOLUTIONS[0], SOLUTIONS[1], b""), MalformedSolutions),
        ((flip(SOLUTIONS[0], 0), SOLUTIONS[1], SOLUTIONS[2]), MalformedSolutions),
        (tuple(sorted((SOLUTIONS[0], flip(SOLUTIONS[0], 3), SOLUTIONS[2]))), SolutionsTooClose),
    ],
)
def test_canonical_form_and_distance(solutions: tuple[bytes, ...], error: type[ProofError]) -> None:
    with pytest.raises(error) as caught:
        check_proof(PUZZLE, SEED, solutions, -1_000_000)
    assert type(caught.value) is error


def test_another_seed_is_another_puzzle() -> None:
    with pytest.raises(ProofError):
        check_proof(PUZZLE, bytes(32), SOLUTIONS, HARDEST)


def test_minimum_not_average() -> None:
    """{A, A', B}: far apart on average, but two of them are one idea."""
    distances = [ising.distance(SOLUTIONS[0], other, RULES.topology.n, True) for other in SOLUTIONS[1:]]
    assert min(distances) >= RULES.min_distance
    near = tuple(sorted((SOLUTIONS[0], flip(SOLUTIONS[0], 4), SOLUTIONS[1])))
    with pytest.raises(SolutionsTooClose) as caught:
        check_proof(PUZZLE, SEED, near, -1_000_000)
    assert caught.value.values["distance"] == 1


@pytest.mark.parametrize(
    ("baseline", "margin", "expected"), [(-1_000, 0, -2), (-1_024, 0, -2), (-1_025, 0, -3), (0, 1, -1), (512, -512, 2)]
)
def test_max_energy_floors(baseline: int, margin: int, expected: int) -> None:
    assert max_energy(baseline, margin) == expected
    assert 512 * expected + margin <= baseline < 512 * (expected + 1) + margin


def test_a_graph_without_nodes_is_no_puzzle() -> None:
    topology = replace(network_spec().puzzle.topology, excluded_nodes=tuple(range(RULES.topology.n)))
    with pytest.raises(InvalidSpec, match="no nodes"):
        puzzle_rules(replace(network_spec().puzzle, topology=topology))
