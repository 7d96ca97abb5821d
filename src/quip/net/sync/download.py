"""One download: headers from a leader, seals from everybody, bodies where there are any, then the import.

    headers --verified--> window --seals checked--> sealed --heavier than the head--> bodies --> ImportBlocks

Nothing is imported before the sealed part of the branch outweighs the head. A branch that fills the window without
outweighing it is weighed by a probe and fetched a second time.
What this file does not do: it chooses no leader and times nobody out (`sync` does).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from quip.chain.batch import Admission
from quip.chain.chain import Accepted
from quip.consensus.block_validation import Parent, SealedHeader, check_body
from quip.consensus.errors.header import FutureBlock, KnownInvalid
from quip.consensus.errors.root import ConsensusError, Spoils
from quip.consensus.types.header import EMPTY_TRIE_ROOT, MAX_UINT64, Header
from quip.consensus.types.seal import Seal
from quip.net import limits
from quip.net.actions import CheckSeals, ImportBlocks, Log, SealCheck
from quip.net.commands import Ask, ReportPeer
from quip.net.errors import FalseClaim, HeaderFlood, NetError, PartsWithheld, WrongAnswer
from quip.net.link import Instant
from quip.net.sync.context import SyncContext
from quip.net.sync.header_window import HeaderWindow, Slot
from quip.net.sync.part_queue import PartQueue, PartRequest
from quip.net.sync.peers import SyncPeer
from quip.net.sync.presync import Presync
from quip.net.wire.messages import Bodies, BodiesRequest, Headers, HeadersRequest, Reply, Request, Seals, SealsRequest

Outcome = Accepted | ConsensusError | None
Body = tuple[bytes, ...]


class End(Enum):
    """Why a download is over."""

    DONE = "done"
    """All that the leader had is imported."""
    EARLY = "early"
    """The same, but for blocks whose time has not come."""
    FAILED = "failed"
    """It has to begin anew."""
    STORE = "store"
    """The chain takes no blocks at the moment."""


class Download:
    """One download under a leader, who may be replaced."""

    def __init__(self, desk: SyncContext, leader: int, now: Instant, probed: Presync | None = None) -> None:
        self.leader: int | None = leader
        self.end: End | None = None
        self.probed = probed
        """A branch that was weighed and outweighs the head: its second pass."""
        self._desk = desk
        self._window: HeaderWindow | None = None
        self._locator: frozenset[bytes] = frozenset()
        self._headers_ticket: int | None = None
        self._at_end: bytes | None = None
        """The leader's claim when it had no more headers."""
        self._before_its_time = False
        """It has more, from the future."""
        self._seals = PartQueue(lambda slot: slot.sealed is not None)
        self._bodies = PartQueue(lambda slot: slot.body is not None)
        self._checking: dict[int, list[Slot]] = {}
        self._checked_peer: dict[int, int] = {}
        self._importing: dict[int, list[Slot]] = {}
        self._embodied = 0
        """Slots from the first on whose body is there or was asked for."""
        self._probe: Presync | None = None
        self._fork_of = desk.view.genesis_hash
        """The stored block that the window began on."""
        self._fork: bytes | None = None
        self.begun_s = self._ordered_s = now.monotonic_s
        """When this leader took over, and when blocks were last handed to the chain."""

    @property
    def working(self) -> bool:
        """True while our own threads are busy for it."""
        return bool(self._checking or self._importing)

    def lead(self, leader: int | None) -> None:
        """Another peer sends the headers from here on."""
        self.leader, self._headers_ticket, self._at_end, self._before_its_time = leader, None, None, False

    def gone(self, peer: int) -> None:
        """A peer is no longer there."""
        self._seals.gone(peer)
        self._bodies.gone(peer)
        if peer == self.leader:
            self.lead(None)

    def advance(self, now: Instant) -> None:
        """Ask, check and import whatever can be."""
        if self.end is not None:
            return
        self._ask_headers()
        if self._window is not None:
            self._ask_seals(now)
            self._weigh()
            self._embody(now)
            self._import(now)
        self._finish()

    def replied(self, ticket: int, reply: Reply, now: Instant) -> bool:
        """Take an answer. False if the ticket is not of this download."""
        if ticket == self._headers_ticket:
            self._headers_ticket = None
            if isinstance(reply, Headers):
                self._take_headers(reply.headers, now)
            return True
        if asked := self._seals.answered(ticket):
            self._take_parts(asked, self._seals, reply.seals if isinstance(reply, Seals) else (), now)
            return True
        if asked := self._bodies.answered(ticket):
            self._take_parts(asked, self._bodies, reply.bodies if isinstance(reply, Bodies) else (), now)
            return True
        return False

    def failed(self, ticket: int) -> bool:
        """A request came to nothing. False if the ticket is not of this download."""
        if ticket == self._headers_ticket:
            self._headers_ticket = None
            return True
        return self._seals.lost(ticket) or self._bodies.lost(ticket)

    def speculate(self, now: Instant) -> None:
        """What takes long is asked of others too, so that one slow peer does not hold up the import."""
        for parts in (self._seals, self._bodies):
            parts.double(now.monotonic_s - limits.SYNC_HURRY_S)

    # --- headers ---

    def _ask_headers(self) -> None:
        leader = self._desk.peers.get(self.leader)
        full = self._window is not None and len(self._window) + self._desk.sizes.headers > self._desk.sizes.window
        if leader is None or full or self._headers_ticket is not None or self._at_end == leader.claim.hash:
            return
        locator = self._make_locator()
        self._locator = frozenset(locator)
        self._headers_ticket = self._ask(leader.number, HeadersRequest(tuple(locator), self._desk.sizes.headers))

    def _make_locator(self) -> list[bytes]:
        view = self._desk.view
        hashes = self._window.locator() if self._window is not None else []
        number, step = view.head.header.number, 1
        while number > 0 and len(hashes) < limits.MAX_LOCATOR_HASHES - 1:
            if (block_hash := view.canonical(number)) is not None:
                hashes.append(block_hash)
            number -= step
            step = step * 2 if len(hashes) > limits.LOCATOR_DENSE else 1
        return [*dict.fromkeys(hashes), view.genesis_hash]

    def _take_headers(self, headers: Sequence[Header], now: Instant) -> None:
        leader = self._desk.peers.get(self.leader)
        if leader is None:
            return
        leader.strikes = 0
        if not headers:
            self._at_end = leader.claim.hash
            return
        if headers[0].parent_hash not in self._locator:
            self._blame(leader.number, WrongAnswer("headers on top of nothing that was named", name="HEADERS"))
            return
        if not self._connect(headers[0]):
            return  # on top of what is with the chain's thread since we asked: asked again, we name other blocks
        for header in headers:
            if not self._take_header(leader, header, now):
                return
        self._compare_claim(leader)

    def _connect(self, first: Header) -> bool:
        """Go back to the parent of the first header: in the window, or a verified block."""
        number, parent_hash = first.number - 1, first.parent_hash
        if self._window is not None and self._window.cut(number, parent_hash):
            self._embodied = min(self._embodied, len(self._window))
            return True
        header, context = self._desk.view.header(parent_hash), self._desk.view.context(parent_hash)
        if header is None or context is None:
            return False
        self._begin(Parent(parent_hash, header, context))
        return True

    def _begin(self, start: Parent) -> None:
        if self._window is not None:
            self._window.close()
        self._window = HeaderWindow(self._desk.view.spec, start)
        self._embodied, self._probe = 0, None
        if self.probed is not None and self.probed.fork.hash != start.hash:
            self.probed = None
        self._fork_of, self._fork = start.hash, None

    def _find_fork(self) -> bytes | None:
        """Hash of the canonical block at which the branch leaves."""
        if self._fork is None:
            number = self._desk.view.fork_number(self._fork_of)
            self._fork = None if number is None else self._desk.view.canonical(number)
        return self._fork

    def _take_header(self, leader: SyncPeer, header: Header, now: Instant) -> bool:
        """False ends the answer: the rest of it is of no use."""
        window = self._window
        assert window is not None
        if header.parent_hash != window.tip.hash:
            self._blame(leader.number, WrongAnswer("headers that do not follow each other", name="HEADERS"))
            return False
        block_hash = header.hash
        if self._skip_known(window, leader, block_hash, header):
            return True
        try:
            self._check_header(leader, block_hash, header, now)
        except FutureBlock as error:
            self._early(leader, header, error, now)
            return False
        except (ConsensusError, NetError) as error:
            self._blame(leader.number, error)
            return False
        return True

    def _check_header(self, leader: SyncPeer, block_hash: bytes, header: Header, now: Instant) -> None:
        assert self._window is not None
        if not leader.spend(1, now.monotonic_s):
            raise HeaderFlood(count=int(limits.SYNC_HEADER_CREDIT))
        if self._desk.view.is_invalid(block_hash):
            raise KnownInvalid(block_hash=f"0x{block_hash.hex()}")
        if self.probed is not None and self.probed.differs(header.number, block_hash):
            self.probed = None  # another branch than the one that was weighed: it has to show its own work
        self._seals.want((self._window.extend(header, leader.number, now.unix_s),))

    def _skip_known(self, window: HeaderWindow, leader: SyncPeer, block_hash: bytes, header: Header) -> bool:
        """A block that is stored needs no checks: begin above it."""
        if len(window) or self._probe is not None or self.probed is not None:
            return False
        context = self._desk.view.context(block_hash)
        if context is None:
            return False
        if header.number <= leader.reached and not leader.spend(1, leader.credited_s):
            return False
        leader.reached = max(leader.reached, header.number)
        window.start = Parent(block_hash, header, context)
        self._fork_of, self._fork = block_hash, None
        return True

    def _early(self, leader: SyncPeer, header: Header, error: FutureBlock, now: Instant) -> None:
        wait_s = header.timestamp - self._desk.view.spec.difficulty.future_limit - now.unix_s
        leader.not_before_s = now.monotonic_s + min(max(wait_s, 1), limits.SYNC_EARLY_S)
        leader.since_s = None
        self._at_end, self._before_its_time = leader.claim.hash, True
        self._desk.orders.append(Log("debug", "blocks from the future", (("number", header.number),)))

    def _compare_claim(self, leader: SyncPeer) -> None:
        """Once its headers reach what it claimed, the claim must be what they add up to."""
        assert self._window is not None
        tip, claim = self._window.tip, leader.claim
        if tip.hash != claim.hash:
            return
        self._at_end = claim.hash
        if (tip.header.number, tip.context.total_difficulty) != (claim.number, claim.total_difficulty):
            self._blame(leader.number, FalseClaim(claimed=claim.total_difficulty, found=tip.context.total_difficulty))

    # --- seals and bodies ---

    def _ask_seals(self, now: Instant) -> None:
        checking = sum(len(pairs) for pairs in self._checking.values())
        for peer in self._by_load():
            while self._seals.waiting and peer.can_send(now.monotonic_s):
                room = limits.SYNC_SEALS_IN_FLIGHT - self._seals.in_flight - checking
                slots = self._seals.next(min(peer.range_size, room), self._highest(peer))
                if not slots:
                    break
                request = SealsRequest(tuple(slot.hash for slot in slots))
                peer.requests += 1
                self._seals.ask(self._ask(peer.number, request), PartRequest(peer.number, slots, now.monotonic_s))

    def _embody(self, now: Instant) -> None:
        """Bodies of the sealed blocks, once their branch is heavier."""
        window = self._window
        assert window is not None
        if not self._is_heavier(window):
            return
        while self._embodied < min(window.sealed, limits.SYNC_BODIES_AHEAD + self._desk.sizes.batch):
            slot = window.slots[self._embodied]
            if slot.header.transactions_root == EMPTY_TRIE_ROOT:
                slot.body = check_body(slot.checked, ())
            elif self._bodies.in_flight >= limits.SYNC_BODIES_AHEAD or window.body_bytes >= limits.SYNC_BODY_BYTES:
                break
            else:
                self._bodies.want((slot,))
            self._embodied += 1
        for peer in self._by_load():
            while self._bodies.waiting and peer.can_send(now.monotonic_s):
                slots = self._bodies.next(limits.SYNC_BODIES_RANGE, self._highest(peer))
                if not slots:
                    break
                request = BodiesRequest(tuple(slot.hash for slot in slots))
                peer.requests += 1
                self._bodies.ask(self._ask(peer.number, request), PartRequest(peer.number, slots, now.monotonic_s))

    def _highest(self, peer: SyncPeer) -> int:
        """Number of the highest block whose parts the peer can be asked for."""
        return MAX_UINT64 if peer.number == self.leader and peer.lacks_above is None else peer.highest

    def _by_load(self) -> list[SyncPeer]:
        def key(peer: SyncPeer) -> tuple[int, int, int, float]:
            return peer.rank(leads=peer.number == self.leader), peer.requests, -peer.range_size, peer.tie

        return sorted(self._desk.peers, key=key)

    def _take_parts(
        self, asked: PartRequest, parts: PartQueue, found: Sequence[Seal | Body | None], now: Instant
    ) -> None:
        peer = self._desk.peers.get(asked.peer)
        if peer is not None and now.monotonic_s - asked.when_s > limits.SYNC_HURRY_S / 2:
            peer.slow()
        if not 0 < len(found) <= len(asked.slots):
            parts.again(asked.slots)
            self._blame(asked.peer, WrongAnswer(f"{len(found)} parts of {len(asked.slots)}", name="parts"))
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
            self._take_bodies([(slot, part) for slot, part in pairs if isinstance(part, tuple)], asked.peer)
        if absent and peer is not None:
            self._lacks(peer, absent)

    def _lacks(self, peer: SyncPeer, absent: list[Slot]) -> None:
        if any(slot.source == peer.number and not slot.gone for slot in absent):
            self._blame(peer.number, PartsWithheld(number=absent[0].header.number))
        else:
            peer.lacks_above = min(absent[0].header.number, peer.highest)

    def _check(self, pairs: list[tuple[Slot, Seal]], peer: int) -> None:
        if not pairs:
            return
        job = next(self._desk.tickets)
        self._checking[job], self._checked_peer[job] = [slot for slot, _ in pairs], peer
        checks = tuple(SealCheck(slot.checked, seal) for slot, seal in pairs)
        self._desk.orders.append(CheckSeals(job, peer, checks))

    def _take_bodies(self, pairs: list[tuple[Slot, Body]], peer: int) -> None:
        assert self._window is not None
        wrong: list[Slot] = []
        worst: ConsensusError | None = None
        for slot, body in pairs:
            try:
                self._window.put_body(slot, check_body(slot.checked, body))
            except ConsensusError as error:
                worst = worst or error
                wrong.append(slot)
        if worst is not None:
            self._bodies.again(wrong)
            self._blame(peer, worst)

    def seals_checked(self, job: int, verdicts: Sequence[SealedHeader | ConsensusError], now: Instant) -> None:
        """The native threads' verdict; a job of somebody else is ignored."""
        slots, number = self._checking.pop(job, []), self._checked_peer.pop(job, -1)
        good, wrong = 0, list[Slot]()
        worst: ConsensusError | None = None
        for slot, verdict in zip(slots, verdicts, strict=bool(slots)):
            if not isinstance(verdict, SealedHeader):
                worst = worst or verdict
                wrong.append(slot)
                continue
            good += 1
            slot.sealed = verdict
            if source := self._desk.peers.get(slot.source):
                source.earn(1)
        self._desk.moved(good, now.monotonic_s)
        if peer := self._desk.peers.get(number):
            peer.served(good)
        if worst is not None:
            self._seals.again(wrong)
            self._blame(number, worst)

    # --- weighing and importing ---

    def _is_heavier(self, window: HeaderWindow) -> bool:
        head_total = self._desk.view.head.context.total_difficulty
        if self.probed is not None and self.probed.total_difficulty > head_total:
            return True
        return self._probe is None and window.sealed_tip.context.total_difficulty > head_total

    def _weigh(self) -> None:
        window = self._window
        assert window is not None
        window.settle()
        full = window.sealed + self._desk.sizes.headers > self._desk.sizes.window
        if self._probe is None:
            if not full or self._is_heavier(window) or self._importing:
                return
            self._probe = Presync(window.start, self._desk.sizes.spacing, limits.SYNC_CHECKPOINTS)
        taken = window.take(window.sealed)
        self._probe.add(taken)
        for slot in taken:
            slot.gone = True
        if self._probe.total_difficulty > self._desk.view.head.context.total_difficulty:
            probe, self._probe = self._probe, None
            self.probed = probe
            self._begin(probe.fork)
            self.lead(self.leader)

    def _import(self, now: Instant) -> None:
        """Whole batches, as long as they fill: each is a durable transaction, and costs two syncs of the disk."""
        window = self._window
        assert window is not None
        if not self._is_heavier(window):
            return
        while len(self._importing) < limits.SYNC_IMPORTS:
            ready = window.slots[: min(window.sealed, self._embodied, self._desk.sizes.batch)]
            complete = next((place for place, slot in enumerate(ready) if slot.body is None), len(ready))
            count = min(complete, self._bound(window))
            if not count or (count < self._desk.sizes.batch and self._fills(now)):
                return
            self._ordered_s = now.monotonic_s
            job = next(self._desk.tickets)
            taken = window.take(count)
            self._embodied -= count
            self._importing[job] = taken
            blocks = tuple(slot.block for slot in taken)
            self._desk.orders.append(ImportBlocks(job, blocks, Admission(self._find_fork())))

    def _fills(self, now: Instant) -> bool:
        """True while more blocks are about to be ready, there is room for them, and the last batch is not long ago."""
        window = self._window
        if self.leader is None or window is None or window.body_bytes >= limits.SYNC_BODY_BYTES:
            return False
        under_way = self._checking or self._seals.in_flight or self._bodies.in_flight
        return bool(under_way) and now.monotonic_s - self._ordered_s < limits.SYNC_IMPORT_S

    def _bound(self, window: HeaderWindow) -> int:
        if self.probed is None:
            return len(window)
        full = len(window) + self._desk.sizes.headers > self._desk.sizes.window
        return self.probed.bound(window.slots, full)

    def imported(self, job: int, outcomes: Sequence[Outcome], now: Instant) -> None:
        """The chain's verdict; a job of somebody else is ignored."""
        slots = self._importing.pop(job, [])
        for slot, outcome in zip(slots, outcomes, strict=bool(slots)):
            if isinstance(outcome, Accepted):
                self._desk.imported += 1
                self._desk.imported_s = now.monotonic_s
                continue
            self.end = End.STORE if outcome is None else End.FAILED
            if outcome is not None and outcome.spoils is Spoils.HASH:
                self._blame(slot.source, outcome)
            return

    def _finish(self) -> None:
        leader = self._desk.peers.get(self.leader)
        at_end = leader is not None and self._at_end == leader.claim.hash and self._headers_ticket is None
        if at_end and not self.working and not self._seals.pending and not self._bodies.pending:
            self.end = self.end or (End.EARLY if self._before_its_time else End.DONE)

    @property
    def sealed_total(self) -> int:
        """Verified work from genesis to the highest block whose seal, with all below it, is good."""
        return 0 if self._window is None else self._window.sealed_tip.context.total_difficulty

    @property
    def sealed_number(self) -> int:
        """Number of that block."""
        return 0 if self._window is None else self._window.sealed_tip.header.number

    # --- orders ---

    def _ask(self, peer: int, request: Request) -> int:
        ticket = next(self._desk.tickets)
        self._desk.orders.append(Ask(peer, ticket, request, limits.SYNC_TIMEOUT_S))
        return ticket

    def _blame(self, peer: int, error: ConsensusError | NetError) -> None:
        self._desk.peers.drop(peer)
        self._desk.orders.append(ReportPeer(peer, error))
        self.gone(peer)
