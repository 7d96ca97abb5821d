"""Is this set of solutions a proof of the header's work? Everything is recomputed; the cheapest check comes first.

    canonical form -> distances -> energies against B_cap -> the baseline -> energies against B

A proof is exactly min_solutions spin configurations, each with 512 E + margin <= min(B, B_cap), every pair at least
min_distance apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from quip.consensus.errors.seal import (
    EnergyAboveBaseline,
    EnergyAboveCap,
    MalformedSolutions,
    SolutionsTooClose,
    WrongSolutionCount,
)
from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec.chain_spec import PuzzleSpec
from quip.ising.puzzle import REPLICAS, Puzzle, PuzzleRules
from quip.ising.topology import TopologyError, build_topology


def puzzle_rules(spec: PuzzleSpec) -> PuzzleRules:
    """The puzzle's rules with their graph built and checked. Raises InvalidSpec if the graph is not the spec's."""
    try:
        topology = build_topology(spec.topology.params())
    except TopologyError as error:
        raise InvalidSpec("puzzle.topology", str(error)) from error
    if topology.n == 0:
        raise InvalidSpec("puzzle.topology", "the graph has no nodes")
    if topology.digest != spec.topology.digest:
        found = topology.digest.hex()
        raise InvalidSpec("puzzle.topology.digest", f"0x{spec.topology.digest.hex()}, but the graph's is 0x{found}")
    entries = topology.max_degree + 2
    if len(spec.cutoffs[0]) != entries:
        raise InvalidSpec("puzzle.baseline.cutoffs", f"{len(spec.cutoffs[0])} entries in a row, not {entries}")
    if spec.min_distance > topology.n // (2 if spec.fields == "none" else 1):
        raise InvalidSpec("puzzle.min_distance", f"{spec.min_distance} cannot be reached on {topology.n} spins")
    return PuzzleRules(
        topology=topology,
        fields=spec.fields,
        gate_bits=spec.gate_bits,
        cutoffs=spec.cutoffs,
        baseline_cap=spec.baseline_cap,
        min_solutions=spec.min_solutions,
        min_distance=spec.min_distance,
    )


def check_proof(puzzle: Puzzle, seed: bytes, solutions: Sequence[bytes], margin: int) -> None:
    """Raises a ProofError unless `solutions` prove the work of a header with that seed and margin."""
    rules = puzzle.rules
    if len(solutions) != rules.min_solutions:
        raise WrongSolutionCount(count=len(solutions), expected=rules.min_solutions)
    reason = puzzle.malformed(solutions)
    if reason is not None:
        raise MalformedSolutions(reason)
    distance = puzzle.minimum_distance(solutions) if len(solutions) > 1 else rules.min_distance
    if distance < rules.min_distance:
        raise SolutionsTooClose(distance=distance, min_distance=rules.min_distance)
    worst = max(puzzle.energies(seed, solutions))
    if REPLICAS * worst + margin > rules.baseline_cap:
        raise EnergyAboveCap(energy=worst, margin=margin, cap=rules.baseline_cap)
    baseline = puzzle.baseline(seed)
    if REPLICAS * worst + margin > baseline:
        puzzle.remember(seed, baseline)  # another seal of the same header costs its sender next to nothing
        raise EnergyAboveBaseline(energy=worst, margin=margin, baseline=baseline)


def max_energy(baseline: int, margin: int) -> int:
    """The highest energy that still wins: floor((B - margin) / 512)."""
    return (baseline - margin) // REPLICAS
