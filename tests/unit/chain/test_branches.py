"""Branches that leave far below the head: refused, unless their work was found to be more (or ommers may do so)."""

import pytest

from quip.chain.batch import STORED_BEFORE, YOUNG_BRANCHES, Admission
from quip.chain.chain import Chain, Status
from quip.chain.events import Head
from quip.chain.limits import MAX_BRANCH_DEPTH
from quip.consensus.errors.header import BranchTooOld
from quip.consensus.errors.root import Spoils
from quip.consensus.types.block import Block
from quip.primitives.errors import Fault
from support.chains import flat_spec, grown

NOW = 1 << 40
LONG = MAX_BRANCH_DEPTH + 6


def grown_to(blocks: int, seed: int) -> tuple[Chain, list[Block]]:
    """A chain and its blocks from genesis on."""
    chain = grown(blocks, seed, spec=flat_spec()).chain
    stored = [chain.block_by_number(number) for number in range(1, blocks + 1)]
    return chain, [block.block for block in stored if block]


def genesis_hash(chain: Chain) -> bytes:
    found = chain.tree.canonical_hash(0)
    assert found is not None
    return found


def test_old_branch_needs_more_work_than_the_head() -> None:
    chain, _ = grown_to(LONG, seed=1)
    longer, blocks = grown_to(LONG + 8, seed=2)
    assert longer.head.context.total_difficulty > chain.head.context.total_difficulty
    elsewhere = chain.tree.canonical_hash(1)
    for admission in (YOUNG_BRANCHES, Admission(outweighs_from=elsewhere)):
        with pytest.raises(BranchTooOld) as caught:
            chain.accept(blocks[0], NOW, admission)
        assert (caught.value.fault, caught.value.spoils) == (Fault.BEHIND, Spoils.NOTHING)
    heavier = Admission(outweighs_from=genesis_hash(chain))
    accepted = [chain.accept(block, NOW, heavier) for block in blocks]
    moved = [outcome for outcome in accepted if outcome.reorg_depth]
    assert [outcome.reorg_depth for outcome in moved] == [LONG]
    assert accepted[0].status is Status.SIDE
    assert chain.head == longer.head
    assert chain.miners() == longer.miners()


def test_an_old_branch_in_one_batch() -> None:
    chain, _ = grown_to(LONG, seed=1)
    longer, blocks = grown_to(LONG + 8, seed=2)
    chain.accept_many(blocks, NOW, Admission(outweighs_from=genesis_hash(chain)))
    assert chain.head == longer.head
    assert chain.miners() == longer.miners()


def test_what_was_stored_once_may_be_of_any_age() -> None:
    chain, _ = grown_to(LONG, seed=1)
    _, blocks = grown_to(3, seed=2)
    assert {chain.accept(block, NOW, STORED_BEFORE).status for block in blocks} == {Status.SIDE}


def test_depth_is_counted_from_the_fork_point() -> None:
    made = grown(MAX_BRANCH_DEPTH + 3, spec=flat_spec())
    tree = made.chain.tree
    for number, allowed in ((3, True), (2, False)):
        fork_hash = tree.canonical_hash(number)
        assert fork_hash is not None
        block = made.block(Head(fork_hash, *tree.known(fork_hash)))
        if allowed:
            assert made.accept(block).status is Status.SIDE
            late = made.block(Head(block.header.hash, *tree.known(block.header.hash)))
        else:
            with pytest.raises(BranchTooOld):
                made.accept(block)
    made.accept(made.block(made.chain.head))
    with pytest.raises(BranchTooOld):  # the branch has grown old meanwhile
        made.accept(late)
