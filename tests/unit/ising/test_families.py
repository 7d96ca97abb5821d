"""Native families against their plain-Python twin, on every path of this CPU; and what they refuse."""

import random
import threading
from typing import Any

import pytest

from quip._native import ising as native_ising
from quip.ising.puzzle import REPLICAS, Puzzle, PuzzleRules
from quip.ising.topology import build_topology
from reference import ising
from reference.families import Families
from reference.make_puzzle_vectors import ROWS

PATHS = native_ising.paths()
SHORT = native_ising.Schedule([[65536]])
GRAPHS = (
    {"family": "zephyr", "m": 1, "t": 2},
    {"family": "chimera", "m": 2, "t": 2},
    {"family": "chimera", "m": 3, "t": 4},
)


def rules_of(params: dict[str, Any], fields: str, min_distance: int, sweeps: int = 3) -> PuzzleRules:
    topology = build_topology(params)
    width = topology.max_degree + 2
    cutoffs = tuple(tuple((row + [0] * width)[:width]) for row in ROWS[-sweeps:])
    return PuzzleRules(topology, fields, 4, cutoffs, 0, 2, min_distance)


def native(rules: PuzzleRules, seed: int, path: str | None = None) -> native_ising.Families:
    return native_ising.Families(Puzzle(rules).model(bytes(32)), rules.min_distance, rules.fold, seed, path)


def compare(twin: Families, ours: native_ising.Families, told: str) -> None:
    n = twin.rules.topology.n
    assert ours.elites() == [(elite.energy, ising.pack(elite.spins, False)) for elite in twin.elites], told
    assert ours.replicas() == [ising.pack(twin.replica(r), False) for r in range(REPLICAS)], told
    assert ours.energies == [twin.energy(elite.spins) for elite in twin.elites], told
    for a, (_, one) in enumerate(ours.elites()):
        for _, other in ours.elites()[:a]:
            assert ising.distance(one, other, n, twin.fold) >= twin.rules.min_distance, told


@pytest.mark.parametrize("fields", ["none", "ternary"])
@pytest.mark.parametrize("params", GRAPHS, ids=lambda params: f"{params['family']}-{params['m']}")
def test_native_equals_the_twin(params: dict[str, Any], fields: str) -> None:
    number = random.randrange(1 << 32)
    draw = random.Random(number)
    rules = rules_of(params, fields, draw.randint(2, 5))
    puzzle, n = Puzzle(rules), rules.topology.n
    twin = Families(rules, ising.expand(rules, bytes(32)), number, rules.fold)
    start = [[draw.choice((-1, 1)) for _ in range(n)] for _ in range(40)]
    all_ours = {path: native(rules, number, path) for path in PATHS}
    twin.load(start)
    for ours in all_ours.values():
        ours.load_packed([ising.pack(spins, False) for spins in start])
    keep = 0
    for noise, parents, most in ((32, 0, 5), (draw.randrange(256), 2, 4), (0, 9, 3)):
        near = rules.min_distance + draw.randrange(4)
        twin.recruit(keep, most, rules.min_distance)
        twin.spread(noise, parents)
        twin.anneal()
        twin.cross(near)
        for path, ours in all_ours.items():
            assert ours.recruit(keep, most, rules.min_distance) == len(twin.elites)
            ours.spread(noise, parents)
            assert ours.anneal(puzzle.schedule)
            assert ours.cross(near)
            compare(twin, ours, f"draw {number} on {path}")
        keep = 3


def test_crossing_improves_elites_and_keeps_them_apart() -> None:
    rules = rules_of({"family": "zephyr", "m": 2, "t": 4}, "none", 16, 3)
    puzzle = Puzzle(rules)
    model = puzzle.model(bytes(32))
    run = model.anneal(puzzle.schedule, 7)
    assert run is not None
    ours = native(rules, 8)
    ours.load(run)
    assert ours.recruit(0, 8, 20) == 8
    before = ours.energies
    assert before[0] == run.best
    for _ in range(4):
        ours.spread(32)
        assert ours.anneal(puzzle.schedule)
        assert ours.cross(24)
        assert all(new <= old for new, old in zip(ours.energies, before, strict=True))
    assert sum(ours.energies) < sum(before)
    solutions = [packed for _, packed in ours.elites(fold=True)]
    assert model.energies(solutions) == ours.energies
    assert all(packed[0] & 1 for packed in solutions)
    assert native_ising.minimum_distance(solutions, model.n, True) >= 16


def test_a_raised_flag_ends_the_work_and_spoils_nothing() -> None:
    rules = rules_of(GRAPHS[0], "none", 2)
    ours, cancel = native(rules, 1), native_ising.CancelFlag()
    ours.load_packed([bytes(rules.solution_bytes)])
    ours.recruit(0, 1, 2)
    ours.spread(64)
    before = ours.replicas(), ours.elites()
    cancel.set()
    assert not ours.anneal(Puzzle(rules).schedule, cancel)
    assert not ours.cross(2, cancel)
    assert not ours.spread(9, 0, cancel)
    assert not ours.load_packed([bytes(rules.solution_bytes)], cancel)
    assert ours.recruit(0, 1, 2, cancel) is None
    assert (ours.replicas(), ours.elites()) == before
    cancel.clear()
    assert ours.anneal(Puzzle(rules).schedule, cancel)


def test_a_long_anneal_is_cancelled_from_another_thread() -> None:
    rules = rules_of(GRAPHS[2], "none", 2)
    ours, cancel = native(rules, 1), native_ising.CancelFlag()
    ours.load_packed([bytes(rules.solution_bytes)])
    lengthy = native_ising.Schedule([[65536]] * 1_000_000)
    timer = threading.Timer(0.02, cancel.set)
    timer.start()
    assert not ours.anneal(lengthy, cancel)
    timer.join()


@pytest.mark.parametrize(
    "call",
    [
        lambda ours: ours.load_packed([]),
        lambda ours: ours.load_packed([bytes(3)] * 513),
        lambda ours: ours.load_packed([bytes(1)]),
        lambda ours: ours.spread(32),
        lambda ours: ours.cross(3),
        lambda ours: ours.recruit(0, 4, 1),
        lambda ours: ours.recruit(0, 65, 2),
        lambda ours: native_ising.Families(Puzzle(rules_of(GRAPHS[0], "ternary", 2)).model(bytes(32)), 2, True, 1),
        lambda ours: native_ising.Families(Puzzle(rules_of(GRAPHS[0], "none", 2)).model(bytes(32)), 99, True, 1),
        lambda ours: native_ising.Families(Puzzle(rules_of(GRAPHS[0], "none", 2)).model(bytes(32)), 2, True, 1, "mmx"),
        lambda ours: ours.load(Puzzle(rules_of(GRAPHS[2], "none", 2)).model(bytes(32)).anneal(SHORT, 1)),
    ],
)
def test_bad_arguments(call: Any) -> None:
    ours = native(rules_of(GRAPHS[0], "none", 2), 1)
    with pytest.raises(ValueError, match=r".+"):
        call(ours)
