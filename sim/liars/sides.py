"""Sends good blocks that build on old ones, many of them."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.link import Instant
from sim.liars.liar import Liar

OLD_BLOCKS = 12
"""How far below the head side blocks are put."""


class Sides(Liar):
    """Lawful blocks of which no chain is made."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """A sibling of an old block."""
        depth = self._rng.randrange(1, OLD_BLOCKS)
        self._push_block("side", self._forger.sibling(chain, depth, self._rng.randrange(1, 4)), chain)
