"""The order of checks, once; and what a block is called once it has come so far.

    Block ──size, gate, parent, header rules──> CheckedHeader
          ──(the chain's own say: depth), time, signature, proof──> SealedHeader
          ──body: ommersHash, transactionsRoot──> CompleteBlock
          ──ommers: lawful, signatures, proofs──> LawfulOmmers
          ──execution, outcome──> ExecutedBlock

(A block that comes whole meets its ommers before transactionsRoot: nothing of a body is read for a block whose ommers
are unlawful.)

Who holds one of these values need not ask again: only the functions here can make them, each from the one before. So a
header, a seal or a body that was judged as it came in is not judged a second time at the import. What is judged holds
for ever, but for the time and the branch's depth (`check_now`), which therefore leave no value behind.

Ommers are lawful or not on one chain only, which is known at the import; their seals can be checked before it
(`OmmerClaim`, `OmmerSeal`), so that the thread that changes the chain need not. What was found of them then counts in
its turn: after all of them are lawful.

`validate` takes a block through all of it; sync, gossip and verification, which get the parts of a block one by one,
call the same steps. What this file does not do: it knows no store and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from typing import Final, Protocol, TypeAlias

from quip.consensus import ommers, rules
from quip.consensus.errors.header import UnknownParent
from quip.consensus.errors.ommer import BadOmmerSeal
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import SealError
from quip.consensus.execution import transition
from quip.consensus.execution.rewards import Rewards, paid_by
from quip.consensus.proof_of_work.difficulty import Requirements, child_context
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.account_state import StateReader, StateUpdate
from quip.consensus.types.ancestry import Ancestor, Ancestry, IncludedOmmer
from quip.consensus.types.block import Block, BlockBody, check_sizes
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.ising.puzzle import Puzzle

_THE_LAW: Final = object()
"""Handed to the values below by this module and by nobody else."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What every block is judged by."""

    spec: ChainSpec
    puzzle: Puzzle


@dataclass(frozen=True, slots=True)
class Parent:
    """All that the header of a block's child is judged against; also the shortest of `ParentHeaders`."""

    hash: bytes
    header: Header
    context: BlockContext

    def parent(self, header: Header) -> Parent:
        """Itself. Raises UnknownParent if `header` names another block."""
        if header.parent_hash != self.hash:
            raise UnknownParent(parent_hash=f"0x{header.parent_hash.hex()}", number=header.number)
        return self


class ParentHeaders(Protocol):
    """Where a header's parent is found."""

    def parent(self, header: Header) -> Parent:
        """A verified block. Raises InvalidParent or UnknownParent."""


class OmmerChain(ParentHeaders, Protocol):
    """What the ommers of a block are judged against."""

    def ancestry(self, parent: Parent) -> Ancestry:
        """The chain up to a verified block. Asked only where the spec has ommers."""

    def has_sealed(self, ommer: Ommer) -> bool:
        """True if this very seal of it was verified, with a block or with an ommer. Then it is not verified again."""


class ParentChain(OmmerChain, Protocol):
    """What a block is built on."""

    def admit(self, checked: CheckedHeader) -> None:
        """The chain's own say, which is no law: is the branch too old to be looked at? Raises BranchTooOld."""

    def state(self, root: bytes) -> StateReader:
        """The state of a verified block."""


@dataclass(frozen=True, slots=True)
class CheckedHeader:
    """Gate and header rules hold, on a verified parent. Whether the work was done is not known yet."""

    hash: bytes
    header: Header
    context: BlockContext
    """What the block's children are judged against."""
    required: Requirements
    """What its seal has to prove."""
    parent_mix_hash: bytes
    """What its transactions' randomness follows from."""
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)

    @property
    def as_parent(self) -> Parent:
        """For the next header."""
        return Parent(self.hash, self.header, self.context)


@dataclass(frozen=True, slots=True)
class SealedHeader:
    """A checked header whose work was done, by the miner that it names."""

    checked: CheckedHeader
    seal: Seal
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)


@dataclass(frozen=True, slots=True)
class CheckedBody:
    """Transactions and ommers that are those of one header."""

    block_hash: bytes
    body: BlockBody
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)


