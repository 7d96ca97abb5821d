"""What changes while sync is under way: peers, the head, the store, the clock, the process."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from quip._native import store as native_store
from quip.chain.chain import Chain
from quip.chain.view import ChainReader
from quip.consensus.errors.header import UnknownParent
from quip.consensus.types.block import Block
from quip.net import limits
from quip.net.sync.sync import FALSE_ENDS
from quip.net.wire.messages import HeadClaim, HeadersRequest, Reply, Request, Seals
from quip.storage.chain_store import for_network
from support.chains import generator, memory_store, network_spec, new_chain, puzzle_of
from support.ommers import Family
from support.sync_world import Peer, World, chain_with
from unit.net.sync.test_sync import SMALL, branches, grow, line, same_head


def higher(world: World, height: int) -> Callable[[], bool]:
    """Whether the chain has come so far."""
    return lambda: world.chain.head.header.number >= height


def test_peers_vanish_in_mid_sync() -> None:
    source = chain_with(line(200))
    world = World(sizes=SMALL)
    numbers = world.join(*(Peer(source) for _ in range(4)))
    for gone, number in enumerate(numbers[:3], 1):
        world.run(30, higher(world, 40 * gone))
        leader = world.sync._download.leader if world.sync._download else None
        world.leave(leader if leader in world.peers else number)
    assert len(world.peers) == 1
    world.run(30, lambda: same_head(world, source))
    assert (world.blamed, world.dropped) == ({}, {})


def test_all_peers_vanish_and_one_comes_back() -> None:
    source = chain_with(line(100))
    world = World(sizes=SMALL)
    (number,) = world.join(Peer(source))
    world.run(30, lambda: world.chain.head.header.number >= 30)
    world.leave(number)
    world.run(30)
    assert not world.sync.state.syncing
    left = world.chain.head.header.number
    world.join(Peer(source))
    world.run(30, lambda: same_head(world, source))
    assert left >= 30


def test_the_source_grows_in_mid_sync() -> None:
    source = generator(chain_with(line(80)), seed=11)
    world = World(sizes=SMALL)
    (number,) = world.join(Peer(source.chain))
    for goal in (20, 50, 80):
        world.run(30, higher(world, goal))
        for _ in source.extend(5):
            pass
        world.tell(number)
    world.run(30, lambda: same_head(world, source.chain))
    assert world.chain.head.header.number == 95


def test_the_source_is_reorganised_in_mid_sync() -> None:
    trunk, other = line(80), grow(line(80)[:30], 80, 12)
    source = chain_with(trunk)
    world = World(sizes=SMALL)
    (number,) = world.join(Peer(source))
    world.run(30, lambda: world.chain.head.header.number >= 50)
    for block in other[30:]:
        source.accept(block, world.unix_s)
    assert source.head.hash == other[-1].header.hash
    world.tell(number)
    world.run(60, lambda: same_head(world, source))
    assert (world.blamed, world.dropped) == ({}, {})


def test_a_reorganisation_above_blocks_that_are_being_imported_is_nobodys_fault() -> None:
    """The leader's next headers build on a block that is neither in the window any more nor in the store yet."""
    old = line(16)
    source = chain_with(old, grow(old[:4], 30, seed=8))

    class Reorganised(Peer):
        """It was on the other branch when it sent its first headers; the second ones come late."""

        def __init__(self) -> None:
            super().__init__(source)
            self.before = Peer(chain_with(old))

        def reply(self, request: Request) -> Reply | None:
            asked = sum(isinstance(one, HeadersRequest) for one in self.asked)
            self.latency_s = 2.0 if isinstance(request, HeadersRequest) and asked == 2 else 0.05
            return self.before.reply(request) if asked == 1 else super().reply(request)

    world = World(sizes=SMALL)
    world._chain_busy_until_s = world.now_s + 8
    world.join(Reorganised(), Peer(source))
    world.run(3)
    assert world.chain.head.header.number == 0
    assert world.sync._download is not None
    assert world.sync._download.working
    world.run(60, lambda: same_head(world, source))
    assert (world.blamed, world.dropped) == ({}, {})


