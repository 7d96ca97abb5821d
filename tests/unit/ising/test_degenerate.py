"""The kernel on graphs and arguments that nobody would choose: every path equals the reference, nothing panics."""

import random
from collections.abc import Callable

import pytest

from quip._native import ising as native_ising
from quip._native import keys as native_keys
from quip.ising.puzzle import Puzzle, PuzzleRules
from quip.ising.topology import Topology, greedy_keys
from reference import ising

COMPLETE = [(u, v) for u in range(25) for v in range(u + 1, 25)]
GRAPHS = {
    "one spin": (1, []),
    "no couplers": (9, []),
    "one pair": (2, [(0, 1)]),
    "degree 24": (25, COMPLETE),
    "star": (26, [(0, v) for v in range(1, 25)]),
    "matching": (130, [(v, v + 1) for v in range(0, 130, 2)]),
}


def puzzle_on(name: str, fields: str, row: Callable[[int], list[int]]) -> Puzzle:
    n, couplers = GRAPHS[name]
    keys = greedy_keys(n, couplers)
    order = tuple(sorted(range(n), key=keys.__getitem__))
    topology = Topology(name, n, tuple(couplers), order, tuple(key[0] for key in keys))
    rows = tuple((65536, *row(topology.max_degree + 1)) for _ in range(3))
    return Puzzle(PuzzleRules(topology, fields, 0, rows, 0, 1, 0))


def drawn(seed: int) -> Callable[[int], list[int]]:
    draw = random.Random(seed)
    return lambda count: sorted((draw.randrange(65537) for _ in range(count)), reverse=True)


@pytest.mark.parametrize("row", [drawn(1), lambda count: [65536] * count, lambda count: [0] * count])
@pytest.mark.parametrize("fields", ["none", "ternary"])
@pytest.mark.parametrize("name", GRAPHS)
def test_every_path_equals_the_reference(name: str, fields: str, row: Callable[[int], list[int]]) -> None:
    puzzle = puzzle_on(name, fields, row)
    seed = random.Random(name + fields).randbytes(32)
    expected = ising.baseline_energies(puzzle.rules, seed)
    for path in native_ising.paths():
        run = puzzle.model(seed).baseline(puzzle.schedule, None, path)
        assert run is not None
        assert run.energies == expected


def test_a_set_of_none_and_of_far_too_many() -> None:
    puzzle = puzzle_on("one pair", "none", drawn(2))
    run = puzzle.model(bytes(32)).anneal(puzzle.schedule, 1)
    assert run is not None
    for count in (0, 1 << 50, (1 << 64) - 1):
        assert run.diverse(100, count, 0, True) is None
    assert native_ising.choose([b"a"] * 200, 8, True, (1 << 64) - 1, 0) is None


def test_absurd_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        native_ising.stream(bytes(32), 0, 1 << 62)
    with pytest.raises(ValueError, match="at most"):
        native_keys.hkdf_sha256(b"key", b"info", 1 << 62)