@dataclass(frozen=True, slots=True)
class SealCheck:
    """A seal to be verified: `check_seal(rules, checked, seal)`."""

    checked: CheckedHeader
    seal: Seal

    @property
    def hash(self) -> bytes:
        """Of the block."""
        return self.checked.hash


@dataclass(frozen=True, slots=True)
class OmmerClaim:
    """An ommer with an open gate whose difficulty is that of some level; whether it is lawful is not known."""

    ommer: Ommer
    margin: int
    """What its seal has to meet if its difficulty is right: the most that the import may ask for."""

    @property
    def hash(self) -> bytes:
        """Of the ommer."""
        return self.ommer.header.hash


@dataclass(frozen=True, slots=True)
class OmmerSeal:
    """What was found of a claim's seal."""

    claim: OmmerClaim
    error: SealError | None
    """None: it proves its miner, and work by the claim's margin."""
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)

    def settles(self, ommer: Ommer, margin: int) -> bool:
        """True if the seal of this ommer need not be looked at again, now that the margin is known.

        A good seal is as good for less; a bad one may be good for less.
        """
        if self.claim.ommer != ommer:
            return False
        return margin <= self.claim.margin if self.error is None else margin >= self.claim.margin


SealVerdict: TypeAlias = SealedHeader | OmmerSeal | ConsensusError
"""What comes of a SealCheck, or of an OmmerClaim."""


@dataclass(frozen=True, slots=True)
class CompleteBlock:
    """All parts of a block are there, and each is good; it was not executed yet."""

    sealed: SealedHeader
    body: CheckedBody
    ommer_seals: tuple[OmmerSeal, ...]
    """What is known already of its ommers' seals."""
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)

    @property
    def checked(self) -> CheckedHeader:
        """Its header."""
        return self.sealed.checked

    @property
    def header(self) -> Header:
        """Its header, bare."""
        return self.sealed.checked.header

    @property
    def block(self) -> Block:
        """As it travels."""
        body = self.body.body
        return Block(self.header, body.transactions, self.sealed.seal, body.ommers)


@dataclass(frozen=True, slots=True)
class LawfulOmmers:
    """The ommers of one block, each lawful and sealed, and the chain that they are ommers on."""

    block_hash: bytes
    ommers: tuple[IncludedOmmer, ...]
    ancestry: Ancestry | None
    """None where the spec has no ommers."""
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)


@dataclass(frozen=True, slots=True)
class Executed:
    """What a block makes of the state, and what it pays."""

    state: StateUpdate
    rewards: Rewards
    receipts: bytes
    """RLP list, as `transition.Outcome`."""


@dataclass(frozen=True, slots=True)
class ExecutedBlock:
    """A block that passed every rule, and what it makes of the state."""

    complete: CompleteBlock
    lawful: LawfulOmmers
    executed: Executed
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)

    @property
    def checked(self) -> CheckedHeader:
        """Its header."""
        return self.complete.sealed.checked

    @property
    def state(self) -> StateUpdate:
        """The state after it."""
        return self.executed.state

    @property
    def ancestry(self) -> Ancestry | None:
        """The chain up to it; None where the spec has no ommers."""
        return ancestry_after(self.checked, self.lawful, self.executed)


def validate(law: Rules, chain: ParentChain, block: Block | CompleteBlock, now: int) -> ExecutedBlock:
    """Every check of a block at Unix time `now` that was not made before, cheapest first. Raises a ConsensusError."""
    if isinstance(block, CompleteBlock):
        # Its parts came one by one, under the limits of messages.
        check_sizes(block.header, block.body.body, block.sealed.seal)
        parent = chain.parent(block.header)
        check_now(law.spec, chain, block.checked, now)
        lawful = check_ommers(law, chain, block.checked, block.body.body.ommers, block.ommer_seals)
        return execute(law, chain.state(parent.header.state_root), block, lawful)
    check_sizes(block.header, block.body, block.seal)
    checked = check_header(law.spec, chain, block.header)
    check_now(law.spec, chain, checked, now)
    sealed = check_seal(law, checked, block.seal)
    transition.check_ommers_hash(block.header, block.ommers)
    lawful = check_ommers(law, chain, checked, block.ommers)
    body = check_body(checked, block.body)
    parent = chain.parent(block.header)
    return execute(law, chain.state(parent.header.state_root), complete(sealed, body), lawful)


