"""Sends bytes that are no frames."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.actions import Send
from quip.net.link import Instant
from sim.liars.liar import Liar

GARBAGE_BYTES = 3_000
STREAMS = (0, 1, 2, 3, 4, 5, 8, 9, 400, 401)


class Garbage(Liar):
    """Streams that nobody can read."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """Random bytes on one stream of one connection."""
        connection = self._rng.choice(list(self._sessions))
        data = self._rng.randbytes(self._rng.randrange(1, GARBAGE_BYTES))
        stream = self._rng.choice(STREAMS)
        self._world.network.perform(self, Send(connection, stream, data, self._rng.random() < 0.5))
        self._count("garbage")
