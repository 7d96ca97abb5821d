"""Pushes and serves blocks that break one rule each."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.link import Instant
from sim.liars.liar import Liar
from sim.liars.lies import LIES


class Mutants(Liar):
    """All rules, one at a time."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """A child of the head that breaks one rule."""
        name = self._rng.choice(list(LIES))
        self._push_block(name, LIES[name].make(self._forger, self._forger.child(chain, now.unix_s)), chain)
