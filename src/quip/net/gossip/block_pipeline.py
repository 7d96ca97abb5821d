"""One new block's way in: in which order it is judged, and to whom it goes on.

    header rules -> seal (native threads) -> relay -> body -> seals of its ommers (native threads) -> import -> GOSSIP

Header and seal go on before the block is executed: work was done for them, so junk is dear. A block with ommers goes
on after its import: their seals are no part of its hash, so whoever passes on bad ones is at fault. GOSSIP says "I hold
it", so it follows the import; who announces, or serves, a block that breaks a rule is at fault, who relayed one whose
execution fails is not.
What this file does not do: it fetches no block that was only announced (`gossip` does).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quip.chain.batch import YOUNG_BRANCHES
from quip.chain.chain import Accepted, Status
from quip.chain.worth import is_recent
from quip.consensus import rules
from quip.consensus.block_validation import SealCheck, SealedHeader, SealVerdict, check_body, complete
from quip.consensus.errors.body import ExecutionError
from quip.consensus.errors.header import BranchTooOld, FutureBlock, KnownInvalid, Unconnected
from quip.consensus.errors.ommer import BadOmmerSeal
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.block import NO_BODY, BlockBody
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.net.actions import CheckSeals, ImportBlocks, Log
from quip.net.commands import CreditBlock, HeadClaimed, Order, ReportPeer
from quip.net.errors import FalseClaim
from quip.net.events import ImportOutcome
from quip.net.gossip.block_fetcher import BlockFetcher
from quip.net.gossip.candidates import Candidate, Offer, Stage, judge
from quip.net.gossip.propagation import Propagation
from quip.net.limits import (
    CANDIDATES,
    CANDIDATES_PER_PEER,
    EARLY_BLOCKS,
    OTHER_OFFERS,
    SIDE_BLOCKS_REMEMBERED,
    VERIFIED_SEALS,
    WAITING_CHILDREN,
    WAITING_PER_PEER,
)
from quip.net.link import Instant
from quip.net.ommer_seals import found_of, unverified
from quip.net.ports import ChainView
from quip.net.wire.messages import BlockSubmit, BodiesRequest
from quip.primitives.bounded_dict import BoundedDict
from quip.primitives.errors import Fault


class BlockPipeline:
    """The blocks on their way in, and their stages."""

    def __init__(
        self, view: ChainView, propagation: Propagation, tickets: Iterator[int], bodies: BlockFetcher,
        orders: list[Order],
    ) -> None:  # fmt: skip
        """`bodies` fetches what a block lacks; what is to be done is appended to `orders`."""
        self._view = view
        self._propagation = propagation
        self._tickets = tickets
        self._bodies = bodies
        self._orders = orders
        self._candidates: dict[bytes, Candidate] = {}
        self._jobs: dict[int, bytes] = {}
        """Seal checks and imports that are under way."""
        self._waiting: BoundedDict[bytes, Offer] = BoundedDict(WAITING_CHILDREN)
        """Offers whose parent is itself on its way in."""
        self._verified: BoundedDict[bytes, SealedHeader] = BoundedDict(VERIFIED_SEALS)
        self._early: BoundedDict[bytes, None] = BoundedDict(EARLY_BLOCKS)
        """Refused because their time had not come."""
        self._sides: BoundedDict[tuple[bytes, bytes], bytes] = BoundedDict(SIDE_BLOCKS_REMEMBERED)
        """By parent and XMSS key: the one block beside the best branch that is imported."""

    def __len__(self) -> int:
        return len(self._candidates)

    def __contains__(self, block_hash: bytes) -> bool:
        return block_hash in self._candidates

    def get(self, block_hash: bytes) -> Candidate | None:
        """A block on its way in."""
        return self._candidates.get(block_hash)

    def is_known(self, block_hash: bytes) -> bool:
        """True for what is stored already, or was refused as too early."""
        return self._view.header(block_hash) is not None or block_hash in self._early

    def offer(self, offer: Offer, now: Instant) -> bool:
        """A block as a peer gave it. False: somebody else has to be asked, this one's body is not the header's."""
        block_hash = offer.header.hash
        self._propagation.knows(offer.peer, block_hash)
        if self.is_known(block_hash):
            return True
        candidate = self._candidates.get(block_hash)
        if candidate is not None:
            if offer.body is not None and not self.take_body(candidate, offer.body, offer.peer):
                return False
            if len(candidate.others) < OTHER_OFFERS:
                candidate.others.append(offer)
            if candidate.stage is Stage.COMPLETING:
                self._complete_or_ask(candidate, offer.peer)
            return True
        if self._waits_for_parent(offer.header.parent_hash):
            self._park(block_hash, offer)
            return True
        return self._judge(block_hash, offer, now)

    def _waits_for_parent(self, parent_hash: bytes) -> bool:
        """Not for one that is stored meanwhile, however it came."""
        on_its_way = parent_hash in self._candidates or parent_hash in self._waiting
        return on_its_way and self._view.header(parent_hash) is None

    def _park(self, block_hash: bytes, offer: Offer) -> None:
        """Keep an offer until its parent is judged.

        Its gate is looked at first, for which no parent is needed: a header without it costs nothing to make. Nobody is
        pushed out by a newcomer: the children of who was pushed out would wait for ever.
        """
        if block_hash in self._waiting:
            return
        mine = sum(1 for other in self._waiting.values() if other.peer == offer.peer)
        if len(self._waiting) >= WAITING_CHILDREN or mine >= WAITING_PER_PEER:
            if offer.total_difficulty:
                self._orders.append(HeadClaimed(offer.peer, offer.claim, offer.held))
            return
        try:
            rules.check_gate(self._view.spec, offer.header)
        except ConsensusError as error:
            self._orders.append(ReportPeer(offer.peer, error))
            return
        self._waiting[block_hash] = offer

    def _complete_or_ask(self, candidate: Candidate, peer: int) -> None:
        if candidate.body is None:
            self._want_body(candidate.hash, peer)
        else:
            self.complete(candidate)

    def take_body(self, candidate: Candidate, body: BlockBody, peer: int) -> bool:
        """What a peer sent as the block's body. False: it is another's, which is reported.

        It is looked at once the header's rules hold, for they say how much there can be of it.
        """
        if candidate.body is not None and candidate.body.body == body:
            return True
        try:
            checked = check_body(candidate.checked, body)
        except ConsensusError as error:
            self._orders.append(ReportPeer(peer, error))
            return False
        if candidate.body is None:  # another's seals of the same ommers wait with its offer, in case these are bad
            candidate.body, candidate.body_from = checked, peer
        return True

    def complete(self, candidate: Candidate) -> None:
        """If nothing of the block is missing any more, it goes to the chain, the seals of its ommers verified before.

        Bad ones are no reason to stop here: if their ommers are unlawful too, that is worse, and the chain says so.
        """
        if candidate.sealed is None or candidate.body is None or candidate.stage.is_whole:
            return
        claims = unverified(self._view, candidate.body.body.ommers)
        if not claims:
            self._import(candidate)
            return
        peer = candidate.offer.peer if candidate.body_from is None else candidate.body_from
        candidate.stage = Stage.SHOWING
        self._orders.append(CheckSeals(self._job(candidate), peer, claims))

    def _import(self, candidate: Candidate) -> None:
        assert candidate.sealed is not None and candidate.body is not None
        header = candidate.checked.header
        if candidate.claim.total_difficulty <= self._view.head.context.total_difficulty:
            self._sides[header.parent_hash, candidate.sealed.seal.xmss_key] = candidate.hash
        candidate.stage = Stage.IMPORTING
        block = complete(candidate.sealed, candidate.body, candidate.ommer_seals)
        self._orders.append(ImportBlocks(self._job(candidate), (block,), YOUNG_BRANCHES))

    def drop(self, block_hash: bytes, now: Instant) -> None:
        """The block did not come in by gossip; sync may bring it."""
        candidate = self._candidates.get(block_hash)
        if candidate is not None and candidate.stage.is_whole:  # what was asked for came from somebody else
            return
        self._candidates.pop(block_hash, None)
        self._judge_children(block_hash, now)

    def seals_checked(self, job: int, verdicts: Sequence[SealVerdict], now: Instant) -> None:
        """The verdict on a candidate's seal, or on those of its ommers."""
        candidate = self._candidates.get(self._jobs.pop(job, b""))
        if candidate is None or candidate.job != job:
            return
        if candidate.stage is Stage.SHOWING:
            candidate.ommer_seals = found_of(verdicts)
            self._import(candidate)
            return
        verdict = verdicts[0] if verdicts else None
        if not isinstance(verdict, SealedHeader):
            self._seal_failed(candidate, verdict if isinstance(verdict, ConsensusError) else None, now)
            return
        self._verified[candidate.hash] = verdict
        self._orders.append(CreditBlock(candidate.offer.peer, candidate.claim))
        self._proceed(candidate, verdict, now)

    def imported(self, job: int, outcomes: Sequence[ImportOutcome], now: Instant) -> None:
        """The chain's verdict on a candidate."""
        candidate = self._candidates.get(self._jobs.pop(job, b""))
        if candidate is None or candidate.job != job:
            return
        del self._candidates[candidate.hash]
        outcome = outcomes[0] if outcomes else None
        if isinstance(outcome, ConsensusError):
            self._refused(candidate, outcome, now)
        elif outcome is not None:
            self._accepted(candidate, outcome)
        self._judge_children(candidate.hash, now)

    def _judge(self, block_hash: bytes, offer: Offer, now: Instant) -> bool:
        candidate = self._judged(block_hash, offer, now)
        if candidate is None or self._view.is_invalid(block_hash) or not self._has_room(candidate):
            return True
        if offer.body is not None and not self.take_body(candidate, offer.body, offer.peer):
            return False
        self._candidates[block_hash] = candidate
        # Hashes are verified once, but a seal is no part of the hash: the one that was checked goes on, not this.
        sealed = self._verified.get(block_hash)
        if sealed is None:
            self._check(candidate)
        else:
            self._proceed(candidate, sealed, now)
        return True

    def _judged(self, block_hash: bytes, offer: Offer, now: Instant) -> Candidate | None:
        try:
            return judge(self._view, block_hash, offer, now.unix_s)
        except Unconnected:
            if offer.total_difficulty:
                self._orders.append(HeadClaimed(offer.peer, offer.claim, offer.held))
        except FutureBlock:
            pass
        except (ConsensusError, FalseClaim) as error:
            self._orders.append(ReportPeer(offer.peer, error))
        return None

    def _has_room(self, candidate: Candidate) -> bool:
        peer, header = candidate.offer.peer, candidate.offer.header
        mine = sum(1 for other in self._candidates.values() if other.offer.peer == peer)
        if len(self._candidates) >= CANDIDATES or mine >= CANDIDATES_PER_PEER:
            return False
        if candidate.claim.total_difficulty > self._view.head.context.total_difficulty:
            return True
        # One XMSS tree makes any number of miner ids, one per ECDSA key, for nothing: the tree is what takes time.
        return self._sides.get((header.parent_hash, candidate.offer.seal.xmss_key)) in (None, candidate.hash)

    def _check(self, candidate: Candidate) -> None:
        candidate.stage = Stage.CHECKING
        offer = candidate.offer
        check = SealCheck(candidate.checked, offer.seal)
        self._orders.append(CheckSeals(self._job(candidate), offer.peer, (check,)))

    def _job(self, candidate: Candidate) -> int:
        """The number of a job that begins for the candidate."""
        job = candidate.job = next(self._tickets)
        self._jobs[job] = candidate.hash
        return job

    def _seal_failed(self, candidate: Candidate, error: ConsensusError | None, now: Instant) -> None:
        del self._candidates[candidate.hash]
        if error is not None and error.fault is Fault.AT_FAULT:  # else it is ours
            self._orders.append(ReportPeer(candidate.offer.peer, error))
        if candidate.others:
            first, *rest = candidate.others
            self.offer(first, now)
            for other in rest:
                self.offer(other, now)
        if candidate.hash not in self._candidates:
            self._judge_children(candidate.hash, now)

    def _proceed(self, candidate: Candidate, sealed: SealedHeader, now: Instant) -> None:
        """The seal is good."""
        candidate.sealed, header = sealed, candidate.checked.header
        if header.ommer_count:  # they are not judged yet
            self._propagation.hold(candidate.hash)
        elif not candidate.early:
            submit = BlockSubmit(header, sealed.seal, candidate.claim.total_difficulty)
            self._orders.extend(self._propagation.push(submit))
        if candidate.body is None and header.transactions_root == EMPTY_TRIE_ROOT and not header.ommer_count:
            candidate.body = check_body(candidate.checked, NO_BODY)
        if candidate.body is None:
            candidate.stage = Stage.COMPLETING
            for offer in (candidate.offer, *candidate.others):
                self._want_body(candidate.hash, offer.peer)
            if candidate.hash not in self._bodies:
                self.drop(candidate.hash, now)
            return
        self.complete(candidate)

    def _body_failed(self, candidate: Candidate, error: BadOmmerSeal, now: Instant) -> None:
        """Its sender's fault, whoever that was; somebody else's may be good."""
        self._orders.append(
            ReportPeer(candidate.offer.peer if candidate.body_from is None else candidate.body_from, error)
        )
        for other in candidate.others:
            if other.peer != candidate.body_from:
                self.offer(other, now)

    def _want_body(self, block_hash: bytes, peer: int) -> None:
        ask = self._bodies.want(block_hash, peer, BodiesRequest((block_hash,)))
        if ask is not None:
            self._orders.append(ask)

    def _judge_children(self, parent_hash: bytes, now: Instant) -> None:
        """What waited for a block is judged now, whatever became of the block."""
        for block_hash in list(self._waiting):
            offer = self._waiting.get(block_hash)
            if offer is not None and offer.header.parent_hash == parent_hash:
                self._waiting.pop(block_hash, None)
                self.offer(offer, now)
                if block_hash not in self._candidates:
                    self._judge_children(block_hash, now)

    def _accepted(self, candidate: Candidate, outcome: Accepted) -> None:
        self._verified.pop(candidate.hash, None)
        header, sealed, body = candidate.checked.header, candidate.sealed, candidate.body
        if outcome.status is Status.SIDE:
            if header.ommer_count and sealed is not None and body is not None:
                submit = BlockSubmit(header, sealed.seal, candidate.claim.total_difficulty, body.body.ommers)
                self._orders.extend(self._propagation.push(submit))
            self._orders.append(Log("debug", "side block", (("number", candidate.claim.number),)))
            if is_recent(self._view.spec, self._view.head, header):
                self._orders.extend(self._propagation.announce_sibling(candidate.claim))

    def _refused(self, candidate: Candidate, error: ConsensusError, now: Instant) -> None:
        if isinstance(error, BadOmmerSeal):
            self._body_failed(candidate, error, now)
        elif isinstance(error, FutureBlock):
            self._early[candidate.hash] = None
        elif isinstance(error, BranchTooOld | Unconnected):
            self._orders.append(HeadClaimed(candidate.offer.peer, candidate.claim, candidate.offer.held))
        elif error.fault is Fault.AT_FAULT:
            fields = (("number", candidate.claim.number), ("rule", type(error).__name__), ("error", str(error)))
            self._orders.append(Log("warning", "invalid block", fields))
            holders = [offer for offer in (candidate.offer, *candidate.others) if offer.held]
            if not isinstance(error, ExecutionError | KnownInvalid):
                holders = [candidate.offer]
            self._orders.extend(ReportPeer(offer.peer, error) for offer in holders)
