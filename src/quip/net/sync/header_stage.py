"""First stage of a download: headers from the leader, verified against the header below, put into the window.

What this file does not do: it chooses no leader (`sync` does) and asks for no seals (`part_stage` does).
"""

from __future__ import annotations

from collections.abc import Sequence

from quip.consensus.block_validation import Parent
from quip.consensus.errors.header import FutureBlock, KnownInvalid
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.header import Header
from quip.net import limits
from quip.net.actions import Log
from quip.net.errors import FalseClaim, HeaderFlood, NetError, WrongAnswer
from quip.net.link import Instant
from quip.net.sync.branch import Branch
from quip.net.sync.context import ReportFault, SyncContext
from quip.net.sync.header_window import HeaderWindow
from quip.net.sync.part_stage import PartStage
from quip.net.sync.peers import SyncPeer
from quip.net.wire.messages import HeadersRequest


class HeaderStage:
    """Headers on their way in, one request at a time."""

    def __init__(self, context: SyncContext, branch: Branch, parts: PartStage, report: ReportFault) -> None:
        self._context = context
        self._branch = branch
        self._parts = parts
        self._report = report
        self._locator: frozenset[bytes] = frozenset()
        """What the last request named."""
        self._ticket: int | None = None
        self._ended_at: bytes | None = None
        """The leader's claim when it had no more headers."""
        self.before_its_time = False
        """The leader has more, from the future."""

    @property
    def at_end(self) -> bool:
        """True if the leader has no more headers below what it claims."""
        leader = self._context.peers.get(self._branch.leader)
        return leader is not None and self._ended_at == leader.claim.hash and self._ticket is None

    def lead(self, leader: int | None) -> None:
        """Another peer sends the headers from here on."""
        self._branch.leader = leader
        self._ticket, self._ended_at, self.before_its_time = None, None, False

    def request(self) -> None:
        """Ask the leader for more, if there is room for it."""
        leader = self._context.peers.get(self._branch.leader)
        if leader is None or self._ticket is not None or self._ended_at == leader.claim.hash:
            return
        if not self._branch.has_room():
            return
        locator = self._make_locator()
        self._locator = frozenset(locator)
        request = HeadersRequest(tuple(locator), self._context.sizes.headers)
        self._ticket = self._context.ask(leader.number, request)

    def request_ended(self, ticket: int) -> bool:
        """The request with this ticket is over, answered or not. False if the ticket is not of this stage."""
        if ticket != self._ticket:
            return False
        self._ticket = None
        return True

    def received(self, headers: Sequence[Header], now: Instant) -> None:
        """The leader's answer."""
        leader = self._context.peers.get(self._branch.leader)
        if leader is None:
            return
        leader.strikes = 0
        if not headers:
            self._ended_at = leader.claim.hash
            return
        if headers[0].parent_hash not in self._locator:
            self._report(leader.number, WrongAnswer("headers on top of nothing that was named", name="HEADERS"))
            return
        if not self._connect(headers[0]):
            return  # on top of what is with the chain's thread since we asked: asked again, we name other blocks
        place = 0
        while place < len(headers):
            # Native code passes the good ones; the next one is known, or judged by itself: what is wrong with it?
            place += self._received_run(leader, headers[place:], now)
            if place < len(headers):
                if not self._received_one(leader, headers[place], now):
                    return
                place += 1
        self._compare_claim(leader)

    def _make_locator(self) -> list[bytes]:
        view, window = self._context.view, self._branch.window
        hashes = window.locator() if window is not None else []
        number, step = view.head.header.number, 1
        while number > 0 and len(hashes) < limits.MAX_LOCATOR_HASHES - 1:
            if (block_hash := view.canonical(number)) is not None:
                hashes.append(block_hash)
            number -= step
            step = step * 2 if len(hashes) > limits.LOCATOR_DENSE else 1
        return [*dict.fromkeys(hashes), view.genesis_hash]

    def _connect(self, first: Header) -> bool:
        """Go back to the parent of the first header: in the window, or a verified block."""
        number, parent_hash = first.number - 1, first.parent_hash
        if self._branch.window is not None and self._branch.window.cut(number, parent_hash):
            return True
        header, context = self._context.view.header(parent_hash), self._context.view.context(parent_hash)
        if header is None or context is None:
            return False
        self._branch.begin(Parent(parent_hash, header, context))
        return True

    def _received_run(self, leader: SyncPeer, headers: Sequence[Header], now: Instant) -> int:
        """Takes as many as are good, are not known, and the leader can pay for; how many these are."""
        branch, view = self._branch, self._context.view
        window = branch.window
        assert window is not None
        if self._may_skip(window) and view.context(headers[0].hash) is not None:
            return 0
        slots = window.extend_run(headers[: leader.payable(now.monotonic_s)], leader.number, now.unix_s)
        good = next((place for place, slot in enumerate(slots) if view.is_invalid(slot.hash)), len(slots))
        if good < len(slots):
            window.cut(slots[good].header.number - 1, slots[good].header.parent_hash)
            del slots[good:]
        leader.spend(len(slots), now.monotonic_s)
        for slot in slots:
            branch.compare_presync(slot.header.number, slot.hash)
            self._parts.want_seal(slot)
        return len(slots)

    def _received_one(self, leader: SyncPeer, header: Header, now: Instant) -> bool:
        """False ends the answer: the rest of it is of no use."""
        window = self._branch.window
        assert window is not None
        if header.parent_hash != window.tip.hash:
            self._report(leader.number, WrongAnswer("headers that do not follow each other", name="HEADERS"))
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
            self._report(leader.number, error)
            return False
        return True

    def _check_header(self, leader: SyncPeer, block_hash: bytes, header: Header, now: Instant) -> None:
        branch = self._branch
        assert branch.window is not None
        if not leader.spend(1, now.monotonic_s):
            raise HeaderFlood(count=int(limits.SYNC_HEADER_CREDIT))
        if self._context.view.is_invalid(block_hash):
            raise KnownInvalid(block_hash=f"0x{block_hash.hex()}")
        branch.compare_presync(header.number, block_hash)
        self._parts.want_seal(branch.window.extend(header, leader.number, now.unix_s))

    def _skip_known(self, window: HeaderWindow, leader: SyncPeer, block_hash: bytes, header: Header) -> bool:
        """A block that is stored needs no checks: begin above it."""
        if not self._may_skip(window):
            return False
        context = self._context.view.context(block_hash)
        if context is None:
            return False
        if header.number <= leader.reached and not leader.spend(1, leader.credited_s):
            return False
        leader.reached = max(leader.reached, header.number)
        self._branch.begin_above(Parent(block_hash, header, context))
        return True

    def _may_skip(self, window: HeaderWindow) -> bool:
        return not len(window) and not self._branch.is_first_pass and self._branch.presynced is None

    def _early(self, leader: SyncPeer, header: Header, error: FutureBlock, now: Instant) -> None:
        wait_s = header.timestamp - self._context.view.spec.difficulty.future_limit - now.unix_s
        leader.not_before_s = now.monotonic_s + min(max(wait_s, 1), limits.SYNC_EARLY_S)
        leader.since_s = None
        self._ended_at, self.before_its_time = leader.claim.hash, True
        self._context.orders.append(Log("debug", "blocks from the future", (("number", header.number),)))

    def _compare_claim(self, leader: SyncPeer) -> None:
        """Once its headers reach what it claimed, the claim must be what they add up to."""
        assert self._branch.window is not None
        tip, claim = self._branch.window.tip, leader.claim
        if tip.hash != claim.hash:
            return
        self._ended_at = claim.hash
        if (tip.header.number, tip.context.total_difficulty) != (claim.number, claim.total_difficulty):
            self._report(leader.number, FalseClaim(claimed=claim.total_difficulty, found=tip.context.total_difficulty))
