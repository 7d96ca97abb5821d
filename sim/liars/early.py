"""Sends good blocks long before their time."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.link import Instant
from sim.liars.liar import Liar


class Early(Liar):
    """Blocks from the future."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """A child of the head, beyond what clocks may differ by."""
        ahead_s = self._world.spec.difficulty.future_limit + self._rng.randrange(5, 60)
        self._push_block("early", self._forger.child(chain, now.unix_s + ahead_s), chain)