def check_header(spec: ChainSpec, parents: ParentHeaders, header: Header) -> CheckedHeader:
    """Gate, then parent, then header rules. Raises a HeaderError or UnknownParent."""
    rules.check_gate(spec, header)
    parent = parents.parent(header)
    required = rules.check_header(spec, parent.header, parent.context, header)
    context = child_context(spec.difficulty, parent.header, parent.context, header)
    return CheckedHeader(header.hash, header, context, required, parent.header.mix_hash, _THE_LAW)


def check_headers(spec: ChainSpec, parent: Parent, headers: Sequence[Header], now: int) -> list[CheckedHeader]:
    """`check_header` and the time of a run, each header on the one before it, in one native call.

    Only the good ones come back: the first that is missing is not good, and `check_header` says why.
    """
    judged = rules.check_headers(spec, parent.header, parent.context, headers, now)
    parents = (parent.header, *headers)
    return [
        CheckedHeader(header.hash, header, context, required, below.mix_hash, _THE_LAW)
        for below, header, (required, context) in zip(parents, headers, judged, strict=False)
    ]


def check_now(spec: ChainSpec, chain: ParentChain, checked: CheckedHeader, now: int) -> None:
    """What may be otherwise at another time: raises BranchTooOld, or FutureBlock once nothing else is wrong."""
    chain.admit(checked)
    rules.check_time(spec, checked.header, now)


def check_seal(law: Rules, checked: CheckedHeader, seal: Seal | None) -> SealedHeader:
    """The work was done, by the header's miner. Raises a SealError."""
    witness = rules.check_seal(law.spec, law.puzzle, checked.header, seal, checked.required.margin)
    return SealedHeader(checked, witness, _THE_LAW)


def check_seals(law: Rules, wanted: Sequence[SealCheck | OmmerClaim]) -> list[SealVerdict]:
    """`check_seal` of many, in order, in one native call: per seal the sealed header, or the rule that it breaks.

    Of an ommer's seal what was found of it, good or bad.
    """
    flat = [
        (one.ommer.header, one.ommer.seal, one.margin)
        if isinstance(one, OmmerClaim)
        else (one.checked.header, one.seal, one.checked.required.margin)
        for one in wanted
    ]
    errors = rules.check_seals(law.spec, law.puzzle, flat)
    return [_verdict(one, error) for one, error in zip(wanted, errors, strict=True)]


def _verdict(wanted: SealCheck | OmmerClaim, error: ConsensusError | None) -> SealVerdict:
    if isinstance(wanted, SealCheck):
        return SealedHeader(wanted.checked, wanted.seal, _THE_LAW) if error is None else error
    return OmmerSeal(wanted, error, _THE_LAW) if error is None or isinstance(error, SealError) else error


def claims_of(spec: ChainSpec, shown: Sequence[Ommer]) -> tuple[OmmerClaim, ...]:
    """Those of a block's ommers whose seals can be checked before it is known whether they are lawful."""
    found = ((ommer, ommers.claimed_margin(spec, ommer.header)) for ommer in shown if ommer.seal is not None)
    return tuple(OmmerClaim(ommer, margin) for ommer, margin in found if margin is not None)


def check_body(checked: CheckedHeader, body: BlockBody) -> CheckedBody:
    """Ommers and transactions are the header's. Raises WrongOmmers or WrongBody, which spoil only the message."""
    transition.check_ommers_hash(checked.header, body.ommers)
    transition.check_body(checked.header, body.transactions)
    return CheckedBody(checked.hash, body, _THE_LAW)


