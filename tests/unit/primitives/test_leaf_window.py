"""The native leaf window against a set of used leaves, and what it promises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip._native import hybrid
from reference.hybrid import Refused, Window
from support.examples import examples
from support.places import VECTORS

LEAVES = 1_024
START = (0, bytes(32))
REASONS = {"past the end": "past the end", "too old": "more than 256 below", "used": "is used"}
near = st.integers(0, 40)
histories = st.lists(st.one_of(near, near, st.integers(0, LEAVES + 2)), max_size=60)


def test_the_golden_history() -> None:
    window = START
    for leaf, outcome, following, used in json.loads((VECTORS / "leaf_windows.json").read_text()):
        if outcome == "burned":
            window = hybrid.burn_leaf(window, int(leaf), LEAVES)
        else:
            with pytest.raises(ValueError, match=REASONS[outcome]):
                hybrid.burn_leaf(window, int(leaf), LEAVES)
        assert window == (following, bytes.fromhex(used[2:]))


@examples(200)
@given(histories)
def test_no_leaf_is_used_twice_and_what_is_refused_changes_nothing(history: list[int]) -> None:
    window, twin, burned = START, Window(), list[int]()
    for leaf in history:
        try:
            twin.burn(leaf, LEAVES)
        except Refused:
            with pytest.raises(ValueError, match="leaf"):
                hybrid.burn_leaf(window, leaf, LEAVES)
        else:
            window = hybrid.burn_leaf(window, leaf, LEAVES)
            burned.append(leaf)
        assert window == (twin.next, twin.map.to_bytes(32, "big"))
    assert len(set(burned)) == len(burned)
    assert window[0] == max(burned, default=-1) + 1


@examples(100)
@given(st.permutations(range(256)))
def test_256_leaves_may_come_in_any_order(order: list[int]) -> None:
    window = START
    for leaf in order:
        window = hybrid.burn_leaf(window, leaf, LEAVES)
    assert window == (256, b"\xff" * 32)


@pytest.mark.parametrize(("highest", "lowest"), [(255, 0), (256, 1), (1_023, 768)])
def test_how_far_back(highest: int, lowest: int) -> None:
    window = hybrid.burn_leaf(START, highest, LEAVES)
    hybrid.burn_leaf(window, lowest, LEAVES)
    if lowest:
        with pytest.raises(ValueError, match="more than 256 below"):
            hybrid.burn_leaf(window, lowest - 1, LEAVES)


def test_the_last_leaf_of_the_largest_tree() -> None:
    window = hybrid.burn_leaf(START, 2**20 - 1, 2**20)
    assert window == (2**20, bytes(31) + b"\1")
    for leaf in (2**20, 2**64 - 1):
        with pytest.raises(ValueError, match="past the end"):
            hybrid.burn_leaf(window, leaf, 2**20)
