"""Graphs in canonical order."""

import pytest

from quip.ising.topology import TopologyError, build_topology, greedy_keys
from reference import zephyr as second


@pytest.mark.parametrize(
    ("params", "n", "couplers", "degree"),
    [
        ({"family": "zephyr", "m": 1, "t": 1}, 12, 22, 5),
        ({"family": "zephyr", "m": 1, "t": 4}, 48, 280, 17),
        ({"family": "zephyr", "m": 2, "t": 4}, 160, 1224, 19),
        ({"family": "zephyr", "m": 12, "t": 4}, 4800, 45864, 20),
        ({"family": "pegasus", "m": 2}, 40, 164, 13),
        ({"family": "chimera", "m": 2, "t": 4}, 32, 80, 5),
    ],
)
def test_size(params: dict[str, object], n: int, couplers: int, degree: int) -> None:
    topology = build_topology(params)
    assert (topology.n, len(topology.couplers)) == (n, couplers)
    assert topology.max_degree == degree
    assert list(topology.couplers) == sorted(set(topology.couplers))
    assert all(0 <= u < v < n for u, v in topology.couplers)
    assert sorted(topology.order) == list(range(n))


@pytest.mark.parametrize("params", [{"family": "zephyr", "m": 4, "t": 4}, {"family": "pegasus", "m": 3}])
def test_classes_hold_no_coupler_and_order_follows_them(params: dict[str, object]) -> None:
    topology = build_topology(params)
    assert all(topology.classes[u] != topology.classes[v] for u, v in topology.couplers)
    visited = [topology.classes[v] for v in topology.order]
    assert visited == sorted(visited)


def test_zephyr_has_six_classes() -> None:
    assert set(build_topology({"family": "zephyr", "m": 12, "t": 4}).classes) == set(range(6))


def test_exclusions() -> None:
    whole = build_topology({"family": "zephyr", "m": 1, "t": 4})
    cut = build_topology({"family": "zephyr", "m": 1, "t": 4, "excluded_nodes": [0], "excluded_couplers": [[2, 3]]})
    lost = sum(0 in pair for pair in whole.couplers) + ((2, 3) in whole.couplers)
    assert cut.n == whole.n - 1
    assert len(cut.couplers) == len(whole.couplers) - lost
    assert cut.digest != whole.digest


@pytest.mark.parametrize(
    "params",
    [
        {"family": "hypercube", "m": 3},
        {"family": "zephyr", "m": 0, "t": 4},
        {"family": "zephyr", "m": 2, "t": 9},
        {"family": "zephyr", "m": 2, "t": 7},
        {"family": "zephyr", "m": 1, "t": 4, "excluded_nodes": [48]},
        {"family": "zephyr", "m": 1, "t": 4, "excluded_couplers": [[0, 0]]},
    ],
)
def test_bad_descriptions(params: dict[str, object]) -> None:
    with pytest.raises(TopologyError):
        build_topology(params)


def test_greedy_colouring() -> None:
    assert greedy_keys(4, [(0, 1), (1, 2), (0, 2), (2, 3)]) == [(0, 0), (1, 1), (2, 2), (0, 3)]


@pytest.mark.parametrize(("m", "t"), [(1, 1), (2, 4), (3, 2), (12, 4)])
def test_the_rules_written_in_the_spec_make_the_same_graph(m: int, t: int) -> None:
    topology = build_topology({"family": "zephyr", "m": m, "t": t})
    assert list(topology.couplers) == second.couplers(m, t)
    assert list(topology.order) == second.visiting_order(m, t)
