"""The graph that every instance lives on: a perfect-yield D-Wave graph, generated, in canonical order.

Nodes ascend by D-Wave's linear index and are renumbered 0..n-1; couplers (u < v) ascend lexicographically. The visiting
order of sweeps is part of the law: six coupler-free classes for Zephyr, a greedy colouring elsewhere.

>>> topology = build_topology({"family": "zephyr", "m": 1, "t": 1, "excluded_nodes": [], "excluded_couplers": []})
>>> topology.n, len(topology.couplers)
(12, 22)
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from quip.primitives.hashes import blake3

MAX_DEGREE = 24
"""The kernel's adder takes 24 neighbours and a field."""

FAMILIES = ("zephyr", "pegasus", "chimera")


class TopologyError(ValueError):
    """A graph description that names no graph we can use."""


@dataclass(frozen=True, slots=True)
class Topology:
    """A graph with its canonical numbering and visiting order."""

    name: str
    """For people: Zephyr(12,4)."""
    n: int
    """Spins, numbered 0..n-1."""
    couplers: tuple[tuple[int, int], ...]
    """Pairs u < v, ascending."""
    order: tuple[int, ...]
    """Visiting order of a sweep, a permutation of 0..n-1."""
    classes: tuple[int, ...]
    """Class of each spin; no coupler lies inside a class, and `order` visits classes one after the other."""

    @property
    def max_degree(self) -> int:
        degree = [0] * self.n
        for u, v in self.couplers:
            degree[u] += 1
            degree[v] += 1
        return max(degree, default=0)

    @property
    def digest(self) -> bytes:
        """BLAKE3(u32le n || u32le m || u32le pairs), 32 bytes; the chain spec holds it."""
        return blake3(struct.pack("<II", self.n, len(self.couplers)) + self.packed_couplers())

    def packed_couplers(self) -> bytes:
        """u32 little-endian pairs."""
        flat = [index for pair in self.couplers for index in pair]
        return struct.pack(f"<{len(flat)}I", *flat)

    def packed_order(self) -> bytes:
        """u32 little-endian indices."""
        return struct.pack(f"<{self.n}I", *self.order)


def build_topology(params: Mapping[str, Any]) -> Topology:
    """The graph of a chain spec's `topology` object.

    `params`: family ("zephyr", "pegasus" or "chimera"), m, t (Zephyr and Chimera), excluded_nodes (linear indices),
    excluded_couplers (pairs of linear indices). Raises TopologyError.
    """
    family = params.get("family")
    if family not in FAMILIES:
        raise TopologyError(f"unknown topology family {family!r}: one of {', '.join(FAMILIES)}")
    return _build(
        str(family),
        int(params["m"]),
        int(params.get("t", 4)),
        tuple(params.get("excluded_nodes", ())),
        tuple(tuple(pair) for pair in params.get("excluded_couplers", ())),
    )


@lru_cache(maxsize=8)
def _build(
    family: str, m: int, t: int, excluded_nodes: tuple[int, ...], excluded_couplers: tuple[tuple[int, ...], ...]
) -> Topology:
    if not 1 <= m <= 32 or not 1 <= t <= 8:
        raise TopologyError(f"m must be 1 to 32 and t 1 to 8, not {m} and {t}")
    linear_nodes, linear_edges = _generate(family, m, t)
    missing = set(excluded_nodes)
    if not missing <= set(linear_nodes):
        raise TopologyError(f"excluded nodes are not in the graph: {sorted(missing - set(linear_nodes))[:5]}")
    cut = {(min(pair), max(pair)) for pair in excluded_couplers}
    edges = {(min(u, v), max(u, v)) for u, v in linear_edges}
    if not cut <= edges:
        raise TopologyError(f"excluded couplers are not in the graph: {sorted(cut - edges)[:5]}")
    kept = sorted(set(linear_nodes) - missing)
    index = {node: i for i, node in enumerate(kept)}
    couplers = tuple(sorted((index[u], index[v]) for u, v in edges - cut if u in index and v in index))
    keys = _zephyr_keys(kept, m, t) if family == "zephyr" else greedy_keys(len(kept), couplers)
    order = tuple(sorted(range(len(kept)), key=keys.__getitem__))
    ranks = {value: rank for rank, value in enumerate(sorted({key[0] for key in keys}))}
    name = f"{family.capitalize()}({m}{'' if family == 'pegasus' else f',{t}'})"
    topology = Topology(name, len(kept), couplers, order, tuple(ranks[key[0]] for key in keys))
    if topology.max_degree > MAX_DEGREE:
        raise TopologyError(f"{name} has degree {topology.max_degree}, above {MAX_DEGREE}")
    return topology


def _generate(family: str, m: int, t: int) -> tuple[list[int], list[tuple[int, int]]]:
    import dwave.graphs

    if family == "zephyr":
        graph = dwave.graphs.zephyr_graph(m, t)
    elif family == "pegasus":
        graph = dwave.graphs.pegasus_graph(m)
    else:
        graph = dwave.graphs.chimera_graph(m, m, t)
    return list(graph.nodes), list(graph.edges)


def _zephyr_keys(nodes: Sequence[int], m: int, t: int) -> list[tuple[int, ...]]:
    """(class, z, j, w, k) by (u, (2z + j) mod 3, z, j, w, k); linear = (((u(2m+1)+w)t+k)2+j)m+z."""
    keys: list[tuple[int, ...]] = []
    for node in nodes:
        rest, z = divmod(node, m)
        rest, j = divmod(rest, 2)
        rest, k = divmod(rest, t)
        u, w = divmod(rest, 2 * m + 1)
        keys.append((3 * u + (2 * z + j) % 3, z, j, w, k))
    return keys


def greedy_keys(n: int, couplers: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """(colour, index): nodes ascending, the smallest colour that no lower neighbour has."""
    lower: list[list[int]] = [[] for _ in range(n)]
    for u, v in couplers:
        lower[v].append(u)
    colours: list[int] = []
    for v in range(n):
        used = {colours[u] for u in lower[v]}
        colours.append(next(colour for colour in range(n) if colour not in used))
    return [(colour, v) for v, colour in enumerate(colours)]
