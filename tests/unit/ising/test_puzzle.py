"""The native puzzle against the golden vectors and the plain-Python reference, on every path of this CPU."""

import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip._native import ising as native_ising
from quip.ising.puzzle import REPLICAS, Puzzle, PuzzleRules, gate_open, search_gate, seed_of
from quip.ising.topology import build_topology
from reference import ising
from reference.blake3 import keyed_stream
from reference.make_puzzle_vectors import ROWS, case
from support import places
from support.examples import examples

VECTORS: list[dict[str, Any]] = json.loads((places.VECTORS / "puzzle.json").read_text())
PATHS = native_ising.paths()


def name_of(vector: dict[str, Any]) -> str:
    return f"{vector['topology']}-{vector['fields']}"


def rules_of(vector: dict[str, Any]) -> PuzzleRules:
    cutoffs = tuple(tuple(row) for row in vector["cutoffs"])
    return PuzzleRules(build_topology(vector["topology"]), vector["fields"], 4, cutoffs, 0, 3, 2)


@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_vectors_hold_natively(vector: dict[str, Any]) -> None:
    rules = rules_of(vector)
    puzzle = Puzzle(rules)
    seed = seed_of(bytes.fromhex(vector["sealing_hash"]), bytes.fromhex(vector["nonce"]))
    assert seed.hex() == vector["seed"]
    assert gate_open(seed, vector["gate_bits_open"])
    assert not gate_open(seed, vector["gate_bits_open"] + 1)
    assert native_ising.stream(seed, 0, 128).hex() == vector["stream_first_128"]
    model = puzzle.model(seed)
    assert model.couplings[:32] == vector["first_couplings"]
    negative = bytes(j < 0 for j in model.couplings)
    assert hashlib.sha256(negative).hexdigest() == vector["negative_couplers_sha256"]
    assert model.fields[:32] == vector["first_fields"]
    assert model.start_offset == vector["start_offset"]
    for number, draw in vector["draws"].items():
        place = vector["start_offset"] + 64 * vector["n"] + 2 * int(number)
        assert int.from_bytes(native_ising.stream(seed, place, 2), "little") == draw
    assert hashlib.sha256(rules.topology.packed_order()).hexdigest() == vector["order_sha256"]
    assert rules.topology.digest.hex() == vector["graph_digest"]
    solutions = [bytes.fromhex(one) for one in vector["solutions"]]
    assert puzzle.energies(seed, solutions) == vector["energies"]
    assert puzzle.minimum_distance(solutions) == min(vector["distances"])
    assert puzzle.malformed(solutions) is None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("vector", VECTORS, ids=name_of)
def test_baseline_is_the_same_on_every_path(vector: dict[str, Any], path: str) -> None:
    puzzle = Puzzle(rules_of(vector))
    samples = puzzle.model(bytes.fromhex(vector["seed"])).baseline(puzzle.schedule, path=path)
    assert samples is not None
    assert samples.total == vector["baseline"]
    assert samples.energies[:8] == vector["first_baseline_energies"]


def test_vectors_are_what_the_reference_makes() -> None:
    small = [vector for vector in VECTORS if vector["n"] < 1000]
    assert len(small) == 6
    for vector in small:
        assert case(vector["topology"], vector["fields"], vector["sweeps"]) == vector


@examples(25)
@given(
    st.sampled_from([{"family": "zephyr", "m": 1, "t": 2}, {"family": "chimera", "m": 2, "t": 2}]),
    st.sampled_from(["none", "ternary"]),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=8, max_size=8),
)
def test_native_equals_reference(params: dict[str, Any], fields: str, sealing_hash: bytes, nonce: bytes) -> None:
    topology = build_topology(params)
    width = topology.max_degree + 2
    rules = PuzzleRules(topology, fields, 4, tuple(tuple((r + [0] * width)[:width]) for r in ROWS[:3]), 0, 2, 2)
    puzzle = Puzzle(rules)
    seed = seed_of(sealing_hash, nonce)
    assert seed == ising.seed_of(sealing_hash, nonce)
    instance = ising.expand(rules, seed)
    model = puzzle.model(seed)
    assert (tuple(model.couplings), tuple(model.fields)) == (instance.couplings, instance.fields)
    assert model.start_offset == instance.start_offset
    assert puzzle.baseline(seed) == ising.baseline(rules, seed)
    length = 200
    assert native_ising.stream(seed, 77, length) == keyed_stream(seed, 77, length)


@pytest.mark.parametrize("bits", [0, 1, 7, 8, 9, 13])
def test_gate_search_finds_the_first_open_nonce(bits: int) -> None:
    sealing_hash = bytes([bits]) * 32
    found = search_gate(sealing_hash, 10, 1 << 17, bits)
    assert found is not None
    nonce, seed = found
    assert ising.gate_open(seed, bits)
    assert seed == seed_of(sealing_hash, nonce.to_bytes(8, "big"))
    before = range(10, min(nonce, 10 + 300))
    assert not any(gate_open(seed_of(sealing_hash, k.to_bytes(8, "big")), bits) for k in before)
    assert search_gate(sealing_hash, 10, nonce - 10, bits) is None