def check_ommers(
    law: Rules,
    chain: OmmerChain,
    checked: CheckedHeader,
    shown: Sequence[Ommer],
    seals: Sequence[OmmerSeal] | None = (),
) -> LawfulOmmers:
    """Every ommer is lawful, and its work was done by its miner. Raises an OmmerError or BadOmmerSeal.

    `seals`: what is known of some of their seals; None where nobody looks at any seal.
    """
    if not law.spec.ommers.limit:
        return LawfulOmmers(checked.hash, (), None, _THE_LAW)
    ancestry = chain.ancestry(chain.parent(checked.header))
    headers = [ommer.header for ommer in shown]
    found = ommers.check_ommers(law.spec, ancestry, checked.header, checked.context.controller, headers)
    if seals is not None and shown:
        claims = [OmmerClaim(ommer, one.required.margin) for ommer, one in zip(shown, found, strict=True)]
        _check_ommer_seals(law, chain, claims, seals)
    return LawfulOmmers(checked.hash, tuple(one.included for one in found), ancestry, _THE_LAW)


def _check_ommer_seals(law: Rules, chain: OmmerChain, claims: Sequence[OmmerClaim], seals: Sequence[OmmerSeal]) -> None:
    """Raises BadOmmerSeal for the first that is bad. Only those are verified of which nothing is known."""
    errors: dict[int, ConsensusError | None] = {}
    for place, claim in enumerate(claims):
        known = next((one for one in seals if one.settles(claim.ommer, claim.margin)), None)
        if known is not None:
            errors[place] = known.error
        elif chain.has_sealed(claim.ommer):
            errors[place] = None
    rest = [place for place in range(len(claims)) if place not in errors]
    flat = [(claims[place].ommer.header, claims[place].ommer.seal, claims[place].margin) for place in rest]
    errors.update(zip(rest, rules.check_seals(law.spec, law.puzzle, flat) if flat else (), strict=True))
    for place, claim in enumerate(claims):
        error = errors[place]
        if isinstance(error, SealError):
            name = f"0x{claim.ommer.header.hash.hex()}"
            raise BadOmmerSeal(ommer=name, reason=f"{type(error).__name__}: {error}") from error
        if error is not None:
            raise error


def complete(sealed: SealedHeader, body: CheckedBody, ommer_seals: Sequence[OmmerSeal] = ()) -> CompleteBlock:
    """Both halves of one block. Raises ValueError if they are of two."""
    if sealed.checked.hash != body.block_hash:
        raise ValueError(f"the body is of block 0x{body.block_hash.hex()}, the seal of 0x{sealed.checked.hash.hex()}")
    return CompleteBlock(sealed, body, tuple(ommer_seals), _THE_LAW)


def execute(law: Rules, state: StateReader, block: CompleteBlock, lawful: LawfulOmmers) -> ExecutedBlock:
    """What the block makes of its parent's state is what its header says. Raises an ExecutionError."""
    return ExecutedBlock(block, lawful, run(law, state, block.checked, block.body, lawful), _THE_LAW)


def run(law: Rules, state: StateReader, checked: CheckedHeader, body: CheckedBody, lawful: LawfulOmmers) -> Executed:
    """`execute` where nobody looked at the seal. Raises an ExecutionError; ValueError for parts of two blocks."""
    if not checked.hash == body.block_hash == lawful.block_hash:
        raise ValueError("header, body and ommers are of several blocks")
    header = checked.header
    paid = paid_by(law.spec, lawful.ancestry, header, checked.context, body.body.ommers)
    setting = transition.Setting(law.spec, law.puzzle, header, checked.parent_mix_hash, paid.payments)
    outcome = transition.execute(setting, state, body.body.transactions)
    transition.check_outcome(header, outcome)
    return Executed(outcome.state, paid, outcome.receipts)


def ancestry_after(checked: CheckedHeader, lawful: LawfulOmmers, executed: Executed) -> Ancestry | None:
    """The chain up to an executed block; None where the spec has no ommers."""
    if lawful.ancestry is None:
        return None
    own = Ancestor(checked.hash, checked.header, checked.context, lawful.ommers)
    return lawful.ancestry.extended(own, executed.rewards.counted_streak)


def _check_maker(value: object, made_by: object) -> None:
    if made_by is not _THE_LAW:
        raise TypeError(f"a {type(value).__name__} is made by the checks of block_validation only")
