"""Chains with siblings, and blocks that show them: lawfully, or in every way that is not lawful."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from quip.chain.batch import STORED_BEFORE
from quip.chain.chain import Chain
from quip.chain.events import Head
from quip.consensus.errors.body import WrongOmmers
from quip.consensus.errors.ommer import (
    BadOmmerSeal,
    OmmerBreaksRule,
    OmmerOnChain,
    OmmerOutsideWindow,
    OmmerRepeated,
    OmmerTooLight,
    OmmerWithoutParent,
    WrongOmmerCount,
)
from quip.consensus.errors.root import ConsensusError
from quip.consensus.proof_of_work.difficulty import requirements
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from quip.consensus.types.ommer import Ommer, ommers_hash
from sim.honest.chain_generator import ChainGenerator
from sim.liars.lies import flip
from support.chains import generator, new_chain, ommer_spec
from support.mutants import seal_header

WINDOW = 6
HEIGHT = 12


def head_of(chain: Chain, block_hash: bytes) -> Head:
    """A block of the tree, to build on."""
    return Head(block_hash, *chain.tree.known(block_hash))


def at(chain: Chain, number: int) -> Head:
    """The canonical block of a number."""
    block_hash = chain.tree.canonical_hash(number)
    assert block_hash is not None
    return head_of(chain, block_hash)


def ommer_of(block: Block) -> Ommer:
    """The block as another one shows it."""
    return Ommer(block.header, block.seal)


class Family:
    """A chain whose window is WINDOW, HEIGHT blocks of it, and siblings that it does not know."""

    def __init__(self, height: int = HEIGHT) -> None:
        self.made: ChainGenerator = generator(new_chain(ommer_spec(WINDOW)), miners=3)
        for _ in self.made.extend(height):
            pass
        self.chain = self.made.chain

    @property
    def number(self) -> int:
        """Of the next block."""
        return self.chain.head.header.number + 1

    def sibling(self, number: int) -> Ommer:
        """Of the canonical block of that number."""
        return ommer_of(self.made.block(at(self.chain, number - 1)))

    def child(self, of: Ommer, **changes: Any) -> Ommer:
        """A lawful child of a block that the chain does not have."""
        parent = at(self.chain, of.header.number - 1)
        fresh = Family.__new__(Family)
        fresh.made = generator(new_chain(ommer_spec(WINDOW)), seed=2, miners=3)
        fresh.chain = fresh.made.chain
        for number in range(1, parent.header.number + 1):
            stored = self.chain.block_by_number(number)
            assert stored is not None
            fresh.made.accept(stored.block)
        fresh.made.accept(Block(of.header, (), of.seal))
        block = fresh.made.block(head_of(fresh.chain, of.header.hash))
        return ommer_of(seal_header(fresh.chain, replace(block.header, **changes)) if changes else block)

    def late_sibling(self, number: int, seconds: int) -> Ommer:
        """Of that number, so many seconds after its parent."""
        parent, spec = at(self.chain, number - 1), self.chain.spec
        stamp = parent.header.timestamp + seconds
        required = requirements(spec, parent.header, parent.context, stamp)
        draft = self.made.block(parent).header
        return ommer_of(seal_header(self.chain, replace(draft, timestamp=stamp, difficulty=required.work)))

    def changed(self, ommer: Ommer, **changes: Any) -> Ommer:
        """With header fields changed, sealed anew."""
        return ommer_of(seal_header(self.chain, replace(ommer.header, **changes)))

    def showing(self, ommers: Sequence[Ommer], count: int | None = None, **changes: Any) -> Block:
        """A block on the head that shows them, lawful or not; its state is right where they are lawful."""
        good = self.made.block(self.chain.head, ommers)
        header = good.header
        if count is None and good.ommers == tuple(ommers) and not changes:
            return good
        number = len(ommers) if count is None else count
        extra = header.miner_id + bytes([number]) + header.extra_data[21:]
        named = ommers_hash(ommer.header for ommer in ommers)
        sealed = seal_header(self.chain, replace(header, **{"extra_data": extra, "ommers_hash": named} | changes))
        return replace(sealed, ommers=tuple(ommers))


def _twice(family: Family) -> Block:
    one = family.sibling(family.number - 2)
    return family.showing([one, one])


def _again(family: Family) -> Block:
    one = family.sibling(family.number - 2)
    family.made.accept(family.showing([one]))
    return family.showing([one])


def _child_first(family: Family) -> Block:
    parent = family.sibling(family.number - 3)
    return family.showing([family.child(parent), parent])


def _later_than_the_block(family: Family) -> Block:
    one = family.sibling(family.number - 1)
    return family.showing([family.changed(one, timestamp=family.chain.head.header.timestamp + 1_000)])


def _light(family: Family) -> Block:
    """So late that it is worth less than a quarter; the block that shows it is late too, and so lawful."""
    seconds = 60 * family.chain.spec.difficulty.target_block_time
    one = family.late_sibling(family.number - 1, seconds)
    head, spec = family.chain.head, family.chain.spec
    stamp = one.header.timestamp
    required = requirements(spec, head.header, head.context, stamp)
    return family.showing([one], timestamp=stamp, difficulty=required.work)


def _without_its_seal(family: Family) -> Block:
    return family.showing([replace(family.sibling(family.number - 2), seal=None)])


def _with_a_bad_seal(family: Family) -> Block:
    one = family.sibling(family.number - 2)
    assert one.seal is not None
    return family.showing([replace(one, seal=replace(one.seal, xmss_signature=flip(one.seal.xmss_signature)))])


def _own_block(family: Family, number: int) -> Ommer:
    stored = family.chain.block_by_number(number)
    assert stored is not None
    return ommer_of(stored.block)


WAYS: dict[str, Callable[[Family], Block]] = {
    "too old": lambda f: f.showing([f.sibling(f.number - WINDOW - 1)]),
    "too new": lambda f: f.showing([ommer_of(f.made.block(f.chain.head))]),
    "an ancestor": lambda f: f.showing([_own_block(f, f.number - 2)]),
    "twice in the list": _twice,
    "shown before": _again,
    "parent unknown": lambda f: f.showing([f.child(f.sibling(f.number - 3))]),
    "parent behind it": _child_first,
    "gate": lambda f: f.showing([replace(one := f.sibling(f.number - 1), header=replace(one.header, nonce=bytes(8)))]),
    "its own rules": lambda f: f.showing([f.changed(f.sibling(f.number - 1), gas_used=1 << 40)]),
    "younger than the block": _later_than_the_block,
    "too light": _light,
    "another list": lambda f: f.showing([f.sibling(f.number - 1)], ommers_hash=bytes(32)),
    "fewer than said": lambda f: f.showing([f.sibling(f.number - 1)], count=2),
    "no seal": _without_its_seal,
    "a bad seal": _with_a_bad_seal,
}
"""Every way in which a block may not show ommers."""

UNLAWFUL: dict[str, type[ConsensusError]] = {
    "too old": OmmerOutsideWindow,
    "too new": OmmerOutsideWindow,
    "an ancestor": OmmerOnChain,
    "twice in the list": OmmerRepeated,
    "shown before": OmmerRepeated,
    "parent unknown": OmmerWithoutParent,
    "parent behind it": OmmerWithoutParent,
    "gate": OmmerBreaksRule,
    "its own rules": OmmerBreaksRule,
    "younger than the block": OmmerBreaksRule,
    "too light": OmmerTooLight,
    "another list": WrongOmmers,
    "fewer than said": WrongOmmerCount,
    "no seal": BadOmmerSeal,
    "a bad seal": BadOmmerSeal,
}
"""And what each of them is called."""


def random_tree(seed: int, blocks: int, spec: ChainSpec | None = None) -> tuple[Chain, list[Block]]:
    """Blocks of a tree with forks, each showing what its miner knows or, now and then, nothing."""
    rng = random.Random(seed)
    made = generator(new_chain(spec or ommer_spec(WINDOW)), seed, miners=3)
    chain, grown = made.chain, [made.chain.head.hash]
    out = []
    for _ in range(blocks):
        parent = chain.head.hash if rng.random() < 0.75 else rng.choice(grown[-8:])
        known = chain.ommers.known(parent) if rng.random() < 0.8 else ()
        block = made.block(head_of(chain, parent), known)
        chain.accept(block, 1 << 40, STORED_BEFORE)
        grown.append(block.header.hash)
        out.append(block)
    return chain, out
