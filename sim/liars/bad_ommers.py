"""Shows what is no ommer, ommers under wrong seals, or fewer than it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from quip.chain.chain import Chain
from quip.consensus.errors.body import WrongOmmers
from quip.consensus.errors.ommer import (
    BadOmmerSeal,
    OmmerBreaksRule,
    OmmerOnChain,
    OmmerOutsideWindow,
    OmmerRepeated,
    OmmerWithoutParent,
    WrongOmmerCount,
)
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.block import Block
from quip.consensus.types.ommer import Ommer, ommers_hash
from quip.net.link import Instant
from quip.net.wire.messages import BlockResponse, BlockSubmit, Bodies, Reply, Request
from sim.liars.liar import Liar, seal_of
from sim.liars.lies import ZERO, Forger, flip

SIBLING_DEPTH = 2
"""Blocks below the head at which a shown sibling leaves the chain."""


def sibling(forger: Forger, chain: Chain) -> Ommer:
    """What a child of the head may lawfully show."""
    block = forger.sibling(chain, SIBLING_DEPTH, 1)
    return Ommer(block.header, block.seal)


def showing(forger: Forger, block: Block, ommers: tuple[Ommer, ...], more: int = 0) -> Block:
    """The block, saying that it shows these and so many more."""
    header = block.header
    extra = header.miner_id + bytes([len(ommers) + more])
    named = replace(header, extra_data=extra, ommers_hash=ommers_hash(ommer.header for ommer in ommers))
    return forger.sealed(named, ommers)


def _ancestor(chain: Chain) -> Ommer:
    stored = chain.block_by_number(chain.head.header.number)
    assert stored is not None
    return Ommer(stored.header, stored.seal)


def _changed(forger: Forger, ommer: Ommer, **changes: object) -> Ommer:
    block = forger.sealed(replace(ommer.header, **changes))  # type: ignore[arg-type]
    return Ommer(block.header, block.seal)


def _spoilt(ommer: Ommer) -> Ommer:
    assert ommer.seal is not None
    return replace(ommer, seal=replace(ommer.seal, xmss_signature=flip(ommer.seal.xmss_signature)))


Make = Callable[[Forger, Chain, Block, Ommer], Block]
OMMER_LIES: dict[str, tuple[type[ConsensusError], Make]] = {
    "an ancestor": (OmmerOnChain, lambda f, chain, block, _: showing(f, block, (_ancestor(chain),))),
    "twice": (OmmerRepeated, lambda f, _, block, one: showing(f, block, (one, one))),
    "too new": (
        OmmerOutsideWindow,
        lambda f, chain, block, _: showing(f, block, (Ommer(block.header, block.seal),)),
    ),
    "without a parent": (
        OmmerWithoutParent,
        lambda f, _, block, one: showing(f, block, (_changed(f, one, parent_hash=ZERO),)),
    ),
    "against its rules": (
        OmmerBreaksRule,
        lambda f, _, block, one: showing(f, block, (_changed(f, one, gas_used=1 << 40),)),
    ),
    "younger": (
        OmmerBreaksRule,
        lambda f, _, block, one: showing(f, block, (_changed(f, one, timestamp=block.header.timestamp + 1),)),
    ),
    "fewer than said": (WrongOmmerCount, lambda f, _, block, one: showing(f, block, (one,), 1)),
    "others": (WrongOmmers, lambda f, _, block, one: replace(showing(f, block, (one,)), ommers=(_spoilt(one), one))),
    "a bad seal": (BadOmmerSeal, lambda f, _, block, one: replace(showing(f, block, (one,)), ommers=(_spoilt(one),))),
}
"""One rule of ommers each, and how to break it in a block that nothing else is wrong with but its state."""


class BadOmmers(Liar):
    """All rules of ommers, good ommers under bad seals for some and good ones for others, and ommers withheld."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """A child of the head that shows something."""
        if chain.head.header.number <= SIBLING_DEPTH:
            return
        block, one = self._forger.child(chain, now.unix_s), sibling(self._forger, chain)
        match self._rng.randrange(3):
            case 0:
                name = self._rng.choice(list(OMMER_LIES))
                self._push_block(name, OMMER_LIES[name][1](self._forger, chain, block, one), chain)
            case 1:
                self._push_both(chain, one, now)
            case _:
                held = showing(self._forger, block, (one,))
                self._blocks[held.header.hash] = replace(held, ommers=())
                total = chain.head.context.total_difficulty + held.header.difficulty
                self._push("withheld", BlockSubmit(held.header, seal_of(held), total))

    def _push_both(self, chain: Chain, one: Ommer, now: Instant) -> None:
        """One block, with the seals that it should have for some, with wrong ones for the others."""
        chain_knows = chain.tree.has(one.header.hash)
        if not chain_knows:
            self._push_block("a sibling", Block(one.header, (), one.seal), chain)
        good = self._forger.child(chain, now.unix_s)
        if not good.ommers:
            return
        bad = replace(good, ommers=tuple(map(_spoilt, good.ommers)))
        total = chain.head.context.total_difficulty + good.header.difficulty
        for place, session in enumerate(self._sessions.values()):
            shown = bad if place % 2 else good
            if session.push(BlockSubmit(shown.header, seal_of(shown), total, shown.ommers), self._now()):
                self._count("both")

    def _alter(self, request: Request, honest: Reply) -> Reply:
        match super()._alter(request, honest):
            case Bodies(bodies) if any(body is not None and body.ommers for body in bodies):
                self._count("served ommers")
                return Bodies(tuple(body and replace(body, ommers=tuple(map(_spoilt, body.ommers))) for body in bodies))
            case BlockResponse(block) if block is not None and block.ommers:
                self._count("withheld ommers")
                return BlockResponse(replace(block, ommers=()))
            case other:
                return other
