"""Downloads from honest peers."""

from functools import cache, partial

import pytest

from quip.chain.chain import Chain
from quip.consensus.block_validation import Parent
from quip.consensus.types.block import Block
from quip.net import limits
from quip.net.errors import FalseClaim
from quip.net.sync.context import Sizes
from quip.net.sync.header_window import HeaderWindow
from quip.net.wire.messages import HeadClaim, SealsRequest
from support.chains import generator, grown, new_chain
from support.forged import checked_body
from support.sync_world import UNIX_S, Peer, Teller, World, chain_with

SMALL = Sizes(window=64, headers=16, batch=16, spacing=8)


@cache
def line(blocks: int, seed: int = 1, miners: int = 2) -> tuple[Block, ...]:
    """The blocks of a chain from genesis, without it."""
    chain = grown(blocks, seed, miners).chain
    stored = [chain.block_by_number(number) for number in range(1, blocks + 1)]
    return tuple(one.block for one in stored if one)


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


def test_it_says_that_the_head_is_about_to_move() -> None:
    source = chain_with(line(40))
    world = World()
    world.join(Peer(source))
    assert not world.sync.state.importing
    world.run(20, lambda: world.sync.state.importing)
    assert world.chain.head.header.number == 0
    world.run(20, lambda: same_head(world, source))
    assert not world.sync.state.importing


def test_batches_are_whole_as_long_as_blocks_keep_coming() -> None:
    source = chain_with(line(200))
    world = World(sizes=SMALL)
    world.join(Peer(source), Peer(source))
    world.run(20, lambda: same_head(world, source))
    assert world.batches == [16] * 12 + [8]


def test_what_is_ready_does_not_wait_for_a_slow_peer() -> None:
    """Half of the branch is there; the seals of the other half take their time, and then do not come at all."""
    source = chain_with(line(40))
    slow = Teller(line(40))
    withheld = {block.header.hash for block in line(40)[20:]}
    reply = slow.reply
    slow.reply = lambda request: (
        None if isinstance(request, SealsRequest) and withheld & set(request.hashes) else reply(request)
    )
    world = World()
    world.join(slow)
    world.run(limits.SYNC_IMPORT_S + 1.5)
    assert 0 < world.chain.head.header.number <= 20
    world.join(Peer(source))
    world.run(30, lambda: same_head(world, source))
    assert same_head(world, source)


def test_what_is_verified_is_imported_also_when_the_only_leader_leaves() -> None:
    source = chain_with(line(200))
    world = World()
    (number,) = world.join(Peer(source))
    world.run(20, lambda: world.checked >= 200)
    assert world.chain.head.header.number == 0
    world.leave(number)
    world.run(5)
    assert world.chain.head.header.number > 100
    assert not world.sync.state.syncing


def test_bodies_that_wait_are_bounded_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No chain has bodies yet: blocks whose root says so, up to the point at which the chain refuses the first."""
    monkeypatch.setattr(limits, "SYNC_BODY_BYTES", 1_000)
    body = (b"\x02" + bytes(400),)
    made = generator(new_chain())
    window = HeaderWindow(
        made.chain.spec, Parent(made.chain.head.hash, made.chain.head.header, made.chain.head.context)
    )
    for block in line(8):
        window.extend(block.header, 1, UNIX_S)
    for slot in window.slots[:4]:
        window.put_body(slot, checked_body(slot.header, body), 1)
        window.put_body(slot, checked_body(slot.header, body), 1)  # twice is once
    assert window.body_bytes == 4 * 401
    window.pop(1)
    assert window.body_bytes == 3 * 401
    assert window.cut(window.slots[1].header.number, window.slots[1].hash)
    assert window.body_bytes == 2 * 401
    gone = window.slots[0]
    window.close()
    window.put_body(gone, checked_body(gone.header, body), 1)
    assert window.body_bytes == 0


def test_a_slow_peer_that_is_always_a_block_behind_is_kept() -> None:
    """A block every two seconds over a line of 1.6 s: there is never progress by dozens, but it goes on."""
    blocks = line(80)
    source = chain_with(blocks[:10])
    world = World()
    (number,) = world.join(Peer(source, latency_s=1.6))
    for block in blocks[10:]:
        world.run(2)
        source.accept(block, world.unix_s)
        world.tell(number)
    world.run(30, lambda: same_head(world, source))
    assert (world.blamed, world.dropped) == ({}, {})


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
    trunk = line(20, seed=7)
    ours = grow(trunk, depth, 8)
    return ours, grow(trunk, depth, 9, sum(block.header.difficulty for block in ours))


def grow(trunk: tuple[Block, ...], blocks: int, seed: int, above: int = 0) -> tuple[Block, ...]:
    """The trunk and so many blocks more, or as many as it takes to have more than `above` of work."""
    made = generator(chain_with(trunk), seed, 3)
    while made.chain.head.header.number < len(trunk) + blocks or made.chain.head.context.total_difficulty <= above:
        made.accept(made.block(made.chain.head))
    stored = [made.chain.block_by_number(number) for number in range(1, made.chain.head.header.number + 1)]
    return tuple(one.block for one in stored if one)


def test_a_branch_from_far_below() -> None:
    """A thousand blocks: weighed with a window of 256, fetched again, imported; bound to what was weighed."""
    ours, theirs = branches(1_000)
    world, source = World(chain_with(ours), Sizes(window=256, headers=64, batch=64, spacing=16)), chain_with(theirs)
    world.join(*(Peer(source) for _ in range(3)))
    largest = 0

    def done() -> bool:
        nonlocal largest
        window = world.sync._download.branch.window if world.sync._download else None
        largest = max(largest, len(window) if window else 0)
        if world.chain.tree.has(theirs[20].header.hash):
            assert world.checked >= len(theirs) - 20, "stored before it was weighed"
        return same_head(world, source)

    world.run(120, done)
    assert largest <= 256
    assert world.checked == 2 * (len(theirs) - 20)
    assert (world.blamed, world.dropped) == ({}, {})


def test_a_long_light_branch_is_never_stored() -> None:
    """It fills the window, is weighed to its end and found too light."""
    trunk = line(20, seed=7)
    ours, light = grow(trunk, 100, 8), grow(trunk, 90, 10)
    world = World(chain_with(ours), SMALL)
    last = light[-1].header
    for claimed in (last.hash, bytes(32)):
        (liar,) = world.join(Teller(light, HeadClaim(claimed, last.number, 1 << 60)))
        world.run(100, partial(world.blamed.__contains__, liar))
        assert isinstance(world.blamed[liar], FalseClaim)
    assert not any(world.chain.tree.has(block.header.hash) for block in light[20:])


def test_the_second_pass_is_bound_to_the_first() -> None:
    """The peer weighs in with one branch and then serves another, lighter one: none of it is stored."""
    ours, theirs = branches(100)
    light = grow(line(20, seed=7), 90, 10)
    world = World(chain_with(ours), SMALL)
    liar = Teller(theirs)
    (number,) = world.join(liar)
    world.run(60, lambda: world.sync._download is not None and world.sync._download.branch.presynced is not None)
    liar.tell_of(light)
    world.run(200, lambda: number in world.blamed or number in world.dropped)
    assert not any(world.chain.tree.has(block.header.hash) for block in (*light[20:], *theirs[20:]))
    world.join(Peer(chain_with(theirs)))
    world.run(60, lambda: world.chain.head.hash == theirs[-1].header.hash)
