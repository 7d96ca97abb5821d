"""Instance, baseline and proof."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations, pairwise

from second_reading.encoding import Violation
from second_reading.hashes import Stream
from second_reading.spec import Spec

REPLICAS = 512
ALL = (1 << REPLICAS) - 1


class Instance:
    """The couplings and fields of a seed, and its baseline."""

    def __init__(self, spec: Spec, seed: bytes) -> None:
        self.spec, self.graph, self.stream = spec, spec.graph, Stream(seed)
        pairs, n = self.graph.couplers, self.graph.n
        bits = int.from_bytes(self.stream.read((len(pairs) + 7) // 8), "little")
        self.couplings = [(i, j, -1 if bits >> index & 1 else 1) for index, (i, j) in enumerate(pairs)]
        self.fields: list[int] = []
        while spec.fields and len(self.fields) < n:
            byte = self.stream.read(1)[0]
            self.fields += [byte % 3 - 1] if byte < 252 else []
        self.stream.align()
        self.known_baseline: int | None = None

    def energy(self, solution: bytes) -> int:
        bits = int.from_bytes(solution, "little")
        spins = [2 * (bits >> i & 1) - 1 for i in range(self.graph.n)]
        fields = sum(h * s for h, s in zip(self.fields, spins, strict=False))
        return fields + sum(coupling * spins[i] * spins[j] for i, j, coupling in self.couplings)

    def baseline(self) -> int:
        """B; what it needs of the stream can be read once."""
        if self.known_baseline is None:
            self.known_baseline = self._energies_after(self._sweeps())
        return self.known_baseline

    def _sweeps(self) -> list[int]:
        """Bit r of the number x[i] is spin i of replica r, so that all replicas take one step together."""
        n, rows = self.graph.n, self.spec.puzzle["baseline"]["cutoffs"]
        start, draws = self.stream.read(64 * n), self.stream.read(2 * len(rows) * n)
        x = [int.from_bytes(start[64 * i : 64 * i + 64], "little") for i in range(n)]
        bonds: list[list[tuple[int, int]]] = [[] for _ in range(n)]  # (neighbour, what makes a 1 of unsatisfied)
        for i, j, coupling in self.couplings:
            bonds[i].append((j, ALL if coupling == 1 else 0))
            bonds[j].append((i, ALL if coupling == 1 else 0))
        for sweep, row in enumerate(rows):
            for i in self.graph.order:
                spin = x[i]
                unsatisfied = [spin ^ x[j] ^ same for j, same in bonds[i]]
                if self.fields and self.fields[i]:
                    unsatisfied.append(spin if self.fields[i] == 1 else spin ^ ALL)
                draw = int.from_bytes(draws[2 * (sweep * n + i) : 2 * (sweep * n + i) + 2], "little")
                reach = sum(draw < cutoff for cutoff in row) - 1  # the largest k that still flips
                x[i] = spin ^ at_least(unsatisfied, -((reach - len(unsatisfied)) // 2))
        return x

    def _energies_after(self, x: list[int]) -> int:
        """The sum over all replicas."""
        total = sum(c * (REPLICAS - 2 * (x[i] ^ x[j]).bit_count()) for i, j, c in self.couplings)
        return total + sum(h * (2 * spins.bit_count() - REPLICAS) for h, spins in zip(self.fields, x, strict=False))


def at_least(flags: list[int], threshold: int) -> int:
    """Bit r is set iff at least `threshold` of the flags have it: counted in binary, one number per digit."""
    if threshold > len(flags):
        return 0
    digits: list[int] = []
    for flag in flags:
        carry = flag
        for place, digit in enumerate(digits):
            digits[place], carry = digit ^ carry, digit & carry
            if not carry:
                break
        if carry:
            digits.append(carry)
    if threshold >> len(digits) and threshold > 0:
        return 0
    enough = ALL
    for place, digit in enumerate(digits):
        enough = enough & digit if max(threshold, 0) >> place & 1 else enough | digit
    return enough


@lru_cache(maxsize=8)
def instance(spec: Spec, seed: bytes) -> Instance:
    return Instance(spec, seed)


def distance(spec: Spec, a: bytes, b: bytes) -> int:
    d = (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).bit_count()
    return d if spec.fields else min(d, spec.graph.n - d)


def margin(ladder: list[tuple[int, int]], level: int) -> int:
    (l0, m0), (l1, m1) = next((a, b) for a, b in pairwise(ladder) if a[0] <= level <= b[0])
    return m0 + (m1 - m0) * (level - l0) // (l1 - l0)


def proof_violations(spec: Spec, solutions: tuple[bytes, ...], seed: bytes, level: int) -> Iterator[Violation]:
    puzzle, n = spec.puzzle, spec.graph.n
    if len(solutions) != puzzle["min_solutions"]:
        yield "solution count", f"{len(solutions)}, not {puzzle['min_solutions']}"
    for s in solutions:
        if len(s) != (n + 7) // 8 or int.from_bytes(s, "little") >> n or not (spec.fields or s[0] & 1):
            yield "solution form", s.hex()
    if any(a >= b for a, b in pairwise(solutions)):
        yield "solution order", "the solutions do not ascend strictly"
    least = min((distance(spec, a, b) for a, b in combinations(solutions, 2)), default=n)
    if least < puzzle["min_distance"]:
        yield "distance", f"{least} < {puzzle['min_distance']}"
    task = instance(spec, seed)
    worst = 512 * max(map(task.energy, solutions), default=0) + margin(puzzle["ladder"], level)
    if worst > puzzle["baseline"]["cap"] or worst > task.baseline():
        yield "energy", f"energy and margin {worst} > baseline {task.baseline()} or cap {puzzle['baseline']['cap']}"
