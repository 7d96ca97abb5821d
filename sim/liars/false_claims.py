"""Claims much work, has headers for it, and never a seal."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.consensus.types.header import Header
from quip.net.link import Instant
from quip.net.wire.messages import HeadClaim, Headers, HeadersRequest, Reply, Request, SealsRequest
from sim.liars.branches import fake_headers
from sim.liars.liar import Liar

CLAIMED_FACTOR = 1_000
"""Times the work that there is."""


class FalseClaims(Liar):
    """Much work, if anybody had done it."""

    _headers: tuple[Header, ...] = ()

    def lie(self, chain: Chain, now: Instant) -> None:
        """Another branch of headers."""
        made = fake_headers(self._forger, chain, now.unix_s)
        if made is not None:
            self._headers, work = made
            tip = self._headers[-1]
            self._claim = HeadClaim(tip.hash, tip.number, work * CLAIMED_FACTOR)
            self._count("claim")

    def _answer(self, request: Request) -> Reply | None:
        if isinstance(request, SealsRequest) and self._best_chain() is not None:
            self._count("silence")
            return None
        return super()._answer(request)

    def _alter(self, request: Request, honest: Reply) -> Reply:
        if isinstance(request, HeadersRequest) and self._headers:
            self._count("fake headers")
            return Headers(self._headers[: request.limit])
        return super()._alter(request, honest)
