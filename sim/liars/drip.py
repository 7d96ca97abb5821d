"""Has a branch with some work behind it, claims a thousand times as much, and gives a seal every few seconds."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.link import Instant
from quip.net.wire.messages import HeadClaim, Reply, Seals
from sim.liars.branches import grown_branch
from sim.liars.false_claims import CLAIMED_FACTOR
from sim.liars.liar import Liar

FAR_AHEAD = 1_000
"""Blocks above its own head that it claims."""
DRIP_S = 8.0
"""Between two seals: an answer within the time for answers."""


class Drip(Liar):
    """A leader that is never quite too slow."""

    _own: Chain | None = None

    def lie(self, chain: Chain, now: Instant) -> None:
        """A branch of its own, once, and what it says of it."""
        if self._own is None:
            self._own = grown_branch(self._forger, chain, now.unix_s)
            work = chain.head.context.total_difficulty * CLAIMED_FACTOR
            number = self._own.head.header.number + FAR_AHEAD
            self._claim = HeadClaim(self._rng.randbytes(32), number, work)
            self._count("boast")

    def _known_chain(self) -> Chain | None:
        return self._own or self._best_chain()

    def _respond(self, connection: int, stream: int, reply: Reply) -> None:
        """Of seals one good one, just in time."""
        if not isinstance(reply, Seals):
            super()._respond(connection, stream, reply)
            return
        self._count("drop")
        one = Seals(reply.seals[:1])
        later = lambda: self._step(connection, lambda s: s.respond(stream, one, self._now()), self._now())  # noqa: E731
        self._world.queue.after(DRIP_S, later)
