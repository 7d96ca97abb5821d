"""Random block trees in random lawful orders: the head is always the heaviest tip, the first seen of equals."""

import random

import pytest

from quip.chain import chain as chain_module
from quip.chain import tree as tree_module
from quip.chain.chain import Chain, Status
from quip.chain.events import ChainEvent, Connected, Disconnected, Head
from quip.consensus.errors.header import UnknownParent
from quip.consensus.types.block import Block
from sim.honest.chain_generator import ChainGenerator
from support.chains import generator, memory_store, network_spec, new_chain

NOW = 1 << 40
BLOCKS = 40


def grown_tree(seed: int) -> list[Block]:
    """A tree in an order in which parents come first; new blocks prefer young parents."""
    rng = random.Random(seed)
    made: ChainGenerator = generator(new_chain(), seed, miners=3)
    heads = [made.chain.head]
    blocks = []
    for _ in range(BLOCKS):
        parent = heads[-1 - min(int(rng.expovariate(0.5)), len(heads) - 1)]
        block = made.block(parent)
        made.accept(block)
        heads.append(Head(block.header.hash, *made.chain.tree.known(block.header.hash)))
        blocks.append(block)
    return blocks


def shuffled(blocks: list[Block], seed: int) -> list[Block]:
    """Another order; children may come before their parents."""
    rng = random.Random(seed)
    order = list(blocks)
    for _ in range(len(order)):
        first = rng.randrange(len(order) - 3)
        order[first : first + 4] = rng.sample(order[first : first + 4], 4)
    return order


class Model:
    """What the head has to be, by the definition."""

    def __init__(self, chain: Chain) -> None:
        self.totals = {chain.head.hash: 0}
        self.head = chain.head.hash
        self.connected = [chain.head.hash]

    def add(self, block: Block) -> None:
        total = self.totals[block.header.parent_hash] + block.header.difficulty
        self.totals[block.header.hash] = total
        if total > self.totals[self.head]:
            self.head = block.header.hash

    def follow(self, event: ChainEvent) -> None:
        """Events alone reproduce the canonical chain."""
        if isinstance(event, Disconnected):
            assert self.connected.pop() == event.hash
        elif isinstance(event, Connected):
            assert self.connected[-1] == event.header.parent_hash
            self.connected.append(event.hash)


def check_delivery(chain: Chain, order: list[Block]) -> None:
    model = Model(chain)
    chain.subscribe(model.follow)
    waiting = list(order)
    while waiting:
        block = waiting.pop(0)
        known = block.header.parent_hash in model.totals
        try:
            status = chain.accept(block, NOW).status
        except UnknownParent:
            assert not known
            waiting.append(block)
            continue
        assert known
        model.add(block)
        assert chain.head.hash == model.head
        assert (status is Status.CONNECTED) == (chain.head.hash == block.header.hash)
        assert chain.head.context.total_difficulty == model.totals[model.head]
        assert model.connected == [chain.tree.canonical_hash(n) for n in range(chain.head.header.number + 1)]
    parents = {block.header.parent_hash for block in order}
    assert set(chain.tips()) == {block.header.hash for block in order} - parents


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_heaviest_first_seen(seed: int) -> None:
    blocks = grown_tree(seed)
    check_delivery(new_chain(), blocks)
    for other in (10 * seed, 10 * seed + 1):
        check_delivery(new_chain(), shuffled(blocks, other))


def test_forgetful_caches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bound at its smallest: the store answers instead."""
    blocks = grown_tree(4)
    monkeypatch.setattr(tree_module, "CACHED_BLOCKS", 1)
    monkeypatch.setattr(tree_module, "CACHED_FORKS", 1)
    monkeypatch.setattr(chain_module, "INVALID_HASHES", 1)
    check_delivery(new_chain(), blocks)
    check_delivery(new_chain(), shuffled(blocks, 44))


def test_reopened_at_every_block() -> None:
    store = memory_store(network_spec())
    model = Model(new_chain(store=store))
    for block in grown_tree(5):
        chain = new_chain(store=store)
        chain.accept(block, NOW)
        model.add(block)
        assert new_chain(store=store).head == chain.head
        assert chain.head.hash == model.head
