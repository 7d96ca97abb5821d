"""Sync: from claims of work to imported blocks. Sans-IO: messages and verdicts in, orders out.

Claimed work is no work: a claim only says whom to ask. One download runs at a time, led by one claimant; seals come
from every peer that has them. A leader that brings nothing is replaced, one that lies is reported, and a claim without
work behind it ends after SYNC_CLAIM_S with its connection. Equal work is no reason to sync.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quip.chain.events import Head
from quip.consensus.block_validation import SealVerdict
from quip.consensus.errors.root import ConsensusError
from quip.net import limits
from quip.net.actions import Log
from quip.net.commands import Disconnect, Order, ReportPeer
from quip.net.errors import FalseClaim, NetError
from quip.net.events import ImportOutcome
from quip.net.link import Instant
from quip.net.ports import ChainView
from quip.net.sync.context import End, Sizes, SyncContext
from quip.net.sync.download import Download
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
    """Joined peers that claim more work than the head has and whose claims were not yet found to be false."""
    importing: bool = False
    """Blocks are with the chain's thread: the head is about to move."""


class Sync:
    """All downloads of one node, one after the other."""

    def __init__(self, view: ChainView, rng: random.Random, tickets: Iterator[int], sizes: Sizes | None = None) -> None:
        self._view = view
        self._peers = SyncPeers(view, rng)
        self._context = SyncContext(view, self._peers, tickets, [], sizes or Sizes())
        self._download: Download | None = None
        self._presynced: Presync | None = None
        """A branch that was weighed and not yet imported."""
        self._first_done = False
        self._held_until_s = 0.0
        """The chain takes no blocks before."""
        self._refusals = 0
        """Downloads in a row that the chain took nothing of."""

    @property
    def state(self) -> SyncState:
        """How far it is, for the status and for what waits for the first sync."""
        leader = self._peers.get(self._download.leader) if self._download else None
        return SyncState(
            first_done=self._first_done,
            syncing=self._download is not None,
            target=leader.claim if leader else None,
            verified=self._context.verified,
            imported=self._context.imported,
            peers=len(self._peers),
            claims=sum(1 for peer in self._peers if peer.since_s is not None),
            importing=self._download is not None and self._download.importing,
        )

    def claim(self, peer: int, claim: HeadClaim, now: Instant, *, familiar: bool = False) -> None:
        """A joined peer says what its head is. `familiar`: it did not select itself (handshake)."""
        context, header = self._view.context(claim.hash), self._view.header(claim.hash)
        if header is not None and context is not None:
            found = context.total_difficulty
            if (header.number, found) != (claim.number, claim.total_difficulty):
                self._report(peer, FalseClaim(claimed=claim.total_difficulty, found=found))
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
        if self._download is not None:
            self._download.gone(peer)
        self._advance(now)

    def replied(self, peer: int, ticket: int, request: Request, reply: Reply, now: Instant) -> None:
        """The answer to an Ask."""
        self._request_ended(peer, request)
        if self._download is not None and self._peers.get(peer) is not None:
            self._download.replied(ticket, reply, now)
        self._advance(now)

    def failed(self, peer: int, ticket: int, request: Request, error: NetError, now: Instant) -> None:
        """An Ask came to nothing."""
        asked = self._request_ended(peer, request)
        if self._download is not None and self._download.failed(ticket) and asked is not None:
            asked.failed(now.monotonic_s)
            if asked.strikes >= limits.SYNC_STRIKES:
                self._disconnect(asked, f"{asked.strikes} requests in a row came to nothing")
            elif self._download.leader == peer:
                self._replace_leader(asked, now)
        self._advance(now)

    def seals_checked(self, job: int, verdicts: Sequence[SealVerdict], now: Instant) -> None:
        """The answer to CheckSeals; the job may be of a download that is over."""
        if self._download is not None:
            self._download.seals_checked(job, verdicts, now)
        self._advance(now)

    def imported(self, job: int, outcomes: Sequence[ImportOutcome], now: Instant) -> None:
        """The answer to ImportBlocks; the job may be of a download that is over."""
        if self._download is not None:
            self._download.imported(job, outcomes, now)
        self._advance(now)

    def head_moved(self, head: Head, now: Instant) -> None:
        """The chain has a new head, from wherever."""
        self._advance(now)

    def tick(self, now: Instant) -> None:
        """Time has passed."""
        self._rotate(now)
        self._expire(now)
        if self._download is not None:
            self._download.speculate(now)
        self._advance(now)

    def drain(self) -> list[Order]:
        """What is to be done, in order; once."""
        orders = self._context.orders[:]
        self._context.orders.clear()
        return orders

    def _request_ended(self, number: int, request: Request) -> SyncPeer | None:
        peer = self._peers.get(number)
        if peer is not None and not isinstance(request, HeadersRequest):
            peer.requests -= 1
        return peer

    # --- one download at a time ---

    def _advance(self, now: Instant) -> None:
        head = self._view.head
        self._review_claims(head, now)
        download = self._download
        if download is not None and download.leader is None:
            successor = self._peers.leader(head, now.monotonic_s)
            download.lead(successor.number if successor else None, now)
            if successor is None:
                download.advance(now)  # what is ready is not thrown away
                if not download.working:
                    self._download = download = None
        if download is None and now.monotonic_s >= self._held_until_s:
            leader = self._peers.leader(head, now.monotonic_s)
            if leader is not None:
                self._peers.begin()
                self._download = download = Download(self._context, leader.number, now, self._presynced)
        if download is not None:
            download.advance(now)
            if download.end is not None and not download.working:
                self._end(download, download.end, now)

    def _end(self, download: Download, end: End, now: Instant) -> None:
        head = self._view.head
        self._download = None
        presynced = download.branch.presynced
        self._presynced = presynced if presynced and self._is_open(presynced, head) else None
        leader = self._peers.get(download.leader)
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
                    self._reject_claim(leader, download.branch.sealed_total)
        self._review_claims(head, now)

    def _reject_claim(self, leader: SyncPeer, found: int) -> None:
        """It does not have what it claims.

        A block that it only passed on it may never have had: then what it last called its own head counts again.
        """
        if leader.stated is not None and leader.stated != leader.claim:
            leader.claim, leader.attempts = leader.stated, 0
        else:
            self._report(leader.number, FalseClaim(claimed=leader.claim.total_difficulty, found=found))

    @staticmethod
    def _is_open(presynced: Presync, head: Head) -> bool:
        return presynced.total_difficulty > head.context.total_difficulty

    def _review_claims(self, head: Head, now: Instant) -> None:
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
        download = self._download
        leader = self._peers.get(download.leader) if download else None
        if download is None or leader is None or download.working:
            return
        if now.monotonic_s - max(download.led_since_s, self._context.moved_s) >= limits.SYNC_ROTATE_S:
            self._replace_leader(leader, now)

    def _replace_leader(self, leader: SyncPeer, now: Instant) -> None:
        download = self._download
        self._peers.wary = True
        successor = self._peers.leader(self._view.head, now.monotonic_s, but=leader.number)
        if download is None or successor is None:
            return
        leader.put_off(now.monotonic_s)
        download.lead(successor.number, now)

    def _expire(self, now: Instant) -> None:
        """Claims that were never made good end with their connection."""
        if self._download is not None and self._download.working:
            return
        for peer in list(self._peers):
            if peer.since_s is None or not self._had_turn(peer, now):
                continue
            moved_s = max(self._context.moved_s, self._context.imported_s)  # a slow peer may always be a block behind
            waited_s = now.monotonic_s - max(peer.since_s, moved_s, self._held_until_s)
            if waited_s >= limits.SYNC_CLAIM_S:
                self._first_done = True
                self._disconnect(peer, f"no work behind its claim in {int(limits.SYNC_CLAIM_S)} s")

    def _had_turn(self, peer: SyncPeer, now: Instant) -> bool:
        """False for a claimant that was never asked, or only just: others kept it waiting."""
        if self._download is not None and self._download.leader == peer.number:
            return now.monotonic_s - self._download.led_since_s >= limits.SYNC_ROTATE_S
        return peer.attempts > 0

    def _disconnect(self, peer: SyncPeer, reason: str) -> None:
        fields = (("peer", peer.number), ("claimed", str(peer.claim.total_difficulty)), ("reason", reason))
        self._context.orders.extend([Log("info", "peer let go", fields), Disconnect(peer.number, reason)])
        self._forget(peer.number)

    def _report(self, peer: int, error: ConsensusError | NetError) -> None:
        self._context.orders.append(ReportPeer(peer, error))
        self._forget(peer)

    def _forget(self, peer: int) -> None:
        self._peers.wary |= self._download is not None and self._download.leader == peer
        self._peers.drop(peer)
        if self._download is not None:
            self._download.gone(peer)
