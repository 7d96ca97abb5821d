"""Luck: what was found per set to be expected, over the last hundred blocks."""

from quip.node.mining.expectation import BLOCKS, Luck


def test_a_ratio_needs_something_to_be_expected() -> None:
    luck = Luck()
    assert luck.object(1, 0.5) == {"blocks": 0, "found": 1, "expected": 0.5, "ratio": None}
    assert luck.object(3, 2.0)["ratio"] == 1.5


def test_what_is_older_than_a_hundred_blocks_does_not_count() -> None:
    luck = Luck()
    for number in range(1, BLOCKS + 51):
        luck.passed(1, found=number, expected=2.0 * number)  # one set a block, where two were to be expected
    assert luck.object(BLOCKS + 50, 2.0 * (BLOCKS + 50)) == {
        "blocks": BLOCKS, "found": BLOCKS, "expected": 2.0 * BLOCKS, "ratio": 0.5,
    }  # fmt: skip


def test_a_sync_of_many_blocks_pushes_everything_out() -> None:
    luck = Luck()
    luck.passed(1, 5, 5.0)
    luck.passed(10**6, 5, 5.0)
    assert luck.object(6, 7.0) == {"blocks": BLOCKS, "found": 1, "expected": 2.0, "ratio": 0.5}
