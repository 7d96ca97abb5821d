"""What every sampler does, whatever hardware it runs on.

A sampler draws low-energy configurations of an instance. Nothing it says is believed: the miner has a proof checked by
the validator's own functions before it signs.
"""

from dataclasses import dataclass
from typing import Protocol

from quip._native import ising


class Samples(Protocol):
    """Configurations with their energies, by read."""

    @property
    def energies(self) -> list[int]:
        """E of each read."""
        ...

    @property
    def best(self) -> int:
        """The lowest energy."""
        ...

    def diverse(
        self, max_energy: int, count: int, min_distance: int, fold: bool, cancel: ising.CancelFlag | None = None
    ) -> tuple[int, list[bytes]] | None:
        """`count` packed configurations of at most `max_energy`, `min_distance` apart, ascending; with the least
        energy bound that allows it. None if there are none, or if cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """One call's result."""

    samples: Samples
    spin_updates: int
    """Work done, for samplers that count it; 0 elsewhere."""


class SamplerFailure(Exception):
    """A sampler could not do its job (no device, a time-out, wrong energies). Carries the cause in its text."""


class Sampler(Protocol):
    """Draws configurations of an instance."""

    kind: str
    """cpu, gpu, qpu, ..."""
    device: str
    """What it runs on, for people."""

    def sample(self, model: ising.Model, reads: int, sweeps: int, seed: int, cancel: ising.CancelFlag) -> Drawn | None:
        """At least `reads` configurations after `sweeps` sweeps; None: cancelled. Raises SamplerFailure.

        `seed` is a u64; deterministic samplers give equal samples for equal seeds.
        """
        ...


@dataclass(frozen=True, slots=True)
class PackedSamples:
    """Samples of a sampler that is not the native kernel."""

    packed: tuple[bytes, ...]
    """Configurations, best first."""
    energies: list[int]
    """In the order of `packed`."""
    n: int

    @property
    def best(self) -> int:
        return self.energies[0]

    def diverse(
        self, max_energy: int, count: int, min_distance: int, fold: bool, cancel: ising.CancelFlag | None = None
    ) -> tuple[int, list[bytes]] | None:
        def choose(among: list[bytes]) -> list[int] | None:
            return ising.choose(among, self.n, fold, count, min_distance, cancel)

        good = sum(energy <= max_energy for energy in self.energies)
        candidates = [folded(packed, self.n) if fold else packed for packed in self.packed[:good]]
        low, high, best = count, len(candidates), choose(candidates)
        if best is None:
            return None
        while low < high:
            middle = (low + high) // 2
            chosen = choose(candidates[:middle])
            if chosen is None:
                low = middle + 1
            else:
                best, high = chosen, middle
        return self.energies[high - 1], sorted(candidates[k] for k in best)


def folded(packed: bytes, n: int) -> bytes:
    """The configuration, flipped where s_0 = -1."""
    if packed[0] & 1:
        return packed
    bits = int.from_bytes(packed, "little") ^ ((1 << n) - 1)
    return bits.to_bytes(len(packed), "little")
