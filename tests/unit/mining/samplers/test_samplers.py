"""One conformance suite for every sampler; energies are scored again in integers."""

from typing import Any, ClassVar

import dimod
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler, SteepestDescentSampler

from quip._native import ising as native_ising
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.ising.puzzle import Puzzle, PuzzleRules
from quip.ising.topology import build_topology
from quip.mining.samplers.cpu import CpuReferenceSampler, CpuSampler
from quip.mining.samplers.cpu_fallback import CpuFallback
from quip.mining.samplers.dimod import DimodBacked, NativeDimodSampler, binary_model
from quip.mining.samplers.sampler import PackedSamples, Sampler, SamplerFailure, folded
from quip.mining.samplers.schedule import Betas, cutoff_rows
from quip.networks.shipped import load_spec
from reference import ising

SAMPLERS: list[Sampler] = [
    *(CpuSampler(path) for path in native_ising.paths()),
    CpuFallback("gpu", "no GPU"),
    CpuReferenceSampler(),
    DimodBacked(SteepestDescentSampler(), "descent", "dwave-samplers"),
]
SEED = bytes(range(32))


def puzzle_of(fields: str) -> Puzzle:
    topology = build_topology({"family": "zephyr", "m": 1, "t": 4})
    rows = tuple(tuple(row[: topology.max_degree + 2]) for row in cutoff_rows(4))
    return Puzzle(PuzzleRules(topology, fields, 0, rows, 0, 3, 4))


@pytest.mark.parametrize("fields", ["none", "ternary"])
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: f"{sampler.kind}-{sampler.device}")
def test_conformance(sampler: Sampler, fields: str) -> None:
    puzzle = puzzle_of(fields)
    rules = puzzle.rules
    drawn = sampler.sample(puzzle.model(SEED), 24, 32, 7, native_ising.CancelFlag())
    assert drawn is not None
    assert len(drawn.samples.energies) >= 24
    assert drawn.samples.best == min(drawn.samples.energies)
    found = drawn.samples.diverse(0, rules.min_solutions, rules.min_distance, rules.fold)
    assert found is not None, "24 reads of 48 spins hold three solutions"
    bound, chosen = found
    assert puzzle.malformed(chosen) is None
    assert max(puzzle.energies(SEED, chosen)) == bound
    assert puzzle.minimum_distance(chosen) >= rules.min_distance


@pytest.mark.parametrize("sampler", SAMPLERS[:-1], ids=lambda sampler: f"{sampler.kind}-{sampler.device}")
def test_a_cancelled_call_gives_nothing(sampler: Sampler) -> None:
    cancel = native_ising.CancelFlag()
    cancel.set()
    assert sampler.sample(puzzle_of("none").model(SEED), 8, 64, 7, cancel) is None


def test_native_runs_repeat_for_equal_seeds_only() -> None:
    model = puzzle_of("none").model(SEED)
    runs = [CpuSampler().sample(model, 512, 3, seed, native_ising.CancelFlag()) for seed in (1, 1, 2)]
    energies = [run.samples.energies for run in runs if run is not None]
    assert energies[0] == energies[1] != energies[2]


def test_annealing_beats_its_own_short_runs_and_reaches_the_ground_state() -> None:
    puzzle = puzzle_of("none")
    model = puzzle.model(SEED)
    means = []
    for sweeps in (1, 8, 256):
        drawn = CpuSampler().sample(model, 512, sweeps, 3, native_ising.CancelFlag())
        assert drawn is not None
        means.append(sum(drawn.samples.energies) / 512)
    assert means[0] > means[1] > means[2]
    assert drawn is not None
    reference_best = CpuReferenceSampler().sample(model, 64, 256, 3, native_ising.CancelFlag())
    assert reference_best is not None
    assert drawn.samples.best == reference_best.samples.best


