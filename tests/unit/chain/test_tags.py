"""`safe` and `finalized` count work, not blocks."""

import pytest

from quip.consensus.proof_of_work.fork_choice import FINALIZED_BLOCKS, SAFE_BLOCKS
from quip.consensus.work.units import work
from support.chains import grown, new_chain


@pytest.mark.parametrize(("tag", "blocks"), [("safe", SAFE_BLOCKS), ("finalized", FINALIZED_BLOCKS)])
def test_highest_buried_block(tag: str, blocks: int) -> None:
    chain = grown(90).chain
    total = chain.head.context.total_difficulty
    buried = []
    for number in range(1, 91):
        found = chain.tree.canonical_hash(number)
        assert found is not None
        context = chain.tree.known(found)[1]
        if total - context.total_difficulty >= blocks * work(context.controller):
            buried.append(found)
    assert chain.tag(tag) == buried[-1]


@pytest.mark.parametrize("tag", ["safe", "finalized"])
def test_genesis_while_nothing_is_buried(tag: str) -> None:
    chain = new_chain()
    assert chain.tag(tag) == chain.head.hash
    assert grown(3).chain.tag(tag) == chain.head.hash


def test_unknown_tag() -> None:
    with pytest.raises(KeyError):
        new_chain().tag("justified")


def test_a_tag_is_looked_up_once_per_head() -> None:
    made = grown(12)
    chain = made.chain
    first = chain.tag("safe")
    reads = 0
    canonical = chain.tree.canonical_hash

    def counting(number: int) -> bytes | None:
        nonlocal reads
        reads += 1
        return canonical(number)

    chain.tree.canonical_hash = counting
    assert chain.tag("safe") == first
    assert reads == 0
    made.accept(made.block(chain.head))
    assert chain.tag("safe") == chain.tag("safe")
    assert reads > 0