def test_our_head_moves_in_mid_sync() -> None:
    """A block of our own on the common trunk, while a branch of depth 30 comes in; and one of theirs by gossip."""
    ours, theirs = branches(30)
    world, source = World(chain_with(ours), SMALL), chain_with(theirs)
    world.join(Peer(source), Peer(source))
    world.run(2, lambda: world.sync.state.syncing)
    made = generator(chain_with(ours), seed=13)
    for _ in range(2):
        mined = made.block(made.chain.head)
        made.accept(mined)
        world.accept(mined)
        world.run(0.1)
    made_there = generator(chain_with(theirs), seed=14)
    while made_there.chain.head.context.total_difficulty <= world.chain.head.context.total_difficulty + 1:
        block = made_there.block(made_there.chain.head)
        made_there.accept(block)
        source.accept(block, world.unix_s)
    for number in list(world.peers):
        world.tell(number)
    world.run(60, lambda: same_head(world, source))
    assert (world.blamed, world.dropped) == ({}, {})


def test_a_head_that_overtakes_the_claim_ends_the_download() -> None:
    ours, theirs = branches(30)
    world, source = World(chain_with(ours), SMALL), chain_with(theirs)
    (number,) = world.join(Peer(source))
    world.run(0.1)
    made = generator(chain_with(ours), seed=13)
    while made.chain.head.context.total_difficulty <= source.head.context.total_difficulty:
        mined = made.block(made.chain.head)
        made.accept(mined)
        world.accept(mined)
    head = world.chain.head
    world.run(60)
    assert world.chain.head == head
    assert not world.sync.state.syncing
    assert world.sync.state.first_done
    assert list(world.peers) == [number]


def test_a_restart_goes_on_where_it_was() -> None:
    """The same store under a new process: what was imported stays, and is not asked for again."""
    source = chain_with(line(200))
    store = memory_store(network_spec())
    world = World(new_chain(store=store), SMALL)
    world.join(Peer(source))
    world.run(30, lambda: world.chain.head.header.number >= 100)
    done = world.chain.head.header.number
    again = World(Chain.open(network_spec(), store, puzzle_of(network_spec())), SMALL)
    peer = Peer(source)
    again.join(peer)
    again.run(30, lambda: same_head(again, source))
    assert again.checked == 200 - done
    assert isinstance(peer.asked[0], HeadersRequest)


@pytest.mark.parametrize("sizes", [SMALL])
def test_a_deep_branch_goes_on_after_a_restart(sizes: object) -> None:
    """In its second pass a branch is stored from the fork point on; after a restart it goes on from there."""
    ours, theirs = branches(100)
    store = for_network(native_store.Store.in_memory(), network_spec().chain_id)
    world = World(chain_with(ours, store=store), SMALL)
    source = chain_with(theirs)
    world.join(Peer(source))
    world.run(60, lambda: any(world.chain.tree.has(block.header.hash) for block in theirs[30:]))
    again = World(Chain.open(network_spec(), store, puzzle_of(network_spec())), SMALL)
    again.join(Peer(source))
    again.run(60, lambda: same_head(again, source))
    assert again.blamed == {}


def test_a_full_disk_is_waited_for() -> None:
    source = chain_with(line(60))
    world = World(sizes=SMALL, store_full=True)
    (number,) = world.join(Peer(source))
    world.run(200)
    assert world.chain.head.header.number == 0
    assert list(world.peers) == [number]
    world.store_full = False
    world.run(20, lambda: same_head(world, source))


def test_a_disk_that_stays_full_costs_the_others_ever_less() -> None:
    world = World(sizes=SMALL, store_full=True)
    world.join(Peer(chain_with(line(60))))
    world.run(20)
    before = world.checked
    world.run(120)
    assert world.checked - before <= 5 * SMALL.window
    assert (world.blamed, world.dropped) == ({}, {})


def test_blocks_from_the_future_wait_and_nobody_is_blamed() -> None:
    source = chain_with(line(60))
    spec = network_spec()
    limited = replace(spec, difficulty=replace(spec.difficulty, future_limit=10))
    blocks = line(60)
    world = World(new_chain(limited), SMALL, unix_s=blocks[39].header.timestamp - 10)
    (number,) = world.join(Peer(source))
    world.run(100)
    assert world.chain.head.header.number == 40
    assert list(world.peers) == [number]
    assert world.sync.state.first_done
    world.unix_s = blocks[-1].header.timestamp
    world.run(100, lambda: same_head(world, source))
    assert world.blamed == {}


