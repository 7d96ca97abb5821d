"""The graphs of the puzzle, their canonical order and the order of a sweep."""

import struct
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from second_reading.encoding import need
from second_reading.hashes import blake3

Pairs = set[tuple[int, int]]  # of linear indices

PEGASUS_VERTICAL = [2] * 4 + [10] * 4 + [6] * 4
PEGASUS_HORIZONTAL = [6] * 4 + [2] * 4 + [10] * 4


class Graph(NamedTuple):
    n: int
    couplers: list[tuple[int, int]]
    order: list[int]
    digest: bytes


def zephyr_nodes(m: int, t: int) -> list[tuple[int, ...]]:
    """(u, w, k, j, z) by linear index."""
    return list(product(range(2), range(2 * m + 1), range(t), range(2), range(m)))


def zephyr(m: int, t: int) -> Iterator[tuple[int, int]]:
    linear = {node: index for index, node in enumerate(zephyr_nodes(m, t))}
    for (u, w, k, j, z), index in linear.items():
        coupled = [(u, w, k, j, z + 1)] + ([(u, w, k, 1, z), (u, w, k, 1, z - 1)] if j == 0 else [])
        if u == 0:  # internal: where the other lies is one of two positions, and it covers w
            others = [(place // 2, place % 2) for place in (w - 1, w)]
            coupled += [(1, 2 * z + j + d, q, oj, oz) for d in range(2) for q in range(t) for oz, oj in others]
        yield from ((index, linear[node]) for node in coupled if node in linear)


def chimera(m: int, t: int) -> Iterator[tuple[int, int]]:
    linear = {node: index for index, node in enumerate(product(range(m), range(m), range(2), range(t)))}
    for (row, column, u, k), index in linear.items():
        coupled = [(row + (u == 0), column + (u == 1), u, k)] + [(row, column, 1, q) for q in range(t) if u == 0]
        yield from ((index, linear[node]) for node in coupled if node in linear)


def pegasus(m: int, _: int) -> Iterator[tuple[int, int]]:
    linear = {node: index for index, node in enumerate(product(range(2), range(m), range(12), range(m - 1)))}
    internal = []
    for (_, w, k, z), index in list(linear.items())[: len(linear) // 2]:
        coupled = [(1, z + (q < PEGASUS_VERTICAL[k]), q, w - (k < PEGASUS_HORIZONTAL[q])) for q in range(12)]
        internal += [(index, linear[node]) for node in coupled if node in linear]
    fabric = {node for pair in internal for node in pair}
    yield from internal
    for (u, w, k, z), index in linear.items():
        coupled = [(u, w, k, z + 1)] + ([(u, w, k + 1, z)] if k % 2 == 0 else [])
        yield from (
            (index, linear[node])
            for node in coupled
            if node in linear and index in fabric and linear[node] in fabric
        )  # fmt: skip


def colours(n: int, couplers: list[tuple[int, int]]) -> list[int]:
    """Greedily, in canonical order."""
    lower: list[list[int]] = [[] for _ in range(n)]
    for i, j in couplers:
        lower[j].append(i)
    found: list[int] = []
    for i in range(n):
        taken = {found[j] for j in lower[i]}
        found.append(next(colour for colour in range(n) if colour not in taken))
    return found


def graph_of(topology: Any) -> Graph:
    family, m, t = topology["family"], topology["m"], topology["t"]
    pairs = {
        (min(pair), max(pair)) for pair in {"zephyr": zephyr, "chimera": chimera, "pegasus": pegasus}[family](m, t)
    }
    nodes, gone = {node for pair in pairs for node in pair}, topology["excluded_nodes"]
    need(nodes > set(gone), "excluded nodes")
    need(all(len(pair) == 2 for pair in topology["excluded_couplers"]), "excluded couplers")
    excluded = {(min(pair), max(pair)) for pair in topology["excluded_couplers"]}
    need(pairs >= excluded, "excluded couplers")
    kept = sorted(nodes - set(gone))
    number = {linear: i for i, linear in enumerate(kept)}
    couplers = sorted((number[a], number[b]) for a, b in pairs - excluded if a in number and b in number)
    data = struct.pack("<II", len(kept), len(couplers)) + b"".join(struct.pack("<II", *pair) for pair in couplers)
    turns: list[tuple[int, ...]] = [(colour,) for colour in colours(len(kept), couplers)]
    if family == "zephyr":
        places = zephyr_nodes(m, t)
        turns = [(u, (2 * z + j) % 3, z, j, w, k) for u, w, k, j, z in (places[linear] for linear in kept)]
    return Graph(len(kept), couplers, sorted(range(len(kept)), key=lambda i: (turns[i], i)), blake3(data))
