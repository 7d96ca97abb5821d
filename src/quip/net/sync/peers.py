"""The peers that sync knows: what they claim, how they did, and who leads a download."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from quip.chain.events import Head
from quip.net import limits
from quip.net.ports import ChainView
from quip.net.wire.messages import HeadClaim


@dataclass(slots=True)
class SyncPeer:
    """One joined peer. Times are monotonic seconds."""

    number: int
    claim: HeadClaim
    claimed_s: float
    """When it made this claim."""
    stated: HeadClaim | None = None
    """What it last called its own head; `claim` may also be a block that it only passed on."""
    familiar: bool = False
    """It did not select itself: we dialled it, or it brought a new block, which costs work."""
    queued_s: float = 0.0
    """When it joined, or its last turn as leader ended."""
    since_s: float | None = None
    """Since when it claims more work than the head has; None: it does not."""
    not_before_s: float = 0.0
    """Leads no download before."""
    rests_until_s: float = 0.0
    """Is asked for no parts before."""
    attempts: int = 0
    """Downloads led in vain since the last good one."""
    strikes: int = 0
    """Requests in a row that came to nothing."""
    range_size: int = limits.SYNC_FIRST_RANGE
    """Seals in the next request."""
    proven: bool = False
    """It has sent a good seal."""
    requests: int = 0
    """Requests for parts under way."""
    lacks_above: int | None = None
    """It has not got the parts of the present download's blocks from this number on."""
    credit: float = limits.SYNC_HEADER_CREDIT
    credited_s: float = 0.0
    reached: int = 0
    """Highest number of a header that it sent and we had."""
    tie: float = field(default=0.0)
    """Drawn once: who leads among equals."""

    def can_send(self, now_s: float) -> bool:
        """True if it may be asked for one more range of parts."""
        busy = self.requests >= (1 if self.range_size == limits.SYNC_FIRST_RANGE else limits.SYNC_REQUESTS_PER_PEER)
        return not busy and now_s >= self.rests_until_s

    @property
    def highest(self) -> int:
        """Number of the highest block whose parts it can be asked for."""
        return self.claim.number if self.lacks_above is None else min(self.claim.number, self.lacks_above - 1)

    @property
    def place(self) -> tuple[float, float]:
        """Its place in the queue of those that may lead, the smallest first: all have a turn, familiar ones sooner."""
        return self.queued_s - (limits.SYNC_FAMILIAR_AHEAD_S if self.familiar else 0.0), self.tie

    def put_off(self, now_s: float) -> None:
        """Its turn as leader brought too little."""
        self.attempts += 1
        self.queued_s = now_s
        self.not_before_s = max(self.not_before_s, now_s + limits.SYNC_RETRY_S)

    def rank(self, *, leads: bool) -> int:
        """Who is asked for parts first: silent strangers must not hold up what others would send."""
        if self.strikes:
            return 3
        if leads or self.proven:
            return 0
        return 1 if self.familiar else 2

    def spend(self, headers: int, now_s: float) -> bool:
        """Pay for headers that have to be verified. False: it has sent too many without work behind them."""
        self.credit, self.credited_s = self._credit_at(now_s) - headers, now_s
        return self.credit >= 0

    def payable(self, now_s: float) -> int:
        """So many headers it can pay for."""
        return max(0, int(self._credit_at(now_s)))

    def earn(self, seals: int) -> None:
        """Seals of headers that it sent were verified."""
        self.credit = min(limits.SYNC_HEADER_CREDIT, self.credit + seals * limits.SYNC_HEADERS_PER_SEAL)

    def served(self, good: int) -> None:
        """It sent good seals."""
        if good:
            self.strikes = 0
            self.proven = True
            self.range_size = min(limits.MAX_SEALS, 2 * self.range_size)

    def slow(self) -> None:
        """An answer took long: ask for less at once."""
        self.range_size = max(1, self.range_size // 2)

    def failed(self, now_s: float) -> None:
        """A request came to nothing: it rests for a while."""
        self.strikes += 1
        self.slow()
        self.rests_until_s = now_s + limits.SYNC_RETRY_S * self.strikes

    def _credit_at(self, now_s: float) -> float:
        gained = max(0.0, now_s - self.credited_s) * limits.SYNC_HEADER_CREDIT_PER_S
        return min(limits.SYNC_HEADER_CREDIT, self.credit + gained)


class SyncPeers:
    """All joined peers by connection."""

    def __init__(self, view: ChainView, rng: random.Random) -> None:
        self._view = view
        self._rng = rng
        self._peers: dict[int, SyncPeer] = {}
        self.wary = False
        """The last leader brought too little: what is claimed no longer decides who is next, the queue does."""

    def __iter__(self) -> Iterator[SyncPeer]:
        return iter(self._peers.values())

    def __len__(self) -> int:
        return len(self._peers)

    def get(self, number: int | None) -> SyncPeer | None:
        """The peer of a connection, None where it is gone."""
        return None if number is None else self._peers.get(number)

    def claim(self, number: int, claim: HeadClaim, now_s: float) -> SyncPeer:
        """The peer says what its head is."""
        peer = self._peers.get(number)
        if peer is None:
            peer = SyncPeer(number, claim, now_s, queued_s=now_s, credited_s=now_s, tie=self._rng.random())
            self._peers[number] = peer
        elif claim != peer.claim:
            peer.claim, peer.claimed_s, peer.lacks_above = claim, now_s, None
        peer.stated = claim
        return peer

    def heard(self, number: int, claim: HeadClaim, now_s: float) -> None:
        """The peer passed on a block, which need not be its head, nor ever become it."""
        peer = self._peers.get(number)
        if peer is not None and claim.total_difficulty > peer.claim.total_difficulty:
            peer.claim, peer.claimed_s, peer.lacks_above = claim, now_s, None

    def drop(self, number: int) -> SyncPeer | None:
        """The connection is over."""
        return self._peers.pop(number, None)

    def begin(self) -> None:
        """A new download: of its blocks nobody is known to lack any."""
        for peer in self._peers.values():
            peer.lacks_above = None

    def is_heavier(self, peer: SyncPeer, head: Head) -> bool:
        """True if it claims more work than the head has, and we do not know better."""
        return (
            peer.claim.total_difficulty > head.context.total_difficulty and self._view.context(peer.claim.hash) is None
        )

    def leader(self, head: Head, now_s: float, but: int | None = None) -> SyncPeer | None:
        """Who is to lead a download now: the least tried claimant, and the heaviest claim among those.

        Claims cost nothing, so after a leader that brought too little it is whoever has waited longest.
        """
        able = [
            peer
            for peer in self._peers.values()
            if peer.number != but
            and now_s >= max(peer.not_before_s, self._graced_until_s(peer, head))
            and self.is_heavier(peer, head)
        ]
        if self.wary:
            return min(able, key=lambda peer: peer.place, default=None)
        return min(able, key=lambda peer: (peer.attempts, -peer.claim.total_difficulty, peer.tie), default=None)

    @staticmethod
    def _graced_until_s(peer: SyncPeer, head: Head) -> float:
        near = peer.claim.number <= head.header.number + limits.SYNC_GRACE_BLOCKS
        return peer.claimed_s + limits.SYNC_GRACE_S if near and peer.attempts == 0 else 0.0
