"""What peers push about new blocks, and what is asked of whom because of it.

    BLOCK_SUBMIT -> the pipeline                                GOSSIP -> BLOCK_REQUEST to one announcer -> the pipeline

What builds on something unknown becomes a claim, and sync's business.
What this file does not do: it judges no block (`block_pipeline` does), and no session hears of it: orders are drained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quip.consensus.block_validation import SealVerdict
from quip.consensus.types.block import BlockBody
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.net.commands import Ask, Disconnect, HeadClaimed, Order, ReportPeer
from quip.net.errors import NetError, WrongAnswer
from quip.net.events import ImportOutcome
from quip.net.gossip.block_fetcher import BlockFetcher
from quip.net.gossip.block_pipeline import BlockPipeline
from quip.net.gossip.candidates import Offer
from quip.net.gossip.propagation import Propagation
from quip.net.limits import BROKEN_PROMISES, CLAIMS
from quip.net.link import Instant
from quip.net.ports import ChainView
from quip.net.wire.messages import BlockRequest, BlockResponse, BlockSubmit, Bodies, HeadClaim, Reply, Request
from quip.net.wire.messages import Gossip as GossipMessage
from quip.primitives.bounded_dict import BoundedDict


class Gossip:
    """New blocks, as peers tell of them and hand them over."""

    def __init__(self, view: ChainView, propagation: Propagation, tickets: Iterator[int]) -> None:
        self._view = view
        self._propagation = propagation
        self._orders: list[Order] = []
        self._blocks = BlockFetcher(tickets)
        self._bodies = BlockFetcher(tickets)
        self._pipeline = BlockPipeline(view, propagation, tickets, self._bodies, self._orders)
        self._claims: BoundedDict[tuple[int, bytes], HeadClaim] = BoundedDict(CLAIMS)
        """What an announcer said of a block that is being fetched."""
        self._promises: dict[int, int] = {}
        """By peer: blocks that it announced and did not give, since the last that it gave."""

    def gone(self, peer: int, now: Instant) -> None:
        """The peer left; what was asked of it is asked of others."""
        self._promises.pop(peer, None)
        for _, ask in self._blocks.gone(peer):
            self._order(ask)
        for block_hash, ask in self._bodies.gone(peer):
            self._order(ask)
            if ask is None:
                self._pipeline.drop(block_hash, now)

    def handles(self, block_hash: bytes) -> bool:
        """True while the block is on its way in: no reason to sync for it."""
        return block_hash in self._pipeline or block_hash in self._blocks

    def submitted(self, peer: int, message: BlockSubmit, now: Instant) -> None:
        """BLOCK_SUBMIT."""
        # Without transactions header and ommers are all of it; what is missing of another is asked for.
        whole = message.header.transactions_root == EMPTY_TRIE_ROOT
        body = BlockBody((), message.ommers) if whole else None
        offer = Offer(peer, message.header, message.seal, body, message.total_difficulty, held=False)
        self._pipeline.offer(offer, now)

    def announced(self, peer: int, message: GossipMessage, now: Instant) -> None:
        """GOSSIP: fetch what would be the next head, claim what is further off."""
        head = self._view.head
        for claim in message.blocks:
            self._propagation.knows(peer, claim.hash)
            if self._pipeline.is_known(claim.hash) or claim.hash in self._pipeline:
                continue
            if claim.total_difficulty <= head.context.total_difficulty and not self._may_be_shown(claim):
                continue
            if claim.number > head.header.number + 1:
                self._orders.append(HeadClaimed(peer, claim, held=True))
            else:
                self._order(self._blocks.want(claim.hash, peer, BlockRequest(claim.hash)))
                if claim.hash in self._blocks:
                    self._claims[peer, claim.hash] = claim

    def replied(self, peer: int, ticket: int, request: Request, reply: Reply, now: Instant) -> None:
        """A block or a body came."""
        if self._blocks.hash_of(ticket) is not None:
            self._block_arrived(peer, ticket, reply, now)
        elif self._bodies.hash_of(ticket) is not None:
            self._body_arrived(peer, ticket, reply, now)

    def failed(self, peer: int, ticket: int, request: Request, error: NetError, now: Instant) -> None:
        """A block or a body will not come."""
        self._ask_another(ticket, now)

    def seals_checked(self, job: int, verdicts: Sequence[SealVerdict], now: Instant) -> None:
        """The verdict on a block's seal."""
        self._pipeline.seals_checked(job, verdicts, now)

    def imported(self, job: int, outcomes: Sequence[ImportOutcome], now: Instant) -> None:
        """What the chain made of a block."""
        self._pipeline.imported(job, outcomes, now)

    def drain(self) -> list[Order]:
        """What is wanted, since the last call."""
        orders = self._orders[:]
        self._orders.clear()
        return orders

    def __len__(self) -> int:
        return len(self._pipeline)

    def _may_be_shown(self, claim: HeadClaim) -> bool:
        """True for a block beside the best branch that a next one may show as an ommer, as far as its number says."""
        ommers, head = self._view.spec.ommers, self._view.head.header.number
        return ommers.limit > 0 and head + 1 - ommers.window <= claim.number <= head

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
        if self._pipeline.offer(Offer(peer, block.header, block.seal, block.body, total, held=True), now):
            self._blocks.done(ticket)
            self._promises.pop(peer, None)
        else:
            self._ask_another(ticket, now)

    def _body_arrived(self, peer: int, ticket: int, reply: Reply, now: Instant) -> None:
        candidate = self._pipeline.get(self._bodies.hash_of(ticket) or b"")
        body = reply.bodies[0] if isinstance(reply, Bodies) and len(reply.bodies) == 1 else None
        if candidate is None or body is None or not self._pipeline.take_body(candidate, body, peer):
            self._ask_another(ticket, now)
            return
        self._bodies.done(ticket)
        self._pipeline.complete(candidate)

    def _ask_another(self, ticket: int, now: Instant) -> None:
        """The answer was none, or bad: the next peer that has it is asked, if there is one."""
        if self._blocks.hash_of(ticket) is not None:
            self._break_promise(self._blocks.asked(ticket))
            self._order(self._blocks.failed(ticket))
        elif (block_hash := self._bodies.hash_of(ticket)) is not None:
            ask = self._bodies.failed(ticket)
            self._order(ask)
            if ask is None:
                self._pipeline.drop(block_hash, now)

    def _break_promise(self, peer: int) -> None:
        """It announced a block and did not give it: once is a hiccup, always is a way to keep us busy."""
        self._promises[peer] = self._promises.get(peer, 0) + 1
        if self._promises[peer] >= BROKEN_PROMISES:
            self._orders.append(Disconnect(peer, "announces blocks that it does not give"))

    def _order(self, ask: Ask | None) -> None:
        if ask is not None:
            self._orders.append(ask)
