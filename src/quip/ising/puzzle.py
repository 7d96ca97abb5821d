"""The puzzle as consensus asks for it, over the native kernel.

One `Puzzle` is made per chain; its methods are pure, thread-safe, and release the GIL. `reference.puzzle` says the
same in plain Python, and tests hold the two equal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from quip._native import ising, seal
from quip.ising.topology import Topology

REPLICAS = 512
"""Replicas of the baseline; energies are compared in units of 1/512."""

FIELDS = ("none", "ternary")


BASELINES_REMEMBERED = 4_096
"""About 150 bytes each. One is remembered once a seal of its header failed at it: the next may come at once."""


@dataclass(frozen=True, slots=True)
class PuzzleRules:
    """What a chain spec fixes about its puzzle."""

    topology: Topology
    fields: str
    """"none", or "ternary": h in {-1, 0, +1}."""
    gate_bits: int
    """Leading zero bits of a seed that may be annealed."""
    cutoffs: tuple[tuple[int, ...], ...]
    """Baseline: cutoffs[sweep][k], in 1/65536, k = 0..maximum degree + 1."""
    baseline_cap: int
    """B_cap: no baseline counts for more."""
    min_solutions: int
    min_distance: int
    """Hamming distance between any two solutions of a proof; without fields min(d, n - d)."""

    @property
    def sweeps(self) -> int:
        return len(self.cutoffs)

    @property
    def fold(self) -> bool:
        """Whether a configuration and its flip are one solution: without fields."""
        return self.fields == "none"

    @property
    def solution_bytes(self) -> int:
        return (self.topology.n + 7) // 8


def seed_of(sealing_hash: bytes, nonce: bytes) -> bytes:
    """BLAKE3 derive-key(context, sealing hash || nonce): 32 bytes. Raises ValueError on other lengths than 32 and 8."""
    return ising.seed(sealing_hash, nonce)


def gate_open(seed: bytes, bits: int) -> bool:
    """Whether the seed's first `bits` bits are zero, most significant first."""
    return ising.gate_open(seed, bits)


def search_gate(sealing_hash: bytes, start: int, limit: int, bits: int) -> tuple[int, bytes] | None:
    """The first nonce of `limit` from `start` on (mod 2^64) that opens the gate, with its seed; or None."""
    return ising.search_gate(sealing_hash, start, limit, bits)


class Puzzle:
    """Instances, energies, distances and baselines under one chain's rules."""

    def __init__(self, rules: PuzzleRules | Callable[[], PuzzleRules]) -> None:
        """`rules`: or what makes them, once they are needed: building a graph takes most of a second."""
        self._rules = rules
        self._baselines: dict[bytes, int] = {}
        """By seed. Any thread may add one; full, it is replaced, never thinned out: no lock is needed."""

    @cached_property
    def rules(self) -> PuzzleRules:
        """What the chain spec fixes. Raises what making them raises."""
        return self._rules if isinstance(self._rules, PuzzleRules) else self._rules()

    @cached_property
    def graph(self) -> ising.Graph:
        """The native graph with the consensus visiting order."""
        topology = self.rules.topology
        return ising.Graph(topology.n, topology.packed_couplers(), topology.packed_order())

    @cached_property
    def schedule(self) -> ising.Schedule:
        """The baseline's cutoffs."""
        return ising.Schedule([list(row) for row in self.rules.cutoffs])

    @cached_property
    def verifier(self) -> seal.SealVerifier:
        """Signatures and proofs of whole seals in one native call."""
        rules = self.rules
        bounds = (rules.baseline_cap, rules.min_solutions, rules.min_distance)
        return seal.SealVerifier(self.graph, self.schedule, rules.fields == "ternary", bounds)

    def model(self, seed: bytes) -> ising.Model:
        """The instance that a seed draws."""
        return ising.Model.from_seed(self.graph, seed, self.rules.fields == "ternary")

    def energies(self, seed: bytes, solutions: Sequence[bytes]) -> list[int]:
        """E of each packed configuration. Raises ValueError on a wrong length."""
        return self.model(seed).energies(list(solutions))

    def minimum_distance(self, solutions: Sequence[bytes]) -> int:
        """The least pairwise distance (n for fewer than two). Raises ValueError on a wrong length."""
        return ising.minimum_distance(list(solutions), self.rules.topology.n, self.rules.fold)

    def baseline(self, seed: bytes) -> int:
        """B: the sum of the baseline's 512 final energies."""
        known = self._baselines.get(seed)
        if known is not None:
            return known
        samples = self.model(seed).baseline(self.schedule)
        assert samples is not None, "a run without a cancel flag ends by itself"
        return samples.total

    def remember(self, seed: bytes, baseline: int) -> None:
        """Keep a seed's baseline, because it will be asked for again."""
        if len(self._baselines) >= BASELINES_REMEMBERED:
            self._baselines = {}
        self._baselines[seed] = baseline

    def remembers(self, seed: bytes) -> bool:
        """True if the seed's baseline costs nothing now."""
        return seed in self._baselines

    def malformed(self, solutions: Sequence[bytes]) -> str | None:
        """Why `solutions` is no canonical proof (count, length, padding, s_0, order), or None."""
        rules = self.rules
        n = rules.topology.n
        if len(solutions) != rules.min_solutions:
            return f"{len(solutions)} solutions instead of {rules.min_solutions}"
        for number, packed in enumerate(solutions):
            if len(packed) != rules.solution_bytes:
                return f"solution {number} has {len(packed)} bytes instead of {rules.solution_bytes}"
            if n % 8 and packed[-1] >> (n % 8):
                return f"solution {number} has padding bits set"
            if rules.fold and not packed[0] & 1:
                return f"solution {number} has s_0 = -1"
            if number and solutions[number - 1] >= packed:
                return f"solution {number} does not follow solution {number - 1} in strictly ascending order"
        return None
