"""Sends good blocks with good and with wrong seals, in quick succession."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.link import Instant
from quip.net.wire.messages import BlockSubmit
from sim.liars.liar import Liar, seal_of
from sim.liars.lies import flip, with_seal


class Twins(Liar):
    """Blocks of one hash that are not equally good."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """A good block, and again under other seals, in any order: the hash is the same for all of them."""
        block = self._forger.child(chain, now.unix_s)
        wrong = with_seal(block, xmss_signature=flip(seal_of(block).xmss_signature, -1))
        total = chain.head.context.total_difficulty + block.header.difficulty
        for session in self._sessions.values():
            for twin in self._rng.sample((block, wrong, block, wrong), 4):
                if session.push(BlockSubmit(twin.header, seal_of(twin), total, twin.ommers), now):
                    self._count("twin")
