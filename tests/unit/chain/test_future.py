"""Blocks before their time: ignored, kept within bounds, offered again."""

from dataclasses import replace

import pytest

from quip.chain.chain import Chain, Status
from quip.chain.future import FutureBlocks
from quip.chain.limits import FUTURE_BLOCKS, FUTURE_BYTES, FUTURE_WAIT_S, SIDE_BLOCK_WORTH
from quip.consensus.block_validation import CompleteBlock
from quip.consensus.errors.body import WrongStateRoot
from quip.consensus.errors.header import FutureBlock
from quip.consensus.errors.seal import InvalidSignature
from quip.consensus.proof_of_work.difficulty import requirements
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from sim.liars.lies import flip
from support.chains import flat_spec, generator, grown, network_spec, new_chain
from support.forged import complete_block
from support.mutants import next_block, with_header

LIMIT_S = 15
NOW = 900


def punctual() -> ChainSpec:
    return replace(network_spec(), difficulty=replace(network_spec().difficulty, future_limit=LIMIT_S))


def test_exactly_at_the_limit() -> None:
    made = generator(new_chain(punctual()))
    block = next_block(made)
    with pytest.raises(FutureBlock):
        made.chain.accept(block, block.header.timestamp - LIMIT_S - 1)
    assert not made.chain.is_invalid(block.header.hash)
    assert made.chain.accept(block, block.header.timestamp - LIMIT_S).status is Status.CONNECTED


def test_retried_when_due() -> None:
    made = generator(new_chain(punctual()))
    block = next_block(made)
    early = block.header.timestamp - LIMIT_S - 1
    with pytest.raises(FutureBlock):
        made.chain.accept(block, early)
    assert made.chain.future.due(early) == []
    assert [one.block for one in made.chain.future.due(early + 1)] == [block]
    assert len(made.chain.future) == 0


def test_junk_under_a_good_hash_is_not_kept() -> None:
    """The gate costs next to nothing: what is kept for later has shown all of its work."""
    made = generator(new_chain(punctual()))
    block = next_block(made)
    early = block.header.timestamp - LIMIT_S - 1
    assert block.seal is not None
    junk = replace(block, seal=replace(block.seal, xmss_signature=flip(block.seal.xmss_signature)))
    with pytest.raises(InvalidSignature):
        made.chain.accept(junk, early)
    assert len(made.chain.future) == 0
    for again in (block, junk):
        with pytest.raises(FutureBlock):
            made.chain.accept(again, early)
    assert [one.block for one in made.chain.future.due(early + 1)] == [block]
    assert made.chain.accept(block, early + 1).status is Status.CONNECTED


def test_a_false_outcome_spoils_an_early_hash_too() -> None:
    made = generator(new_chain(punctual()))
    block = with_header(made.chain, next_block(made), state_root=bytes(32))
    with pytest.raises(WrongStateRoot):
        made.chain.accept(block, block.header.timestamp - LIMIT_S - 1)
    assert made.chain.is_invalid(block.header.hash)


def dated(timestamp: int, size: int = 0) -> CompleteBlock:
    block = BLOCK.block_by_number(1)
    assert block is not None
    header = replace(block.header, timestamp=timestamp)
    return complete_block(Block(header, (b"\x02" + bytes(size),), block.seal))


BLOCK = grown(1).chain


@pytest.mark.parametrize(("size", "kept"), [(0, FUTURE_BLOCKS), (FUTURE_BYTES // 5, 4)])
def test_bounded(size: int, kept: int) -> None:
    future = FutureBlocks(LIMIT_S)
    for timestamp in range(1_000, 1_000 + 2 * kept):
        future.add(dated(timestamp, size), NOW)
        assert len(future) <= kept
    assert [block.header.timestamp for block in future.due(1 << 40)] == list(range(1_000, 1_000 + kept))


def test_the_same_block_twice_is_kept_once() -> None:
    future = FutureBlocks(LIMIT_S)
    for _ in range(3):
        future.add(dated(1_000), NOW)
    assert len(future.due(1 << 40)) == 1


@pytest.mark.parametrize(("over", "kept"), [(0, 1), (1, 0)])
def test_the_far_future_is_not_kept(over: int, kept: int) -> None:
    future = FutureBlocks(LIMIT_S)
    future.add(dated(NOW + LIMIT_S + FUTURE_WAIT_S + over), NOW)
    assert len(future) == kept


def test_what_the_head_has_left_behind_is_forgotten_when_due() -> None:
    """Easy children of the head, dated far ahead (attackers' way to have anything stored for ever): at their time the
    chain has gone on, and they are what nobody would have taken then."""
    spec = flat_spec()
    chain = new_chain(replace(spec, difficulty=replace(spec.difficulty, future_limit=15)))
    made = generator(chain)
    root = chain.head
    early = []
    for _ in range(5):
        block = made.block(root)
        late = root.header.timestamp + 42 * spec.difficulty.target_block_time
        early.append(dated_child(chain, block, late))
        with pytest.raises(FutureBlock):
            chain.accept(early[-1], root.header.timestamp)
    assert len(chain.future) == 5
    first = list(chain.due(late))
    assert [one.block for one in first] == early, "worth it as long as the chain stands still"
    for one in first:
        chain.future.add(one, root.header.timestamp)
    for _ in made.extend(3 * SIDE_BLOCK_WORTH):
        pass
    assert list(chain.due(late)) == []
    assert len(chain.future) == 0
    assert not any(chain.tree.has(block.header.hash) for block in early)


def dated_child(chain: Chain, block: Block, timestamp: int) -> Block:
    """The block at another time, with the work that is asked for then."""
    head = chain.head
    work = requirements(chain.spec, head.header, head.context, timestamp).work
    changed = replace(block.header, timestamp=timestamp, difficulty=work)
    return with_header(chain, replace(block, header=changed))
