"""Sync: from claims of work to imported blocks. Sans-IO: messages and verdicts in, orders out.

Claimed work is no work: a claim only says whom to ask. One download runs at a time, led by one claimant; seals come
from every peer that has them. A leader that brings nothing is replaced, one that lies is blamed, and a claim without
work behind it ends after SYNC_CLAIM_S with its connection. Equal work is no reason to sync.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quip.chain.chain import Accepted
from quip.chain.events import Head
from quip.consensus.block_validation import SealedHeader
from quip.consensus.errors.root import ConsensusError
from quip.net import limits
from quip.net.actions import Log
from quip.net.commands import Disconnect, Order, ReportPeer
from quip.net.errors import FalseClaim, NetError
from quip.net.link import Instant
from quip.net.ports import ChainView
from quip.net.sync.context import Sizes, SyncContext
from quip.net.sync.download import Download, End
from quip.net.sync.peers import SyncPeer, SyncPeers
from quip.net.sync.presync import Presync
from quip.net.wire.messages import HeadClaim, HeadersRequest, Reply, Request

FALSE_ENDS = 3
"""Downloads that ended below the claimed work before the claim is called false: a reorganisation may explain one."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far sync is."""

    first_done: bool
    """There was a moment in which no joined peer claimed more work than the head has, or no claim was made good."""
    syncing: bool
    """A download is under way."""
    target: HeadClaim | None
    """What its leader claims."""
    verified: int
    """Seals found good since the start."""
    imported: int
    """Blocks imported since the start."""
    peers: int
    claims: int = 0
    """Joined peers that claim more work than the head has and were not yet found to boast."""