def test_a_head_whose_time_comes_block_by_block_is_no_false_claim() -> None:
    """Its clock is ahead, and it is slow: each download ends before the claim, once the next block's time has come."""
    blocks = line(60)
    source = chain_with(blocks)
    spec = network_spec()
    limited = replace(spec, difficulty=replace(spec.difficulty, future_limit=10))
    world = World(new_chain(limited), SMALL, unix_s=blocks[19].header.timestamp - 10)
    (number,) = world.join(Peer(source, latency_s=1.5))
    ended = 0
    while world.unix_s < blocks[-1].header.timestamp:
        syncing = world.sync.state.syncing
        world.run(1)
        world.unix_s += 1
        ended += syncing and not world.sync.state.syncing
    world.run(30, lambda: same_head(world, source))
    assert same_head(world, source)
    assert ended > FALSE_ENDS
    assert (world.blamed, world.dropped) == ({}, {})
    assert list(world.peers) == [number]


def test_gossip_has_its_time_for_one_block() -> None:
    """A claim of one block more is no reason to sync at once; left alone by gossip it is."""
    made = generator(chain_with(line(20)), seed=15)
    block = made.block(made.chain.head)
    made.accept(block)
    world = World(chain_with(line(20)))
    peer = Peer(made.chain)
    world.join(peer)
    assert peer.asked == []
    assert not world.sync.state.first_done
    world.run(5, lambda: same_head(world, made.chain))
    assert world.now_s >= 1_000.0 + limits.SYNC_GRACE_S


def test_a_block_that_was_only_passed_on_is_no_promise() -> None:
    """Its relayer checked the seal, no more: if the block comes to nothing, the relayer has claimed nothing."""
    source = chain_with(line(30))
    world = World(chain_with(line(30)))
    (number,) = world.join(Peer(source))
    claim = world.peers[number].claim
    passed_on = HeadClaim(b"\x01" * 32, claim.number + 2, claim.total_difficulty + 1_000)
    world.sync.heard(number, passed_on, world.now)
    world.run(2 * limits.SYNC_GRACE_S, lambda: world.sync.state.syncing)
    world.run(30)
    assert (world.blamed, world.dropped) == ({}, {})
    assert not world.sync.state.syncing
    assert world.sync.state.first_done


def test_nobody_is_nobody() -> None:
    world = World()
    world.run(100)
    assert world.sync.state == replace(world.sync.state, first_done=False, syncing=False, peers=0)


def test_late_and_foreign_answers_are_ignored() -> None:
    source = chain_with(line(40))
    world = World(sizes=SMALL)
    world.join(Peer(source))
    for job in (10**6, 10**7):
        world.sync.seals_checked(job, (UnknownParent(parent_hash="0x", number=1),), world.now)
        world.sync.imported(job, (None,), world.now)
    world.sync.replied(99, 10**6, HeadersRequest((bytes(32),), 1), Seals((None,)), world.now)
    world.sync.gone(99, world.now)
    world.run(30, lambda: same_head(world, source))


def test_peers_that_are_behind_help_with_what_they_have() -> None:
    whole, half = chain_with(line(200)), chain_with(line(100))
    world = World(sizes=SMALL)
    helper = Peer(half)
    world.join(Peer(whole), helper)
    world.run(30, lambda: same_head(world, whole))
    assert any(not isinstance(request, HeadersRequest) for request in helper.asked)
    assert world.blamed == {}


def test_a_peer_on_another_branch_is_not_blamed_for_what_it_lacks() -> None:
    ours, theirs = branches(30)
    world = World(sizes=SMALL)
    world.join(Peer(chain_with(theirs)), Peer(chain_with(ours)))
    world.run(60, lambda: world.chain.head.hash == theirs[-1].header.hash)
    assert (world.blamed, world.dropped) == ({}, {})


def test_a_branch_whose_block_the_own_chain_shows_as_an_ommer() -> None:
    """Of an ommer the store has header, context and seal, but it is no stored block: the branch begins below it."""
    family = Family(height=3)
    ommer = family.sibling(3)
    family.made.accept(family.showing([ommer]))
    view = ChainReader(family.chain)
    assert (view.header(ommer.header.hash), view.context(ommer.header.hash)) == (None, None)
    other = generator(new_chain(family.chain.spec), seed=7)
    for number in (1, 2):
        stored = family.chain.block_by_number(number)
        assert stored is not None
        other.accept(stored.block)
    other.accept(Block(ommer.header, (), ommer.seal))
    for _ in other.extend(5):
        pass
    world = World(family.chain)
    world.join(Peer(other.chain))
    world.run(30, lambda: world.chain.head.hash == other.chain.head.hash)
    assert world.chain.head.hash == other.chain.head.hash
    assert (world.blamed, world.dropped) == ({}, {})
