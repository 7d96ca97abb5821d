"""Downloads from honest peers."""

from functools import cache

import pytest

from quip.chain.chain import Chain
from quip.consensus.block import Block
from quip.net.sync_run import Sizes
from support.chains import grown
from support.sync_world import Peer, World, chain_with

SMALL = Sizes(window=64, headers=16, batch=16, spacing=8)


@cache
def line(blocks: int, seed: int = 1, miners: int = 2) -> tuple[Block, ...]:
    """The blocks of a chain from genesis, without it."""
    chain = grown(blocks, seed, miners).chain
    stored = [chain.block_by_number(number) for number in range(1, blocks + 1)]
    return tuple(Block(one.header, one.transactions, one.seal) for one in stored if one)


def same_head(world: World, chain: Chain) -> bool:
    return world.chain.head.hash == chain.head.hash


@pytest.mark.parametrize("peers", [1, 3])
@pytest.mark.parametrize("sizes", [None, SMALL])
def test_first_sync(peers: int, sizes: Sizes | None) -> None:
    source = chain_with(line(200))
    world = World(sizes=sizes)
    world.join(*(Peer(source) for _ in range(peers)))
    assert world.sync.state.syncing
    assert not world.sync.state.first_done
    world.run(20, lambda: same_head(world, source))
    world.run(1)
    state = world.sync.state
    assert (state.first_done, state.syncing, state.verified, state.imported) == (True, False, 200, 200)
    assert world.checked == 200
    assert (world.blamed, world.dropped) == ({}, {})
    assert all(peer.asked for peer in world.peers.values())


def test_equal_work_is_no_reason() -> None:
    blocks = line(30)
    source = chain_with(blocks)
    world = World(chain_with(blocks))
    other = chain_with(line(30, seed=5))
    peers = [Peer(source), Peer(other)]
    heavier = [peer for peer in peers if peer.claim.total_difficulty > world.chain.head.context.total_difficulty]
    world.join(*(peer for peer in peers if peer not in heavier))
    world.run(30)
    assert not any(peer.asked for peer in peers)
    assert world.sync.state.first_done


@pytest.mark.parametrize("depth", [1, 2, 30, 64, 65, 100])
@pytest.mark.parametrize("sizes", [None, SMALL])
def test_heavier_branch(depth: int, sizes: Sizes | None) -> None:
    """A branch that leaves `depth` below the head: nothing is stored of it before it outweighs the head."""
    ours, theirs = branches(depth)
    world, source = World(chain_with(ours), sizes), chain_with(theirs)
    before = world.chain.head
    assert source.head.context.total_difficulty > before.context.total_difficulty
    world.join(Peer(source), Peer(source))
    world.run(60, lambda: same_head(world, source))
    assert (world.blamed, world.dropped) == ({}, {})
    probed = sizes is SMALL and depth > 48
    assert (world.checked > len(theirs)) == probed
    world.run(1)
    assert not world.sync.state.syncing


@cache
def branches(depth: int) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """Two lines that part `depth` below the head of the first; the second is heavier."""
    common = 20
    trunk = line(common, seed=7)
    ours = grow(trunk, depth, 8)
    need = chain_with(ours).head.context.total_difficulty
    theirs, extra = trunk, depth
    while chain_with(theirs).head.context.total_difficulty <= need:
        theirs = grow(trunk, extra, 9)
        extra += 1 + depth // 10
    return ours, theirs


def grow(trunk: tuple[Block, ...], blocks: int, seed: int) -> tuple[Block, ...]:
    from support.chains import generator

    made = generator(chain_with(trunk), seed, 3)
    for _ in made.extend(blocks):
        pass
    stored = [made.chain.block_by_number(len(trunk) + number) for number in range(1, blocks + 1)]
    return (*trunk, *(Block(one.header, one.transactions, one.seal) for one in stored if one))