def test_greedy_rows_end_in_local_minima() -> None:
    puzzle = puzzle_of("none")
    model = puzzle.model(SEED)
    drawn = CpuSampler(betas=Betas(0.1, 0.5), greedy=40).sample(model, 512, 44, 3, native_ising.CancelFlag())
    assert drawn is not None
    topology = puzzle.rules.topology
    instance = ising.expand(puzzle.rules, SEED)
    for packed in (drawn.samples.diverse(0, 3, 4, True) or (0, []))[1]:
        spins = ising.unpack(packed, topology.n)
        bonds = ising.neighbours(topology, instance.couplings)
        assert all(spins[v] * sum(j * spins[u] for u, j in bonds[v]) <= 0 for v in range(topology.n))


def test_an_unknown_path_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot run"):
        CpuSampler("mmx")


def test_the_model_as_dimod_sees_it() -> None:
    puzzle = puzzle_of("ternary")
    model = puzzle.model(SEED)
    bqm = binary_model(model)
    spins = np.random.default_rng(5).choice([-1, 1], (6, model.n)).astype(np.int8)
    packed = [row.tobytes() for row in np.packbits(spins > 0, axis=1, bitorder="little")]
    assert list(bqm.energies((spins, range(model.n)))) == model.energies(packed)


def test_the_kernel_as_a_dimod_sampler_finds_ground_states() -> None:
    bqm = dimod.BinaryQuadraticModel({"a": 1, "b": 0, "c": -1, "d": 0}, {"ab": -1, "bc": 1, "cd": 1, "da": 1}, "SPIN")
    answer = NativeDimodSampler().sample(bqm, num_reads=64, num_sweeps=64, seed=3)
    dimod.testing.assert_response_energies(answer, bqm)
    assert answer.first.energy == dimod.ExactSolver().sample(bqm).first.energy
    with pytest.raises(ValueError, match="couplings of -1 or \\+1"):
        NativeDimodSampler().sample(dimod.BinaryQuadraticModel({}, {"ab": 2}, "SPIN"))


def test_rounds_make_the_dimod_sampler_an_optimiser() -> None:
    """From runs so short that they end far from the ground state."""
    bqm = binary_model(Puzzle(puzzle_rules(load_spec("public").puzzle)).model(SEED))
    sampled = NativeDimodSampler().sample(bqm, num_sweeps=3, seed=4)
    refined = NativeDimodSampler().sample(bqm, num_sweeps=3, seed=4, num_rounds=6, num_reads=40)
    energies = list(refined.record.energy)
    assert energies == list(bqm.energies(refined))
    assert len(energies) == 40
    assert energies[0] == min(energies)
    assert energies[0] < sampled.first.energy - 100


def test_lying_energies_are_scored_again() -> None:
    class Liar:
        parameters: ClassVar[dict[str, list[str]]] = {"num_reads": []}

        def sample(self, bqm: Any, num_reads: int) -> Any:
            answer = SimulatedAnnealingSampler().sample(bqm, num_reads=num_reads, num_sweeps=8, seed=1)
            answer.record.energy[:] = -10_000
            return answer

    puzzle = puzzle_of("none")
    model = puzzle.model(SEED)
    drawn = DimodBacked(Liar(), "liar", "none").sample(model, 4, 1, 1, native_ising.CancelFlag())
    assert drawn is not None
    assert drawn.samples.best > -10_000


def test_strange_spins_are_a_failure() -> None:
    class Strange:
        parameters: ClassVar[dict[str, list[str]]] = {}

        def sample(self, bqm: Any) -> Any:
            return dimod.SampleSet.from_samples(np.zeros((1, bqm.num_variables)), "SPIN", energy=[0])

    with pytest.raises((SamplerFailure, ValueError)):
        DimodBacked(Strange(), "strange", "none").sample(
            puzzle_of("none").model(SEED), 1, 1, 1, native_ising.CancelFlag()
        )


def test_folding() -> None:
    assert folded(b"\x03\x00", 12) == b"\x03\x00"
    assert folded(b"\x02\x00", 12) == b"\xfd\x0f"
    samples = PackedSamples((b"\x02\x00", b"\xfd\x0f", b"\x03\x00"), [1, 1, 2], 12)
    assert samples.diverse(1, 2, 0, True) is not None
    assert samples.diverse(2, 2, 1, True) is not None
    assert samples.diverse(0, 1, 0, True) is None
