"""A new block on its way in: judged by header, then by seal, then completed, then imported.

What this file does not do: it sends nothing and keeps no state; `block_pipeline` takes a candidate through its stages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from quip.chain.limits import FUTURE_WAIT_S
from quip.chain.worth import branch_depth, is_worth_storing
from quip.consensus.block_validation import CheckedBody, CheckedHeader, OmmerSeal, Parent, SealedHeader, check_header
from quip.consensus.errors.header import BranchTooOld, FutureBlock, InvalidParent, UnknownParent
from quip.consensus.types.block import BlockBody
from quip.consensus.types.header import Header
from quip.consensus.types.seal import Seal
from quip.net.errors import FalseClaim
from quip.net.ports import ChainView
from quip.net.wire.messages import HeadClaim


class Stage(Enum):
    """How far a candidate has come."""

    CHECKING = "checking"
    """Its seal is with the native threads."""
    COMPLETING = "completing"
    """Its body is asked for."""
    SHOWING = "showing"
    """The seals of its ommers are with the native threads."""
    IMPORTING = "importing"
    """The chain has it."""

    @property
    def is_whole(self) -> bool:
        """Nothing is missing any more."""
        return self in (Stage.SHOWING, Stage.IMPORTING)


@dataclass(frozen=True, slots=True)
class Offer:
    """A block as one peer gave it."""

    peer: int
    header: Header
    seal: Seal
    body: BlockBody | None
    """None where the peer sent none, or not all of it."""
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
    checked: CheckedHeader
    claim: HeadClaim
    """With the total difficulty as this node computed it."""
    early: bool
    """Its time has not come: it is not relayed, the chain keeps it for later."""
    others: list[Offer] = field(default_factory=list)
    """Offers that wait in case this one is bad."""
    stage: Stage = Stage.CHECKING
    job: int = -1
    """The seal check or import that it waits for."""
    sealed: SealedHeader | None = None
    body: CheckedBody | None = None
    body_from: int | None = None
    """Who sent the body; None: it is the empty one."""
    ommer_seals: tuple[OmmerSeal, ...] = ()
    """What is known of those in the body."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The chain, as where the parents of headers are found."""

    view: ChainView

    def parent(self, header: Header) -> Parent:
        """A verified block. Raises InvalidParent or UnknownParent."""
        parent_hash = header.parent_hash
        if self.view.is_invalid(parent_hash):
            raise InvalidParent(parent_hash=f"0x{parent_hash.hex()}")
        found, context = self.view.header(parent_hash), self.view.context(parent_hash)
        if found is None or context is None:
            raise UnknownParent(parent_hash=f"0x{parent_hash.hex()}", number=header.number)
        return Parent(parent_hash, found, context)


def judge(view: ChainView, block_hash: bytes, offer: Offer, now_s: int) -> Candidate | None:
    """Header rules and worth of an offered block: None if it is not worth importing.

    Raises a HeaderError, UnknownParent, BranchTooOld, FutureBlock if it is too early even to be kept, or FalseClaim.
    """
    header, spec = offer.header, view.spec
    checked = check_header(spec, _Known(view), header)
    limit = spec.difficulty.future_limit
    if header.timestamp > now_s + limit + FUTURE_WAIT_S:
        raise FutureBlock(timestamp=header.timestamp, future_limit=limit, now=now_s)
    total = checked.context.total_difficulty
    if offer.total_difficulty not in (0, total):
        raise FalseClaim(claimed=offer.total_difficulty, found=total)
    head = view.head
    if not is_worth_storing(spec, head, header, checked.context):
        return None
    fork = view.fork_number(header.parent_hash)
    depth = branch_depth(spec)
    if fork is None or head.header.number - fork > depth:
        raise BranchTooOld(fork_number=fork or 0, head_number=head.header.number, limit=depth)
    claim = HeadClaim(block_hash, header.number, total)
    return Candidate(block_hash, offer, checked, claim, early=header.timestamp > now_s + limit)
