"""Second stage of a download: seals of all headers, then bodies of the sealed ones, from every peer that has them.

Seals, and those of the ommers in bodies, are verified on the native threads. Bodies are asked for only once the branch
outweighs the head: what is only claimed costs us no more than headers and seals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quip.consensus.block_validation import OmmerClaim, SealCheck, SealedHeader, SealVerdict, check_body
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.block import NO_BODY, BlockBody
from quip.consensus.types.header import EMPTY_TRIE_ROOT, MAX_UINT64
from quip.consensus.types.seal import Seal
from quip.net import limits
from quip.net.actions import CheckSeals
from quip.net.errors import PartsWithheld, WrongAnswer
from quip.net.link import Instant
from quip.net.ommer_seals import found_of, unverified
from quip.net.sync.branch import Branch
from quip.net.sync.context import ReportFault, SyncContext
from quip.net.sync.header_window import Slot
from quip.net.sync.part_queue import PartQueue, PartRequest
from quip.net.sync.peers import SyncPeer
from quip.net.wire.messages import Bodies, BodiesRequest, Reply, Seals, SealsRequest


class PartStage:
    """Seals and bodies on their way in."""

    def __init__(self, context: SyncContext, branch: Branch, report: ReportFault) -> None:
        self._context = context
        self._branch = branch
        self._report = report
        self._seals = PartQueue(lambda slot: slot.sealed is not None)
        self._bodies = PartQueue(lambda slot: slot.body is not None)
        self._checking: dict[int, tuple[int, list[Slot]]] = {}
        """By job: whose seals they are, and for which slots."""
        self._judging: dict[int, list[Slot]] = {}
        """By job: the slot of each ommer whose seal is checked."""

    @property
    def checking(self) -> bool:
        """True while seals are with the native threads."""
        return bool(self._checking or self._judging)

    @property
    def pending(self) -> bool:
        """True if something is wanted or asked for. A branch that the head has outgrown needs no bodies any more."""
        return self._seals.pending or (self._bodies.pending and self._branch.is_heavier())

    @property
    def under_way(self) -> bool:
        """True if something may arrive, or pass its check, at any moment."""
        return bool(self.checking or self._seals.in_flight or self._bodies.in_flight)

    def want_seal(self, slot: Slot) -> None:
        """A verified header."""
        self._seals.want((slot,))

    def gone(self, peer: int) -> None:
        """A peer is no longer there."""
        self._seals.gone(peer)
        self._bodies.gone(peer)

    def speculate(self, now: Instant) -> None:
        """What takes long is asked of others too, so that one slow peer does not hold up the import."""
        for parts in (self._seals, self._bodies):
            parts.double(now.monotonic_s - limits.SYNC_HURRY_S)

    def request_seals(self, now: Instant) -> None:
        """Ask whoever is free."""
        checking = sum(len(slots) for _, slots in self._checking.values())

        def count(peer: SyncPeer) -> int:
            return min(peer.range_size, limits.SYNC_SEALS_IN_FLIGHT - self._seals.in_flight - checking)

        self._request(self._seals, SealsRequest, count, now)

    def request_bodies(self, now: Instant) -> None:
        """Bodies of the sealed blocks, once their branch is heavier."""
        window = self._branch.window
        assert window is not None
        if not self._branch.is_heavier():
            return
        while window.bodies_wanted < min(window.sealed, limits.SYNC_BODIES_AHEAD + self._context.sizes.batch):
            slot = window.slots[window.bodies_wanted]
            if slot.header.transactions_root == EMPTY_TRIE_ROOT and not slot.header.ommer_count:
                slot.body = check_body(slot.checked, NO_BODY)
            elif self._bodies.in_flight >= limits.SYNC_BODIES_AHEAD or window.body_bytes >= limits.SYNC_BODY_BYTES:
                break
            else:
                self._bodies.want((slot,))
            window.bodies_wanted += 1
        self._request(self._bodies, BodiesRequest, lambda _peer: limits.SYNC_BODIES_RANGE, now)

    def received(self, ticket: int, reply: Reply, now: Instant) -> None:
        """An answer; a ticket that is not of this stage is ignored."""
        if asked := self._seals.answered(ticket):
            self._received_parts(asked, self._seals, reply.seals if isinstance(reply, Seals) else (), now)
        elif asked := self._bodies.answered(ticket):
            self._received_parts(asked, self._bodies, reply.bodies if isinstance(reply, Bodies) else (), now)

    def failed(self, ticket: int) -> bool:
        """A request came to nothing. False if the ticket is not of this stage."""
        return self._seals.lost(ticket) or self._bodies.lost(ticket)

    def seals_checked(self, job: int, verdicts: Sequence[SealVerdict], now: Instant) -> None:
        """The native threads' verdict; a job that is not of this download is ignored."""
        if ommers := self._judging.pop(job, None):
            self._ommers_judged(ommers, verdicts)
            return
        number, slots = self._checking.pop(job, (-1, []))
        good, wrong = 0, list[Slot]()
        worst: ConsensusError | None = None
        for slot, verdict in zip(slots, verdicts, strict=bool(slots)):
            if not isinstance(verdict, SealedHeader):
                if isinstance(verdict, ConsensusError):
                    worst = worst or verdict
                wrong.append(slot)
                continue
            good += 1
            slot.sealed = verdict
            if source := self._context.peers.get(slot.source):
                source.earn(1)
        self._context.moved(good, now.monotonic_s)
        if peer := self._context.peers.get(number):
            peer.served(good)
        if worst is not None:
            self._seals.again(wrong)
            self._report(number, worst)

    def _request(
        self,
        parts: PartQueue,
        kind: type[SealsRequest] | type[BodiesRequest],
        count: Callable[[SyncPeer], int],
        now: Instant,
    ) -> None:
        """Hand what is wanted to whoever is free, as many at once as `count` says of a peer."""
        for peer in self._by_load():
            while parts.waiting and peer.can_send(now.monotonic_s):
                slots = parts.next(count(peer), self._highest(peer))
                if not slots:
                    break
                ticket = self._context.ask(peer.number, kind(tuple(slot.hash for slot in slots)))
                peer.requests += 1
                parts.ask(ticket, PartRequest(peer.number, slots, now.monotonic_s))

    def _highest(self, peer: SyncPeer) -> int:
        """Number of the highest block whose parts the peer can be asked for."""
        leads = peer.number == self._branch.leader
        return MAX_UINT64 if leads and peer.lacks_above is None else peer.highest

    def _by_load(self) -> list[SyncPeer]:
        def key(peer: SyncPeer) -> tuple[int, int, int, float]:
            return peer.rank(leads=peer.number == self._branch.leader), peer.requests, -peer.range_size, peer.tie

        return sorted(self._context.peers, key=key)

    def _received_parts(
        self, asked: PartRequest, parts: PartQueue, found: Sequence[Seal | BlockBody | None], now: Instant
    ) -> None:
        peer = self._context.peers.get(asked.peer)
        if peer is not None and now.monotonic_s - asked.when_s > limits.SYNC_HURRY_S / 2:
            peer.slow()
        if not 0 < len(found) <= len(asked.slots):
            parts.again(asked.slots)
            self._report(asked.peer, WrongAnswer(f"{len(found)} parts of {len(asked.slots)}", name="parts"))
            return
        absent = [slot for slot, part in zip(asked.slots, found, strict=False) if part is None]
        if not asked.doubled:
            parts.again([*absent, *asked.slots[len(found) :]])
        pairs = [
            (slot, part)
            for slot, part in zip(asked.slots, found, strict=False)
            if part is not None and not slot.gone and not parts.has(slot)
        ]
        if parts is self._seals:
            self._check([(slot, part) for slot, part in pairs if isinstance(part, Seal)], asked.peer)
        else:
            self._received_bodies([(slot, part) for slot, part in pairs if isinstance(part, BlockBody)], asked.peer)
        if absent and peer is not None:
            self._lacks(peer, absent)

    def _lacks(self, peer: SyncPeer, absent: list[Slot]) -> None:
        if any(slot.source == peer.number and not slot.gone for slot in absent):
            self._report(peer.number, PartsWithheld(number=absent[0].header.number))
        else:
            peer.lacks_above = min(absent[0].header.number, peer.highest)

    def _check(self, pairs: list[tuple[Slot, Seal]], peer: int) -> None:
        if not pairs:
            return
        job = next(self._context.tickets)
        self._checking[job] = peer, [slot for slot, _ in pairs]
        checks = tuple(SealCheck(slot.checked, seal) for slot, seal in pairs)
        self._context.orders.append(CheckSeals(job, peer, checks))

    def _received_bodies(self, pairs: list[tuple[Slot, BlockBody]], peer: int) -> None:
        assert self._branch.window is not None
        wrong: list[Slot] = []
        worst: ConsensusError | None = None
        claims: list[OmmerClaim] = []
        shown_by: list[Slot] = []
        for slot, body in pairs:
            try:
                self._branch.window.put_body(slot, check_body(slot.checked, body), peer)
            except ConsensusError as error:
                worst = worst or error
                wrong.append(slot)
                continue
            own = unverified(self._context.view, body.ommers)
            slot.is_judging = bool(own)
            claims += own
            shown_by += [slot] * len(own)
        if claims:
            job = next(self._context.tickets)
            self._judging[job] = shown_by
            self._context.orders.append(CheckSeals(job, peer, tuple(claims)))
        if worst is not None:
            self._bodies.again(wrong)
            self._report(peer, worst)

    @staticmethod
    def _ommers_judged(shown_by: list[Slot], verdicts: Sequence[SealVerdict]) -> None:
        """Good or bad, the import needs them: only it knows whether the ommers are lawful, which is asked first."""
        for slot, verdict in zip(shown_by, verdicts, strict=True):
            slot.ommer_seals += found_of((verdict,))
            slot.is_judging = False
