"""Comes under ever more node ids, each of which claims much work and says nothing."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.link import Instant
from quip.net.wire.messages import HeadClaim
from sim.liars.drip import FAR_AHEAD
from sim.liars.false_claims import CLAIMED_FACTOR
from sim.liars.silence import Silence

IDENTITIES = 24


class Sybils(Silence):
    """One liar in great numbers."""

    max_identities = IDENTITIES

    def lie(self, chain: Chain, now: Instant) -> None:
        """One more identity on every node, each with the same claim."""
        head = chain.head
        if self._claim is None:
            work = head.context.total_difficulty * CLAIMED_FACTOR
            self._claim = HeadClaim(self._rng.randbytes(32), head.header.number + FAR_AHEAD, work)
        if self._identities < IDENTITIES:
            self._new_identity()
            self._count("identity")
            for node in self._nodes:
                self._dial(node)