def test_gate_search_wraps() -> None:
    found = search_gate(bytes(32), (1 << 64) - 1, 4096, 8)
    assert found is not None
    assert found[0] < 4096


def test_malformed_solutions_are_told_apart() -> None:
    puzzle = Puzzle(rules_of(VECTORS[0]))
    good = [bytes.fromhex(one) for one in VECTORS[0]["solutions"]]
    flipped = bytes(byte ^ 0xFF for byte in good[0])
    for bad, word in (
        (good[:2], "solutions instead"),
        ([good[0][:-1], *good[1:]], "bytes instead"),
        ([flipped, *good[1:]], "s_0"),
        ([good[1], good[0], good[2]], "ascending"),
        ([good[0], good[0], good[2]], "ascending"),
    ):
        assert word in (puzzle.malformed(bad) or "")


def test_padding_bits_are_refused() -> None:
    topology = build_topology({"family": "zephyr", "m": 1, "t": 1})
    puzzle = Puzzle(PuzzleRules(topology, "ternary", 0, ((65536,),), 0, 1, 0))
    assert puzzle.malformed([b"\x00\x0f"]) is None
    assert "padding" in (puzzle.malformed([b"\x00\x10"]) or "")


def anneal_on(path: str) -> native_ising.Samples | None:
    puzzle = Puzzle(rules_of(VECTORS[0]))
    return puzzle.model(bytes(32)).anneal(puzzle.schedule, 1, path=path)


@pytest.mark.parametrize(
    "call",
    [
        lambda: native_ising.seed(bytes(31), bytes(8)),
        lambda: native_ising.seed(bytes(32), bytes(9)),
        lambda: native_ising.gate_open(bytes(31), 3),
        lambda: native_ising.Graph(2, b"\1", b""),
        lambda: native_ising.Graph(2, bytes(8), bytes(8)),
        lambda: native_ising.Schedule([[65535]]),
        lambda: native_ising.Schedule([[65536, 5, 6]]),
        lambda: native_ising.Schedule([[]]),
        lambda: native_ising.Schedule([[65536] * 27]),
        lambda: Puzzle(rules_of(VECTORS[0])).energies(bytes(32), [bytes(5)]),
        lambda: Puzzle(rules_of(VECTORS[0])).minimum_distance([bytes(5), bytes(6)]),
        lambda: (
            Puzzle(rules_of(VECTORS[0])).model(bytes(32)).anneal(Puzzle(rules_of(VECTORS[0])).schedule, 1, path="mmx")
        ),
    ],
)
def test_bad_arguments(call: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        call()


def test_energies_of_a_run_are_those_of_its_configurations() -> None:
    puzzle = Puzzle(rules_of(VECTORS[3]))
    seed = bytes.fromhex(VECTORS[3]["seed"])
    runs = [puzzle.model(seed).anneal(puzzle.schedule, 99, path=path) for path in PATHS]
    assert all(run is not None and run.energies == runs[0].energies for run in runs)  # type: ignore[union-attr]
    run = runs[0]
    assert run is not None
    packed = [run.replica(r) for r in range(REPLICAS)]
    assert puzzle.energies(seed, packed) == run.energies
    assert run.best == min(run.energies)


def brute_force(packed: list[bytes], n: int, count: int, least: int) -> bool:
    """Whether `count` configurations at least `least` apart exist."""

    def extend(start: int, chosen: list[bytes]) -> bool:
        if len(chosen) == count:
            return True
        return any(
            all(ising.distance(packed[k], other, n, True) >= least for other in chosen)
            and extend(k + 1, [*chosen, packed[k]])
            for k in range(start, len(packed))
        )

    return extend(0, [])


def test_selection_finds_what_brute_force_finds() -> None:
    draw = random.Random(20)
    n, exist, found = 24, 0, 0
    for _ in range(300):
        size, count, least = draw.randint(4, 16), draw.randint(2, 6), draw.randint(6, 11)
        packed = [ising.pack([draw.choice((-1, 1)) for _ in range(n)], True) for _ in range(size)]
        chosen = native_ising.choose(packed, n, True, count, least)
        if chosen is not None:
            assert len(set(chosen)) == count
            picked = [packed[k] for k in chosen]
            assert all(ising.distance(a, b, n, True) >= least for k, a in enumerate(picked) for b in picked[k + 1 :])
            found += 1
        exist += brute_force(packed, n, count, least)
    assert exist > 50
    assert found >= 0.95 * exist


def test_diverse_set_of_a_run() -> None:
    rules = rules_of(VECTORS[2])
    puzzle = Puzzle(rules)
    seed = bytes.fromhex(VECTORS[2]["seed"])
    run = puzzle.model(seed).anneal(puzzle.schedule, 5)
    assert run is not None
    result = run.diverse(10_000, 4, 20, True)
    assert result is not None
    bound, chosen = result
    assert chosen == sorted(set(chosen))
    assert max(puzzle.energies(seed, chosen)) <= bound
    assert native_ising.minimum_distance(chosen, rules.topology.n, True) >= 20
    assert run.diverse(run.best - 1, 1, 0, True) is None
    cancel = native_ising.CancelFlag()
    cancel.set()
    assert run.diverse(10_000, 4, 20, True, cancel) is None
    assert run.diverse(bound - 1, 4, 20, True) is None
