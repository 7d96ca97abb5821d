"""Only work counts."""

import pytest

from quip.consensus.proof_of_work.fork_choice import FINALIZED_BLOCKS, SAFE_BLOCKS, is_buried, is_heavier


@pytest.mark.parametrize(("candidate", "head", "expected"), [(11, 10, True), (10, 10, False), (9, 10, False)])
def test_heavier(candidate: int, head: int, expected: bool) -> None:
    assert is_heavier(candidate, head) is expected


@pytest.mark.parametrize("blocks", [SAFE_BLOCKS, FINALIZED_BLOCKS])
@pytest.mark.parametrize(("missing", "expected"), [(0, True), (1, False)])
def test_buried(blocks: int, missing: int, expected: bool) -> None:
    assert is_buried(500 + blocks * 1_024 - missing, 500, 10 << 16, blocks) is expected
