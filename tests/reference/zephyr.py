"""Zephyr(m, t) from the rules of docs/protocol.md: canonical nodes, couplers and visiting order in plain Python."""

from collections.abc import Iterator

Edge = tuple[int, int]


def linear(m: int, t: int, node: tuple[int, int, int, int, int]) -> int:
    """Linear index of (u, w, k, j, z)."""
    u, w, k, j, z = node
    return (((u * (2 * m + 1) + w) * t + k) * 2 + j) * m + z


def couplers(m: int, t: int) -> list[Edge]:
    """All couplers (u < v), ascending."""
    return sorted((min(pair), max(pair)) for pair in _couplers(m, t))


def _couplers(m: int, t: int) -> Iterator[Edge]:
    for u in (0, 1):
        for w in range(2 * m + 1):
            for k in range(t):
                for z in range(m):
                    for j in (0, 1):
                        if z + 1 < m:  # external
                            yield linear(m, t, (u, w, k, j, z)), linear(m, t, (u, w, k, j, z + 1))
                    for near in (z - 1, z):  # odd
                        if near >= 0:
                            yield linear(m, t, (u, w, k, 0, z)), linear(m, t, (u, w, k, 1, near))
    for vertical in _crossings(m):  # internal
        (w0, j0, z0), (w1, j1, z1) = vertical
        for k in range(t):
            for h in range(t):
                yield linear(m, t, (0, w0, k, j0, z0)), linear(m, t, (1, w1, h, j1, z1))


def _crossings(m: int) -> Iterator[tuple[tuple[int, int, int], tuple[int, int, int]]]:
    """((w, j, z) of u = 0, (w, j, z) of u = 1) of the lines that cross: each covers the other's w."""
    lines = [(w, j, z) for w in range(2 * m + 1) for j in (0, 1) for z in range(m)]
    for w0, j0, z0 in lines:
        for w1, j1, z1 in lines:
            if w1 in (2 * z0 + j0, 2 * z0 + j0 + 1) and w0 in (2 * z1 + j1, 2 * z1 + j1 + 1):
                yield (w0, j0, z0), (w1, j1, z1)


def visiting_order(m: int, t: int) -> list[int]:
    """All nodes by (u, (2 z + j) mod 3, z, j, w, k)."""
    nodes = [
        (u, w, k, j, z) for u in (0, 1) for w in range(2 * m + 1) for k in range(t) for j in (0, 1) for z in range(m)
    ]
    nodes.sort(key=lambda n: (n[0], (2 * n[4] + n[3]) % 3, n[4], n[3], n[1], n[2]))
    return [linear(m, t, node) for node in nodes]