class Sync:
    """All downloads of one node, one after the other."""

    def __init__(self, view: ChainView, rng: random.Random, tickets: Iterator[int], sizes: Sizes | None = None) -> None:
        self._view = view
        self._peers = SyncPeers(view, rng)
        self._desk = SyncContext(view, self._peers, tickets, [], sizes or Sizes())
        self._run: Download | None = None
        self._probed: Presync | None = None
        """A branch that was weighed and not yet imported."""
        self._first_done = False
        self._held_until_s = 0.0
        """The chain takes no blocks before."""
        self._refusals = 0
        """Downloads in a row that the chain took nothing of."""

    @property
    def state(self) -> SyncState:
        """For people, and for what waits for the first sync."""
        leader = self._peers.get(self._run.leader) if self._run else None
        return SyncState(
            first_done=self._first_done,
            syncing=self._run is not None,
            target=leader.claim if leader else None,
            verified=self._desk.verified,
            imported=self._desk.imported,
            peers=len(self._peers),
            claims=sum(1 for peer in self._peers if peer.since_s is not None),
        )

    def claim(self, peer: int, claim: HeadClaim, now: Instant, *, familiar: bool = False) -> None:
        """A joined peer says what its head is. `familiar`: we know more of it than that."""
        context, header = self._view.context(claim.hash), self._view.header(claim.hash)
        if header is not None and context is not None:
            found = context.total_difficulty
            if (header.number, found) != (claim.number, claim.total_difficulty):
                self._blame(peer, FalseClaim(claimed=claim.total_difficulty, found=found))
                return
        self._peers.claim(peer, claim, now.monotonic_s).familiar = familiar
        self._advance(now)

    def heard(self, peer: int, claim: HeadClaim, now: Instant) -> None:
        """A joined peer passed on a block whose parent is unknown here: ask it, but it has not promised anything."""
        self._peers.heard(peer, claim, now.monotonic_s)
        self._advance(now)

    def gone(self, peer: int, now: Instant) -> None:
        """A connection is over; answers of it will not come."""
        self._peers.drop(peer)
        if self._run is not None:
            self._run.gone(peer)
        self._advance(now)

    def replied(self, peer: int, ticket: int, request: Request, reply: Reply, now: Instant) -> None:
        """The answer to an Ask."""
        self._answered(peer, request)
        if self._run is not None and self._peers.get(peer) is not None:
            self._run.replied(ticket, reply, now)
        self._advance(now)

    def failed(self, peer: int, ticket: int, request: Request, error: NetError, now: Instant) -> None:
        """An Ask came to nothing."""
        asked = self._answered(peer, request)
        if self._run is not None and self._run.failed(ticket) and asked is not None:
            asked.failed(now.monotonic_s)
            if asked.strikes >= limits.SYNC_STRIKES:
                self._let_go(asked, f"{asked.strikes} requests in a row came to nothing")
            elif self._run.leader == peer:
                self._relieve(asked, now)
        self._advance(now)

    def seals_checked(self, job: int, verdicts: Sequence[SealedHeader | ConsensusError], now: Instant) -> None:
        """The answer to CheckSeals; the job may be of a download that is over."""
        if self._run is not None:
            self._run.seals_checked(job, verdicts, now)
        self._advance(now)

    def imported(self, job: int, outcomes: Sequence[Accepted | ConsensusError | None], now: Instant) -> None:
        """The answer to ImportBlocks; the job may be of a download that is over."""
        if self._run is not None:
            self._run.imported(job, outcomes, now)
        self._advance(now)

    def head_moved(self, head: Head, now: Instant) -> None:
        """The chain has a new head, from wherever."""
        self._advance(now)

    def tick(self, now: Instant) -> None:
        """Time has passed."""
        self._rotate(now)
        self._expire(now)
        if self._run is not None:
            self._run.speculate(now)
        self._advance(now)

    def drain(self) -> list[Order]:
        """What is to be done, in order; once."""
        orders = self._desk.orders[:]
        self._desk.orders.clear()
        return orders

    def _answered(self, number: int, request: Request) -> SyncPeer | None:
        peer = self._peers.get(number)
        if peer is not None and not isinstance(request, HeadersRequest):
            peer.requests -= 1
        return peer

    # --- one download at a time ---

    def _advance(self, now: Instant) -> None:
        head = self._view.head
        self._look_at_claims(head, now)
        run = self._run
        if run is not None and run.leader is None:
            successor = self._peers.leader(head, now.monotonic_s)
            self._hand_over(run, successor, now)
            if successor is None:
                run.advance(now)  # what is ready is not thrown away
                if not run.working:
                    self._run = run = None
        if run is None and now.monotonic_s >= self._held_until_s:
            leader = self._peers.leader(head, now.monotonic_s)
            if leader is not None:
                self._peers.begin()
                self._run = run = Download(self._desk, leader.number, now, self._probed)
        if run is not None:
            run.advance(now)
            if run.end is not None and not run.working:
                self._finish(run, run.end, now)

    def _finish(self, run: Download, end: End, now: Instant) -> None:
        head = self._view.head
        self._run = None
        self._probed = run.probed if run.probed and self._is_open(run.probed, head) else None
        leader = self._peers.get(run.leader)
        self._refusals = self._refusals + 1 if end is End.STORE else 0
        if end is End.STORE:
            wait_s = limits.SYNC_RETRY_S * 2 ** min(self._refusals - 1, 10)
            self._held_until_s = now.monotonic_s + min(wait_s, limits.SYNC_STORE_S)
        elif leader is not None:
            if not self._peers.is_heavier(leader, head):
                leader.attempts, leader.not_before_s = 0, 0.0
                self._peers.wary = False
            elif end is End.EARLY:  # what it claims is not false: the rest of it comes later
                leader.queued_s = now.monotonic_s
            elif leader.not_before_s <= now.monotonic_s + limits.SYNC_RETRY_S:
                leader.put_off(now.monotonic_s)
                self._peers.wary = True
                if end is End.DONE and leader.attempts >= FALSE_ENDS and leader.since_s is not None:
                    self._belie(leader, run.sealed_total)
        self._look_at_claims(head, now)

    def _belie(self, leader: SyncPeer, found: int) -> None:
        """It has not got what it claims. What it only passed on it may never have held: its own word counts again."""
        if leader.stated is not None and leader.stated != leader.claim:
            leader.claim, leader.attempts = leader.stated, 0
        else:
            self._blame(leader.number, FalseClaim(claimed=leader.claim.total_difficulty, found=found))

    @staticmethod
    def _is_open(probed: Presync, head: Head) -> bool:
        return probed.total_difficulty > head.context.total_difficulty

    def _look_at_claims(self, head: Head, now: Instant) -> None:
        """Who claims more than we have, and since when; nobody: the first sync is over."""
        open_claims = False
        for peer in self._peers:
            if not self._peers.is_heavier(peer, head):
                peer.since_s = None
            elif now.monotonic_s < peer.not_before_s and peer.since_s is None:
                pass  # blocks from the future: no claim of today's
            else:
                open_claims = True
                if peer.since_s is None:
                    peer.since_s = now.monotonic_s
        if len(self._peers) and not open_claims:
            self._first_done = True

    # --- time ---

    def _rotate(self, now: Instant) -> None:
        """A leader whose headers come to no work, or hardly any, makes room for another claimant."""
        run = self._run
        leader = self._peers.get(run.leader) if run else None
        if run is None or leader is None or run.working:
            return
        if now.monotonic_s - max(run.begun_s, self._desk.moved_s) >= limits.SYNC_ROTATE_S:
            self._relieve(leader, now)

    def _relieve(self, leader: SyncPeer, now: Instant) -> None:
        run = self._run
        self._peers.wary = True
        successor = self._peers.leader(self._view.head, now.monotonic_s, but=leader.number)
        if run is None or successor is None:
            return
        leader.put_off(now.monotonic_s)
        self._hand_over(run, successor, now)

    @staticmethod
    def _hand_over(run: Download, successor: SyncPeer | None, now: Instant) -> None:
        run.begun_s = now.monotonic_s
        run.lead(successor.number if successor else None)

    def _expire(self, now: Instant) -> None:
        """Claims that were never made good end with their connection."""
        if self._run is not None and self._run.working:
            return
        for peer in list(self._peers):
            if peer.since_s is None or not self._had_turn(peer, now):
                continue
            moved_s = max(self._desk.moved_s, self._desk.imported_s)  # a slow peer may always be a block behind
            waited_s = now.monotonic_s - max(peer.since_s, moved_s, self._held_until_s)
            if waited_s >= limits.SYNC_CLAIM_S:
                self._first_done = True
                self._let_go(peer, f"no work behind its claim in {int(limits.SYNC_CLAIM_S)} s")

    def _had_turn(self, peer: SyncPeer, now: Instant) -> bool:
        """False for a claimant that was never asked, or only just: others kept it waiting."""
        if self._run is not None and self._run.leader == peer.number:
            return now.monotonic_s - self._run.begun_s >= limits.SYNC_ROTATE_S
        return peer.attempts > 0

    def _let_go(self, peer: SyncPeer, reason: str) -> None:
        fields = (("peer", peer.number), ("claimed", str(peer.claim.total_difficulty)), ("reason", reason))
        self._desk.orders.extend([Log("info", "peer let go", fields), Disconnect(peer.number, reason)])
        self._forget(peer.number)

    def _blame(self, peer: int, error: ConsensusError | NetError) -> None:
        self._desk.orders.append(ReportPeer(peer, error))
        self._forget(peer)

    def _forget(self, peer: int) -> None:
        self._peers.wary |= self._run is not None and self._run.leader == peer
        self._peers.drop(peer)
        if self._run is not None:
            self._run.gone(peer)
