"""New blocks: from whom, in which order they are judged, and to whom they go on.

    BLOCK_SUBMIT -> header rules -> seal (native threads) -> relay -> body -> import -> GOSSIP to the rest
    GOSSIP       -> BLOCK_REQUEST to one announcer -> the same way, with body

Header and seal go on before the block is executed: work was done for them, so junk is dear. GOSSIP says "I hold it",
so it follows the import; who announces, or serves, a block that breaks a rule is at fault, who relayed one whose
execution fails is not. What builds on something unknown becomes a claim, and sync's business.
What this file does not do: it speaks to no session; its orders are drained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quip.chain.batch import YOUNG_BRANCHES
from quip.chain.chain import Accepted, Status
from quip.consensus.block_validation import CheckedBody, CheckedHeader, SealedHeader, check_body, complete
from quip.consensus.errors.body import ExecutionError
from quip.consensus.errors.header import BranchTooOld, FutureBlock, KnownInvalid, Unconnected
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.net.actions import CheckSeals, ImportBlocks, Log, SealCheck
from quip.net.commands import Ask, CreditBlock, Disconnect, HeadClaimed, Order, ReportPeer
from quip.net.errors import FalseClaim, NetError, WrongAnswer
from quip.net.gossip.block_fetcher import BlockFetcher
from quip.net.gossip.candidates import Candidate, Offer, Stage, judge
from quip.net.gossip.propagation import Propagation
from quip.net.limits import (
    BROKEN_PROMISES,
    CANDIDATES,
    CANDIDATES_PER_PEER,
    CLAIMS,
    EARLY_BLOCKS,
    OTHER_OFFERS,
    SIDE_BLOCKS_REMEMBERED,
    VERIFIED_SEALS,
    WAITING_CHILDREN,
)
from quip.net.link import Instant
from quip.net.ports import ChainView
from quip.net.wire.messages import (
    BlockRequest,
    BlockResponse,
    BlockSubmit,
    Bodies,
    BodiesRequest,
    HeadClaim,
    Reply,
    Request,
)
from quip.net.wire.messages import Gossip as GossipMessage
from quip.primitives.bounded_dict import BoundedDict
from quip.primitives.errors import Fault


class Gossip:
    """The pipeline of new blocks."""

    def __init__(self, view: ChainView, propagation: Propagation, tickets: Iterator[int]) -> None:
        self._view = view
        self._propagation = propagation
        self._tickets = tickets
        self._candidates: dict[bytes, Candidate] = {}
        self._jobs: dict[int, bytes] = {}
        self._blocks = BlockFetcher(tickets)
        self._bodies = BlockFetcher(tickets)
        self._waiting: BoundedDict[bytes, Offer] = BoundedDict(WAITING_CHILDREN)
        self._verified: BoundedDict[bytes, SealedHeader] = BoundedDict(VERIFIED_SEALS)
        self._early: BoundedDict[bytes, None] = BoundedDict(EARLY_BLOCKS)
        self._claims: BoundedDict[tuple[int, bytes], HeadClaim] = BoundedDict(CLAIMS)
        self._sides: BoundedDict[tuple[bytes, bytes], bytes] = BoundedDict(SIDE_BLOCKS_REMEMBERED)
        self._promises: dict[int, int] = {}
        self._orders: list[Order] = []

    # --- peers

    def gone(self, peer: int, now: Instant) -> None:
        """The peer left; what was asked of it is asked of others."""
        self._promises.pop(peer, None)
        for _, ask in self._blocks.gone(peer):
            self._order(ask)
        for block_hash, ask in self._bodies.gone(peer):
            self._order(ask)
            if ask is None:
                self._drop(block_hash, now)

    def handles(self, block_hash: bytes) -> bool:
        """True while the block is on its way in: no reason to sync for it."""
        return block_hash in self._candidates or block_hash in self._blocks

    # --- what peers push

    def submitted(self, peer: int, message: BlockSubmit, now: Instant) -> None:
        """BLOCK_SUBMIT."""
        self._offer(Offer(peer, message.header, message.seal, None, message.total_difficulty, held=False), now)

    def announced(self, peer: int, message: GossipMessage, now: Instant) -> None:
        """GOSSIP: fetch what would be the next head, claim what is further off."""
        head = self._view.head
        for claim in message.blocks:
            self._propagation.knows(peer, claim.hash)
            if self._view.header(claim.hash) is not None or claim.hash in self._early:
                continue
            if claim.total_difficulty <= head.context.total_difficulty or claim.hash in self._candidates:
                continue
            if claim.number > head.header.number + 1:
                self._orders.append(HeadClaimed(peer, claim, held=True))
            else:
                self._order(self._blocks.want(claim.hash, peer, BlockRequest(claim.hash)))
                if claim.hash in self._blocks:
                    self._claims.put((peer, claim.hash), claim)

    # --- answers and results

    def replied(self, peer: int, ticket: int, request: Request, reply: Reply, now: Instant) -> None:
        """A block or a body came."""
        if self._blocks.hash_of(ticket) is not None:
            self._block_arrived(peer, ticket, reply, now)
        elif self._bodies.hash_of(ticket) is not None:
            self._body_arrived(peer, ticket, reply, now)

    def failed(self, peer: int, ticket: int, request: Request, error: NetError, now: Instant) -> None:
        """A block or a body will not come."""
        self._ask_another(ticket, now)

    def seals_checked(self, job: int, verdicts: Sequence[SealedHeader | ConsensusError], now: Instant) -> None:
        """The verdict on a candidate's seal."""
        candidate = self._candidates.get(self._jobs.pop(job, b""))
        if candidate is None:
            return
        verdict = verdicts[0] if verdicts else None
        if not isinstance(verdict, SealedHeader):
            self._seal_failed(candidate, verdict, now)
            return
        self._verified.put(candidate.hash, verdict)
        self._orders.append(CreditBlock(candidate.offer.peer, candidate.claim))
        self._proceed(candidate, verdict, now)

    def imported(self, job: int, outcomes: Sequence[Accepted | ConsensusError | None], now: Instant) -> None:
        """The chain's verdict on a candidate."""
        candidate = self._candidates.pop(self._jobs.pop(job, b""), None)
        if candidate is None:
            return
        outcome = outcomes[0] if outcomes else None
        if isinstance(outcome, ConsensusError):
            self._refused(candidate, outcome)
        elif outcome is not None:
            self._accepted(candidate, outcome)
        self._release(candidate.hash, now)

    def drain(self) -> list[Order]:
        """What is wanted, since the last call."""
        orders, self._orders = self._orders, []
        return orders

    def __len__(self) -> int:
        return len(self._candidates)

    # --- the pipeline

    def _offer(self, offer: Offer, now: Instant) -> bool:
        """False: somebody else has to be asked, this one's body is not the header's."""
        block_hash = offer.header.hash
        self._propagation.knows(offer.peer, block_hash)
        if self._view.header(block_hash) is not None or block_hash in self._early:
            return True
        candidate = self._candidates.get(block_hash)
        if candidate is not None:
            if self._blamed_for_body(candidate, offer):
                return False
            if len(candidate.others) < OTHER_OFFERS:
                candidate.others.append(offer)
            if candidate.stage is Stage.COMPLETING:
                self._order(self._bodies.want(block_hash, offer.peer, BodiesRequest((block_hash,))))
            return True
        if offer.header.parent_hash in self._candidates or offer.header.parent_hash in self._waiting:
            self._waiting.put(block_hash, offer)
            return True
        return self._judge(block_hash, offer, now)

    def _judge(self, block_hash: bytes, offer: Offer, now: Instant) -> bool:
        candidate = self._judged(block_hash, offer, now)
        if candidate is None or self._view.is_invalid(block_hash) or not self._has_room(candidate):
            return True
        if self._blamed_for_body(candidate, offer):
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

    def _blamed_for_body(self, candidate: Candidate, offer: Offer) -> bool:
        """A body is looked at once its header's rules hold, for they say how much there can be of it."""
        known = candidate.body
        if offer.transactions is None or (known is not None and known.transactions == offer.transactions):
            return False
        body = self._body(candidate.checked, offer.transactions, offer.peer)
        candidate.body = candidate.body or body
        return body is None

    def _body(self, checked: CheckedHeader, transactions: tuple[bytes, ...], peer: int) -> CheckedBody | None:
        """None: it is not the header's, and its sender is to blame."""
        try:
            return check_body(checked, transactions)
        except ConsensusError as error:
            self._orders.append(ReportPeer(peer, error))
            return None

    def _has_room(self, candidate: Candidate) -> bool:
        peer, header = candidate.offer.peer, candidate.offer.header
        mine = sum(1 for other in self._candidates.values() if other.offer.peer == peer)
        if len(self._candidates) >= CANDIDATES or mine >= CANDIDATES_PER_PEER:
            return False
        if candidate.claim.total_difficulty > self._view.head.context.total_difficulty:
            return True
        return self._sides.get((header.parent_hash, header.miner_id)) in (None, candidate.hash)

    def _check(self, candidate: Candidate) -> None:
        job = next(self._tickets)
        self._jobs[job] = candidate.hash
        candidate.stage = Stage.CHECKING
        offer = candidate.offer
        self._orders.append(CheckSeals(job, offer.peer, (SealCheck(candidate.checked, offer.seal),)))

    def _seal_failed(self, candidate: Candidate, error: ConsensusError | None, now: Instant) -> None:
        del self._candidates[candidate.hash]
        if error is not None:
            self._orders.append(ReportPeer(candidate.offer.peer, error))
        if candidate.others:
            first, *rest = candidate.others
            self._offer(first, now)
            for other in rest:
                self._offer(other, now)
        if candidate.hash not in self._candidates:
            self._release(candidate.hash, now)

    def _proceed(self, candidate: Candidate, sealed: SealedHeader, now: Instant) -> None:
        """The seal is good."""
        candidate.sealed, header = sealed, candidate.checked.header
        if not candidate.early:
            self._orders.extend(
                self._propagation.push(BlockSubmit(header, sealed.seal, candidate.claim.total_difficulty))
            )
        if candidate.body is None and header.transactions_root == EMPTY_TRIE_ROOT:
            candidate.body = check_body(candidate.checked, ())
        if candidate.body is None:
            candidate.stage = Stage.COMPLETING
            request = BodiesRequest((candidate.hash,))
            for offer in (candidate.offer, *candidate.others):
                self._order(self._bodies.want(candidate.hash, offer.peer, request))
            if candidate.hash not in self._bodies:
                self._drop(candidate.hash, now)
            return
        self._import(candidate, sealed, candidate.body)

    def _import(self, candidate: Candidate, sealed: SealedHeader, body: CheckedBody) -> None:
        """All parts are there."""
        header = candidate.checked.header
        if candidate.claim.total_difficulty <= self._view.head.context.total_difficulty:
            self._sides.put((header.parent_hash, header.miner_id), candidate.hash)
        job = next(self._tickets)
        self._jobs[job] = candidate.hash
        candidate.stage = Stage.IMPORTING
        self._orders.append(ImportBlocks(job, (complete(sealed, body),), YOUNG_BRANCHES))

    def _drop(self, block_hash: bytes, now: Instant) -> None:
        """The block did not come in by gossip; sync may bring it."""
        self._candidates.pop(block_hash, None)
        self._release(block_hash, now)

    def _release(self, parent_hash: bytes, now: Instant) -> None:
        """What waited for a block is judged now, whatever became of the block."""
        for block_hash in self._waiting.keys():  # noqa: SIM118 - no mapping
            offer = self._waiting.get(block_hash)
            if offer is not None and offer.header.parent_hash == parent_hash:
                self._waiting.drop(block_hash)
                self._offer(offer, now)
                if block_hash not in self._candidates:
                    self._release(block_hash, now)

    def _accepted(self, candidate: Candidate, outcome: Accepted) -> None:
        self._verified.drop(candidate.hash)
        if outcome.status is Status.SIDE:
            self._orders.append(Log("debug", "side block", (("number", candidate.claim.number),)))

    def _refused(self, candidate: Candidate, error: ConsensusError) -> None:
        if isinstance(error, FutureBlock):
            self._early.put(candidate.hash, None)
        elif isinstance(error, BranchTooOld | Unconnected):
            self._orders.append(HeadClaimed(candidate.offer.peer, candidate.claim, candidate.offer.held))
        elif error.fault is Fault.AT_FAULT:
            fields = (("number", candidate.claim.number), ("rule", type(error).__name__), ("error", str(error)))
            self._orders.append(Log("warning", "invalid block", fields))
            holders = [offer for offer in (candidate.offer, *candidate.others) if offer.held]
            if not isinstance(error, ExecutionError | KnownInvalid):
                holders = [candidate.offer]
            self._orders.extend(ReportPeer(offer.peer, error) for offer in holders)

    # --- fetched parts

    def _block_arrived(self, peer: int, ticket: int, reply: Reply, now: Instant) -> None:
        block_hash = self._blocks.hash_of(ticket)
        block = reply.block if isinstance(reply, BlockResponse) else None
        wrong = block is not None and (block.header.hash != block_hash or block.seal is None)
        if wrong:
            self._orders.append(ReportPeer(peer, WrongAnswer(name="BLOCK_RESPONSE", reason="another block")))
        if block is None or block.seal is None or wrong:
            self._ask_another(ticket, now)
            return
        claim = self._claims.get((peer, block.header.hash))  # its own, not what others say of the block
        total = claim.total_difficulty if claim is not None else 0
        if self._offer(Offer(peer, block.header, block.seal, block.transactions, total, held=True), now):
            self._blocks.done(ticket)
            self._promises.pop(peer, None)
        else:
            self._ask_another(ticket, now)

    def _body_arrived(self, peer: int, ticket: int, reply: Reply, now: Instant) -> None:
        candidate = self._candidates.get(self._bodies.hash_of(ticket) or b"")
        found = reply.bodies[0] if isinstance(reply, Bodies) and len(reply.bodies) == 1 else None
        body = None
        if candidate is not None and found is not None:
            body = self._body(candidate.checked, found, peer)
        if candidate is None or candidate.sealed is None or body is None:
            self._ask_another(ticket, now)
            return
        self._bodies.done(ticket)
        self._import(candidate, candidate.sealed, body)

    def _ask_another(self, ticket: int, now: Instant) -> None:
        """The answer was none, or bad: the next peer that has it is asked, if there is one."""
        if self._blocks.hash_of(ticket) is not None:
            self._break_promise(self._blocks.asked(ticket))
            self._order(self._blocks.failed(ticket))
        elif (block_hash := self._bodies.hash_of(ticket)) is not None:
            ask = self._bodies.failed(ticket)
            self._order(ask)
            if ask is None:
                self._drop(block_hash, now)

    def _break_promise(self, peer: int) -> None:
        """It announced a block and did not give it: once is a hiccup, always is a way to keep us busy."""
        self._promises[peer] = self._promises.get(peer, 0) + 1
        if self._promises[peer] >= BROKEN_PROMISES:
            self._orders.append(Disconnect(peer, "announces blocks that it does not give"))

    def _order(self, ask: Ask | None) -> None:
        if ask is not None:
            self._orders.append(ask)
