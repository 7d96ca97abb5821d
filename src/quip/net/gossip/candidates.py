"""A new block on its way in: judged by header, then by seal, then completed, then imported.

What this file does not do: it sends nothing and keeps no state; `gossip` walks a candidate through its stages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from quip.chain.limits import FUTURE_WAIT_S, MAX_BRANCH_DEPTH
from quip.consensus import rules
from quip.consensus.errors import BranchTooOld, FutureBlock, InvalidParent, UnknownParent
from quip.consensus.proof_of_work.difficulty import Requirements
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.consensus.types.seal import Seal
from quip.consensus.work.units import work
from quip.net.errors import FalseClaim
from quip.net.limits import SIDE_BLOCK_WORTH
from quip.net.ports import ChainView
from quip.net.wire.messages import BlockSubmit, HeadClaim


class Stage(Enum):
    """How far a candidate has come."""

    CHECKING = "checking"
    """Its seal is with the native threads."""
    COMPLETING = "completing"
    """Its body is asked for."""
    IMPORTING = "importing"
    """The chain has it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A block as one peer gave it."""

    peer: int
    header: Header
    seal: Seal
    transactions: tuple[bytes, ...] | None
    """None where the peer sent only header and seal."""
    total_difficulty: int
    """As claimed; 0: it claimed nothing."""
    held: bool
    """The peer says that it imported the block, not only checked its seal."""

    @property
    def claim(self) -> HeadClaim:
        """What the peer thereby says that it has."""
        return HeadClaim(self.header.hash, self.header.number, self.total_difficulty)


@dataclass(slots=True)
class Candidate:
    """One hash in the pipeline, with the offers for it."""

    hash: bytes
    offer: Offer
    required: Requirements
    claim: HeadClaim
    """With the total difficulty as this node computed it."""
    early: bool
    """Its time has not come: it is not relayed, the chain keeps it for later."""
    others: list[Offer] = field(default_factory=list)
    """Offers that wait in case this one is bad."""
    stage: Stage = Stage.CHECKING

    @property
    def submit(self) -> BlockSubmit:
        """The message that passes it on."""
        return BlockSubmit(self.offer.header, self.offer.seal, self.claim.total_difficulty)

    def body(self) -> tuple[bytes, ...] | None:
        """The transactions, where they are known."""
        if self.offer.header.transactions_root == EMPTY_TRIE_ROOT:
            return ()
        offers = [self.offer, *self.others]
        return next((offer.transactions for offer in offers if offer.transactions is not None), None)


def judge(view: ChainView, block_hash: bytes, offer: Offer, now_s: int) -> Candidate | None:
    """Header rules and worth of an offered block: None if it is not worth importing.

    Raises a HeaderError, UnknownParent, BranchTooOld, FutureBlock if it is too early even to be kept, or FalseClaim.
    """
    header, spec = offer.header, view.spec
    rules.check_gate(spec, header)
    if view.is_invalid(header.parent_hash):
        raise InvalidParent(parent_hash=f"0x{header.parent_hash.hex()}")
    parent, context = view.header(header.parent_hash), view.context(header.parent_hash)
    if parent is None or context is None:
        raise UnknownParent(parent_hash=f"0x{header.parent_hash.hex()}", number=header.number)
    # FutureBlock is the last of the header's rules: at the block's own time everything else is judged.
    required = rules.check_header(spec, parent, context, header, header.timestamp)
    limit = spec.difficulty.future_limit
    if header.timestamp > now_s + limit + FUTURE_WAIT_S:
        raise FutureBlock(timestamp=header.timestamp, future_limit=limit, now=now_s)
    total = context.total_difficulty + header.difficulty
    if offer.total_difficulty not in (0, total):
        raise FalseClaim(claimed=offer.total_difficulty, found=total)
    head = view.head
    if total <= head.context.total_difficulty - SIDE_BLOCK_WORTH * work(head.context.controller):
        return None
    fork = view.fork_number(header.parent_hash)
    if fork is None or head.header.number - fork > MAX_BRANCH_DEPTH:
        raise BranchTooOld(fork_number=fork or 0, head_number=head.header.number, limit=MAX_BRANCH_DEPTH)
    claim = HeadClaim(block_hash, header.number, total)
    return Candidate(block_hash, offer, required, claim, early=header.timestamp > now_s + limit)
