"""Makes puzzle.json and graph.json in tests/vectors by the plain reference.

cd tests && python -m reference.make_puzzle_vectors
"""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

from quip.ising.puzzle import PuzzleRules
from quip.ising.topology import build_topology
from reference import ising, zephyr
from reference.blake3 import keyed_stream

OUT = Path(__file__).parent.parent / "vectors" / "puzzle.json"
GRAPH = OUT.with_name("graph.json")

# Integer cutoffs as a spec holds them: what they approximate does not matter to the law.
ROWS = (
    [65536, 53656, 43930, 35967, 29447, 24109, 19739, 16161, 13231, 10833, 8869, 7262, 5945, 4868, 3985, 3263, 2671],
    [65536, 39934, 24334, 14828, 9035, 5506, 3355, 2044, 1246, 759, 463, 282, 172, 105, 64, 39, 24],
    [65536, 9503, 1378, 200, 29, 4, 1],
    [65536, 162],
)
DRAWS = (0, 1, 40)
"""Numbers of the draws that are written out."""
CASES = (
    ({"family": "zephyr", "m": 1, "t": 4}, "none", 4),
    ({"family": "zephyr", "m": 1, "t": 4}, "ternary", 4),
    ({"family": "zephyr", "m": 2, "t": 4}, "none", 3),
    ({"family": "zephyr", "m": 2, "t": 2}, "ternary", 2),
    ({"family": "chimera", "m": 2, "t": 4}, "ternary", 3),
    ({"family": "pegasus", "m": 2, "t": 4}, "none", 2),
    ({"family": "zephyr", "m": 12, "t": 4}, "none", 1),
)


def rules_of(params: dict[str, Any], fields: str, sweeps: int) -> PuzzleRules:
    """Rules of a case: cutoff rows padded with zeros to the graph's degree + 2 entries."""
    topology = build_topology(params)
    width = topology.max_degree + 2
    rows = tuple(tuple((row + [0] * width)[:width]) for row in ROWS[:sweeps])
    return PuzzleRules(topology, fields, 4, rows, 0, 2, 2)


def case(params: dict[str, Any], fields: str, sweeps: int) -> dict[str, Any]:
    """One case of the file."""
    rules = rules_of(params, fields, sweeps)
    topology = rules.topology
    draw = random.Random(f"{params}{fields}")
    sealing_hash, nonce = draw.randbytes(32), draw.randbytes(8)
    seed = ising.seed_of(sealing_hash, nonce)
    instance = ising.expand(rules, seed)
    energies = ising.baseline_energies(rules, seed)
    spins = [[draw.choice((-1, 1)) for _ in range(topology.n)] for _ in range(3)]
    packed = sorted(ising.pack(one, rules.fold) for one in spins)
    pairs = [(a, b) for k, a in enumerate(packed) for b in packed[k + 1 :]]
    return {
        "topology": params,
        "fields": fields,
        "sweeps": sweeps,
        "cutoffs": [list(row) for row in rules.cutoffs],
        "n": topology.n,
        "couplers": len(topology.couplers),
        "graph_digest": topology.digest.hex(),
        "order_sha256": hashlib.sha256(topology.packed_order()).hexdigest(),
        "sealing_hash": sealing_hash.hex(),
        "nonce": nonce.hex(),
        "seed": seed.hex(),
        "gate_bits_open": next(bits for bits in range(256, -1, -1) if ising.gate_open(seed, bits)),
        "stream_first_128": keyed_stream(seed, 0, 128).hex(),
        "negative_couplers_sha256": hashlib.sha256(bytes(j < 0 for j in instance.couplings)).hexdigest(),
        "first_couplings": list(instance.couplings[:32]),
        "first_fields": list(instance.fields[:32]),
        "start_offset": instance.start_offset,
        "draws": {str(number): draw_of(seed, instance.start_offset, topology.n, number) for number in DRAWS},
        "baseline": sum(energies),
        "first_baseline_energies": energies[:8],
        "solutions": [one.hex() for one in packed],
        "energies": [ising.energy(topology, instance, ising.unpack(one, topology.n)) for one in packed],
        "distances": [ising.distance(a, b, topology.n, rules.fold) for a, b in pairs],
    }


def draw_of(seed: bytes, start_offset: int, n: int, number: int) -> int:
    """The draw of sweep s and node i is number s n + i."""
    return int.from_bytes(keyed_stream(seed, start_offset + 64 * n + 2 * number, 2), "little")


def graph() -> dict[str, Any]:
    """The test network's graph: for those who do not build graphs."""
    return {"couplers": zephyr.couplers(1, 4), "order": zephyr.visiting_order(1, 4)}


def text_of(vector: object) -> str:
    """A file's text: one row a line would be too long, one number a line too many."""
    return json.dumps(vector, separators=(",", ":")).replace('"order"', '\n"order"') + "\n"


if __name__ == "__main__":
    GRAPH.write_text(text_of(graph()))
    OUT.write_text(json.dumps([case(*one) for one in CASES], indent=1) + "\n")
