"""One download: headers from a leader, seals from everybody, bodies where there are any, then the import.

    headers --verified--> window --seals checked--> sealed --heavier than the head--> bodies --> ImportBlocks
    (header_stage)                (part_stage)              (branch)                (part_stage) (import_stage)

Nothing is imported before the sealed part of the branch outweighs the head.
What this file does not do: it chooses no leader and times nobody out (`sync` does).
"""

from __future__ import annotations

from collections.abc import Sequence

from quip.consensus.block_validation import SealVerdict
from quip.consensus.errors.root import ConsensusError
from quip.net.commands import ReportPeer
from quip.net.errors import NetError
from quip.net.events import ImportOutcome
from quip.net.link import Instant
from quip.net.sync.branch import Branch
from quip.net.sync.context import End, SyncContext
from quip.net.sync.header_stage import HeaderStage
from quip.net.sync.import_stage import ImportStage
from quip.net.sync.part_stage import PartStage
from quip.net.sync.presync import Presync
from quip.net.wire.messages import Headers, Reply


class Download:
    """One download under a leader, who may be replaced."""

    def __init__(self, context: SyncContext, leader: int, now: Instant, presynced: Presync | None = None) -> None:
        """`presynced`: a branch that an earlier download weighed."""
        self.end: End | None = None
        self.branch = Branch(context, leader, presynced)
        self.led_since_s = now.monotonic_s
        """When the present leader took over."""
        self._context = context
        self._parts = PartStage(context, self.branch, self._report)
        self._headers = HeaderStage(context, self.branch, self._parts, self._report)
        self._imports = ImportStage(context, self.branch, self._parts, self._report, now)

    @property
    def leader(self) -> int | None:
        """The peer that sends the headers; None: it left."""
        return self.branch.leader

    @property
    def working(self) -> bool:
        """True while our own threads are busy for it."""
        return self._parts.checking or self._imports.importing

    @property
    def importing(self) -> bool:
        """True while blocks are with the chain's thread."""
        return self._imports.importing

    def lead(self, leader: int | None, now: Instant) -> None:
        """Another peer sends the headers from here on."""
        self.led_since_s = now.monotonic_s
        self._headers.lead(leader)

    def gone(self, peer: int) -> None:
        """A peer is no longer there."""
        self._parts.gone(peer)
        if peer == self.leader:
            self._headers.lead(None)

    def advance(self, now: Instant) -> None:
        """Ask, check and import whatever can be."""
        if self.end is not None:
            return
        self._headers.request()
        if self.branch.window is not None:
            self._parts.request_seals(now)
            if self.branch.weigh(importing=self._imports.importing):
                self._headers.lead(self.leader)
            self._parts.request_bodies(now)
            self._imports.order(now)
        if self._headers.at_end and not self.working and not self._parts.pending:
            self.end = self.end or (End.EARLY if self._headers.before_its_time else End.DONE)

    def replied(self, ticket: int, reply: Reply, now: Instant) -> None:
        """An answer; a ticket that is not of this download is ignored."""
        if not self._headers.request_ended(ticket):
            self._parts.received(ticket, reply, now)
        elif isinstance(reply, Headers):
            self._headers.received(reply.headers, now)

    def failed(self, ticket: int) -> bool:
        """A request came to nothing. False if the ticket is not of this download."""
        return self._headers.request_ended(ticket) or self._parts.failed(ticket)

    def speculate(self, now: Instant) -> None:
        """What takes long is asked of others too."""
        self._parts.speculate(now)

    def seals_checked(self, job: int, verdicts: Sequence[SealVerdict], now: Instant) -> None:
        """The native threads' verdict; a job that is not of this download is ignored."""
        self._parts.seals_checked(job, verdicts, now)

    def imported(self, job: int, outcomes: Sequence[ImportOutcome], now: Instant) -> None:
        """The chain's verdict; a job that is not of this download is ignored."""
        self.end = self._imports.imported(job, outcomes, now) or self.end

    def _report(self, peer: int, error: ConsensusError | NetError) -> None:
        self._context.peers.drop(peer)
        self._context.orders.append(ReportPeer(peer, error))
        self.gone(peer)
