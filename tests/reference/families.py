"""Families in plain Python: noisy copies, component crossing, diverse recruiting (docs/mining.md). Used only by tests.

A configuration is a list of spins +-1. 512 replicas by spin are one big integer each, as in `reference.ising`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from quip.ising.puzzle import REPLICAS, PuzzleRules
from reference import ising

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
NOISE_BLOCK, ORDER_BLOCK = (1 << 32) - 2, (1 << 32) - 10
Spins = list[int]


def mix(z: int) -> int:
    """SplitMix64's output function."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB & WORD
    return z ^ z >> 31


def counter_word(key: int, block: int, index: int) -> int:
    """Word `index` of a block of the counter-based generator."""
    return mix((key + ((block << 32) + index) * GOLDEN) & WORD)


@dataclass
class Elite:
    """A configuration and its energy."""

    spins: Spins
    energy: int


@dataclass
class Families:
    """The state of one attempt."""

    rules: PuzzleRules
    instance: ising.Instance
    seed: int
    fold: bool
    elites: list[Elite] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    """512 replicas, by spin."""
    family: list[int] = field(default_factory=list)
    anneals: int = 0

    def key(self, anneal: int) -> int:
        """Of anneal number `anneal`."""
        return mix((self.seed + anneal + GOLDEN) & WORD)

    def load(self, replicas: Sequence[Spins]) -> None:
        """The replicas become these, again and again."""
        n = self.rules.topology.n
        filled = [replicas[r % len(replicas)] for r in range(REPLICAS)]
        self.words = [sum(1 << r for r in range(REPLICAS) if filled[r][i] > 0) for i in range(n)]

    def replica(self, r: int) -> Spins:
        """Replica r."""
        return [1 if word >> r & 1 else -1 for word in self.words]

    def energy(self, spins: Spins) -> int:
        """E of a configuration."""
        return ising.energy(self.rules.topology, self.instance, spins)

    def distance(self, a: Spins, b: Spins) -> int:
        """As the rule counts it."""
        d = sum(x != y for x, y in zip(a, b, strict=True))
        return min(d, len(a) - d) if self.fold else d

    def recruit(self, keep: int, most: int, slack: int) -> None:
        """Keeps the best elites; adds the best replicas that lie far from all."""
        self.elites = sorted(self.elites, key=lambda elite: elite.energy)[:keep]
        replicas = [self.replica(r) for r in range(REPLICAS)]
        for energy, r in sorted((self.energy(spins), r) for r, spins in enumerate(replicas)):
            far = all(self.distance(elite.spins, replicas[r]) >= slack for elite in self.elites)
            if far and len(self.elites) < most:
                self.elites.append(Elite(replicas[r], energy))

    def spread(self, noise: int, parents: int) -> None:
        """Replicas become noisy copies of the first elites."""
        parents = min(parents, len(self.elites)) or len(self.elites)
        self.family = [r * parents // REPLICAS for r in range(REPLICAS)]
        self.load([self.elites[a].spins for a in self.family])
        digits = [noise >> k & 1 for k in range(8)]
        while digits and not digits[0]:
            digits.pop(0)
        for i in range(len(self.words)):
            for j in range(REPLICAS // 64):
                flips = 0
                for d, digit in enumerate(digits):
                    drawn = counter_word(self.key(self.anneals + 1), NOISE_BLOCK - d, 8 * i + j)
                    flips = flips | drawn if digit else flips & drawn
                self.words[i] ^= flips << 64 * j

    def anneal(self) -> None:
        """With the schedule of the rules' cutoffs."""
        self.anneals += 1
        key, n = self.key(self.anneals), self.rules.topology.n
        draws = [
            [counter_word(key, sweep, i // 4) >> 16 * (i % 4) & 0xFFFF for i in range(n)]
            for sweep in range(self.rules.sweeps)
        ]
        ising.metropolis(self.rules, self.instance, self.words, draws)

    def cross(self, near: int) -> None:
        """Every replica with its elite, in random order."""
        order = list(range(REPLICAS))
        for r in range(1, REPLICAS):
            other = counter_word(self.key(self.anneals), ORDER_BLOCK, r) % (r + 1)
            order[r], order[other] = order[other], order[r]
        for r in order:
            self._cross(self.elites[self.family[r]], self.replica(r), near)

    def _cross(self, elite: Elite, other: Spins, near: int) -> None:
        n = len(other)
        differing = {i for i in range(n) if elite.spins[i] != other[i]}
        if self.fold and 2 * len(differing) > n:
            differing = set(range(n)) - differing
        for component in components(differing, ising.neighbours(self.rules.topology, self.instance.couplings)):
            flipped = [-s if i in component else s for i, s in enumerate(elite.spins)]
            energy = self.energy(flipped)
            if energy > elite.energy:
                continue
            room, lawful = 0, True
            for rival in self.elites:
                if rival is elite:
                    continue
                before, after = self.distance(elite.spins, rival.spins), self.distance(flipped, rival.spins)
                lawful &= after >= min(self.rules.min_distance, before)
                room += after - before if before < near else 0
            if lawful and (energy < elite.energy or room >= 0):
                elite.spins, elite.energy = flipped, energy


def components(members: set[int], bonds: Sequence[Sequence[tuple[int, int]]]) -> list[set[int]]:
    """Connected components of an induced subgraph, by their lowest vertex."""
    found, seen = [], set[int]()
    for root in sorted(members):
        if root in seen:
            continue
        component, edge = {root}, [root]
        while edge:
            fresh = {u for u, _ in bonds[edge.pop()] if u in members} - component
            component |= fresh
            edge.extend(fresh)
        seen |= component
        found.append(component)
    return found
