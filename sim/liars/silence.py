"""Joins, claims the real head, and answers nothing."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.link import Instant
from quip.net.wire.messages import Gossip, Reply, Request
from sim.liars.liar import Liar


class Silence(Liar):
    """Whoever asks it waits."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """Announce the head, so that they ask."""
        self._push("announced", Gossip((self._head(chain),)))

    def _answer(self, request: Request) -> Reply | None:
        if self._best_chain() is not None:
            self._count("silence")
        return None
