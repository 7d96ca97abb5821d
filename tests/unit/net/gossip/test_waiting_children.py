"""Blocks whose parent is on its way in: they wait for it, for nothing else, and nobody pushes them out for nothing."""

import os
from dataclasses import replace

from quip.consensus.types.block import Block
from quip.net.actions import CloseCode
from quip.net.events import Event, SealsChecked
from quip.net.limits import WAITING_PER_PEER
from quip.net.wire.messages import BlockSubmit
from support.chains import generator, new_chain
from support.overlays import Net, Node
from support.puppet import Puppet, PuppetPlayer


class Scene:
    """A node whose seal checks are held back, one honest and one bad peer, and a chain that both know."""

    def __init__(self) -> None:
        self.net = Net()
        self.node = self.net.add(target_outbound=0)
        self.player = PuppetPlayer(self.net)
        self.honest, self.bad = self._peer(), self._peer()
        made = generator(new_chain())
        self.blocks: list[Block] = []
        self.totals: dict[bytes, int] = {}
        for _ in range(40):
            block = made.block(made.chain.head)
            made.accept(block)
            self.blocks.append(block)
            self.totals[block.header.hash] = made.chain.head.context.total_difficulty
        self.held: list[Event] = []
        self.net.sift = self._hold

    def _peer(self) -> tuple[Node, Puppet]:
        peer = self.player.enter(self.node)
        self.net.connect(peer[0], self.node)
        return peer

    def _hold(self, target: Node, event: Event) -> Event | None:
        if target is self.node and isinstance(event, SealsChecked):
            self.held.append(event)
            return None
        return event

    def push(self, peer: tuple[Node, Puppet], block: Block) -> None:
        assert block.seal is not None
        self.player.say(peer[0], BlockSubmit(block.header, block.seal, self.totals.get(block.header.hash, 1)))

    def release(self) -> None:
        self.net.sift = lambda target, event: event
        for event in self.held:
            self.net.give(self.node, event)
        self.net.settle()

    def junk(self, parent: bytes) -> Block:
        header = replace(self.blocks[0].header, parent_hash=parent, mix_hash=os.urandom(32))
        return replace(self.blocks[0], header=header)

    @property
    def height(self) -> int:
        return self.node.chain.head.header.number


def test_children_come_in_with_their_parent() -> None:
    scene = Scene()
    for block in scene.blocks[:6]:
        scene.push(scene.honest, block)
    assert scene.height == 0
    scene.release()
    assert scene.height == 6


def test_a_header_without_gate_work_does_not_wait_and_is_banned() -> None:
    scene = Scene()
    for block in scene.blocks[:3]:
        scene.push(scene.honest, block)
    scene.push(scene.bad, scene.junk(scene.blocks[2].header.hash))
    assert scene.node.closes[-1].code is CloseCode.MISBEHAVED
    assert scene.node.storage.banned != {}
    scene.release()
    assert scene.height == 3


def test_one_peer_fills_half_of_the_room_and_nobody_is_pushed_out() -> None:
    scene = Scene()
    for block in scene.blocks[: WAITING_PER_PEER + 8]:
        scene.push(scene.bad, block)
    waiting = scene.node.overlay._state.gossip._pipeline._waiting
    assert len(waiting) == WAITING_PER_PEER
    scene.release()
    assert scene.height == WAITING_PER_PEER + 1, "the first is judged at once, the others with it"


def test_what_sync_brought_holds_up_nobody() -> None:
    """A waits for its seal's check, B and C behind it; B and C are stored by another way before that ends."""
    scene = Scene()
    for block in scene.blocks[:3]:
        scene.push(scene.honest, block)
    for block in scene.blocks[:3]:
        scene.node.chain.accept(block, scene.net.now.unix_s)
    scene.net.settle()
    scene.net.sift = lambda target, event: event
    for number, block in enumerate(scene.blocks[3:10], 4):
        scene.push(scene.honest, block)
        assert scene.height == number
