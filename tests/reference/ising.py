"""The puzzle in plain Python: the readable law, used only by tests and to make the golden vectors.

512 replicas are one big integer per spin: bit r is replica r. Integers only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from quip.ising.puzzle import REPLICAS, PuzzleRules
from quip.ising.topology import Topology
from reference.blake3 import derive_key, keyed_stream

SEED_CONTEXT = "quip 2026 ising seed v1"
ALL = (1 << REPLICAS) - 1


def seed_of(sealing_hash: bytes, nonce: bytes) -> bytes:
    """32-byte seed of a sealing hash (32 B) and a nonce (8 B)."""
    return derive_key(SEED_CONTEXT, sealing_hash + nonce)


def gate_open(seed: bytes, bits: int) -> bool:
    """Whether the first `bits` bits, most significant first, are zero."""
    return int.from_bytes(seed, "big") >> (256 - bits) == 0


@dataclass(frozen=True, slots=True)
class Instance:
    """Couplings (+-1, canonical order), fields (one per spin, or empty) and where the baseline's stream begins."""

    couplings: tuple[int, ...]
    fields: tuple[int, ...]
    start_offset: int


def expand(rules: PuzzleRules, seed: bytes) -> Instance:
    """The instance that a seed draws: coupler bits, then ternary fields with rejection of bytes >= 252."""
    m, n = len(rules.topology.couplers), rules.topology.n
    size = (m + 7) // 8
    bits = int.from_bytes(keyed_stream(seed, 0, size), "little")
    couplings = tuple(-1 if bits >> k & 1 else 1 for k in range(m))
    offset = size
    fields: list[int] = []
    while rules.fields == "ternary" and len(fields) < n:
        (byte,) = keyed_stream(seed, offset, 1)
        offset += 1
        if byte < 252:
            fields.append(byte % 3 - 1)
    return Instance(couplings, tuple(fields), (offset + 63) // 64 * 64)


def neighbours(topology: Topology, couplings: Sequence[int]) -> list[list[tuple[int, int]]]:
    """(neighbour, J) of every spin."""
    out: list[list[tuple[int, int]]] = [[] for _ in range(topology.n)]
    for (u, v), j in zip(topology.couplers, couplings, strict=True):
        out[u].append((v, j))
        out[v].append((u, j))
    return out


def metropolis(rules: PuzzleRules, instance: Instance, words: list[int], draws: Sequence[Sequence[int]]) -> list[int]:
    """All sweeps on 512-replica words (one per spin, changed in place). draws[sweep][spin] is below 65536."""
    bonds = neighbours(rules.topology, instance.couplings)
    for cutoffs, drawn in zip(rules.cutoffs, draws, strict=True):
        for v in rules.topology.order:
            unsatisfied = [(words[u] ^ words[v]) if j < 0 else ~(words[u] ^ words[v]) & ALL for u, j in bonds[v]]
            field = instance.fields[v] if instance.fields else 0
            if field:
                unsatisfied.append(words[v] if field > 0 else ~words[v] & ALL)
            words[v] ^= flips(unsatisfied, cutoffs, drawn[v])
    return words


def flips(unsatisfied: Sequence[int], cutoffs: Sequence[int], draw: int) -> int:
    """Replicas that flip: with u of D bonds unsatisfied and k = D - 2u, those with k <= 0 or draw < cutoffs[k]."""
    exactly = [ALL] + [0] * len(unsatisfied)  # exactly[u]: replicas with u unsatisfied bonds so far
    for number, word in enumerate(unsatisfied):
        for u in range(number + 1, 0, -1):
            exactly[u] = (exactly[u] & ~word) | (exactly[u - 1] & word)
        exactly[0] &= ~word
    out = 0
    for u, replicas in enumerate(exactly):
        k = len(unsatisfied) - 2 * u
        if k <= 0 or draw < cutoffs[k]:
            out |= replicas
    return out & ALL


def energy(topology: Topology, instance: Instance, spins: Sequence[int]) -> int:
    """E(s) = sum h_i s_i + sum J_uv s_u s_v, spins +-1."""
    total = sum(j * spins[u] * spins[v] for (u, v), j in zip(topology.couplers, instance.couplings, strict=True))
    return total + sum(h * s for h, s in zip(instance.fields, spins, strict=False))


def unpack(packed: bytes, n: int) -> list[int]:
    """Spins +-1 of a packed configuration."""
    bits = int.from_bytes(packed, "little")
    return [1 if bits >> i & 1 else -1 for i in range(n)]


def pack(spins: Sequence[int], fold: bool) -> bytes:
    """The packed configuration; with `fold`, of the flip that has s_0 = +1."""
    sign = spins[0] if fold else 1
    bits = sum(1 << i for i, s in enumerate(spins) if s * sign > 0)
    return bits.to_bytes((len(spins) + 7) // 8, "little")


def distance(a: bytes, b: bytes, n: int, fold: bool) -> int:
    """Hamming distance; with `fold`, min(d, n - d)."""
    d = (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).bit_count()
    return min(d, n - d) if fold else d


def baseline_energies(rules: PuzzleRules, seed: bytes) -> list[int]:
    """The 512 final energies whose sum is B."""
    instance = expand(rules, seed)
    n = rules.topology.n
    block = keyed_stream(seed, instance.start_offset, 64 * n + 2 * n * rules.sweeps)
    words = [int.from_bytes(block[64 * i : 64 * i + 64], "little") for i in range(n)]
    drawn = [int.from_bytes(block[k : k + 2], "little") for k in range(64 * n, len(block), 2)]
    metropolis(rules, instance, words, [drawn[s * n : s * n + n] for s in range(rules.sweeps)])
    energies = []
    for r in range(REPLICAS):
        energies.append(energy(rules.topology, instance, [1 if word >> r & 1 else -1 for word in words]))
    return energies


def baseline(rules: PuzzleRules, seed: bytes) -> int:
    """B."""
    return sum(baseline_energies(rules, seed))
