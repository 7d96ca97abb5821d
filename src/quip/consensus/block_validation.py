"""The order of checks, once; and what a block is called once it has come so far.

    Block ──size, gate, parent, header rules──> CheckedHeader
          ──(the chain's own say: depth), time, signature, proof──> SealedHeader
          ──body──> CompleteBlock
          ──execution, outcome──> ExecutedBlock

Who holds one of these values need not ask again: only the functions here can make them, each from the one before. So a
header, a seal or a body that was judged as it came in is not judged a second time at the import. What is judged holds
for ever, but for the time and the branch's depth (`check_now`), which therefore leave no value behind.

`validate` takes a block through all of it; sync, gossip and verification, which get the parts of a block one by one,
call the same steps. What this file does not do: it knows no store and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from typing import Final, Protocol

from quip.consensus import rules
from quip.consensus.errors.header import UnknownParent
from quip.consensus.errors.root import ConsensusError
from quip.consensus.execution import transition
from quip.consensus.proof_of_work.difficulty import Requirements, child_context
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.account_state import StateReader, StateUpdate
from quip.consensus.types.block import Block, check_sizes
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
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


class ParentChain(ParentHeaders, Protocol):
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
    """Transactions that are those of one header."""

    block_hash: bytes
    transactions: tuple[bytes, ...]
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)


@dataclass(frozen=True, slots=True)
class CompleteBlock:
    """All parts of a block are there, and each is good; it was not executed yet."""

    sealed: SealedHeader
    body: CheckedBody
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
        return Block(self.header, self.body.transactions, self.sealed.seal)


@dataclass(frozen=True, slots=True)
class ExecutedBlock:
    """A block that passed every rule, and the state that it makes."""

    complete: CompleteBlock
    state: StateUpdate
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        _check_maker(self, made_by)

    @property
    def checked(self) -> CheckedHeader:
        """Its header."""
        return self.complete.sealed.checked


def validate(law: Rules, chain: ParentChain, block: Block | CompleteBlock, now: int) -> ExecutedBlock:
    """Every check of a block at Unix time `now` that was not made before, cheapest first. Raises a ConsensusError."""
    if isinstance(block, CompleteBlock):
        # Its parts came one by one, under the limits of messages.
        check_sizes(block.header, block.body.transactions, block.sealed.seal)
        parent = chain.parent(block.header)
        check_now(law.spec, chain, block.checked, now)
        return execute(law.spec, chain.state(parent.header.state_root), block)
    check_sizes(block.header, block.transactions, block.seal)
    checked = check_header(law.spec, chain, block.header)
    check_now(law.spec, chain, checked, now)
    sealed = check_seal(law, checked, block.seal)
    body = check_body(checked, block.transactions)
    parent = chain.parent(block.header)
    return execute(law.spec, chain.state(parent.header.state_root), complete(sealed, body))


def check_header(spec: ChainSpec, parents: ParentHeaders, header: Header) -> CheckedHeader:
    """Gate, then parent, then header rules. Raises a HeaderError or UnknownParent."""
    rules.check_gate(spec, header)
    parent = parents.parent(header)
    required = rules.check_header(spec, parent.header, parent.context, header)
    context = child_context(spec.difficulty, parent.header, parent.context, header)
    return CheckedHeader(header.hash, header, context, required, _THE_LAW)


def check_headers(spec: ChainSpec, parent: Parent, headers: Sequence[Header], now: int) -> list[CheckedHeader]:
    """`check_header` and the time of a run, each header on the one before it, in one native call.

    Only the good ones come back: the first that is missing is not good, and `check_header` says why.
    """
    judged = rules.check_headers(spec, parent.header, parent.context, headers, now)
    return [
        CheckedHeader(header.hash, header, context, required, _THE_LAW)
        for header, (required, context) in zip(headers, judged, strict=False)
    ]


def check_now(spec: ChainSpec, chain: ParentChain, checked: CheckedHeader, now: int) -> None:
    """What may be otherwise at another time: raises BranchTooOld, or FutureBlock once nothing else is wrong."""
    chain.admit(checked)
    rules.check_time(spec, checked.header, now)


def check_seal(law: Rules, checked: CheckedHeader, seal: Seal | None) -> SealedHeader:
    """The work was done, by the header's miner. Raises a SealError."""
    witness = rules.check_seal(law.spec, law.puzzle, checked.header, seal, checked.required)
    return SealedHeader(checked, witness, _THE_LAW)


def check_seals(law: Rules, pairs: Sequence[tuple[CheckedHeader, Seal]]) -> list[SealedHeader | ConsensusError]:
    """`check_seal` of many, in order, in one native call: per seal the sealed header, or the rule that it breaks."""
    flat = [(checked.header, seal, checked.required) for checked, seal in pairs]
    errors = rules.check_seals(law.spec, law.puzzle, flat)
    return [
        SealedHeader(checked, seal, _THE_LAW) if error is None else error
        for (checked, seal), error in zip(pairs, errors, strict=True)
    ]


def check_body(checked: CheckedHeader, transactions: tuple[bytes, ...]) -> CheckedBody:
    """The transactions are the header's. Raises WrongBody, which spoils only the message."""
    transition.check_body(checked.header, transactions)
    return CheckedBody(checked.hash, transactions, _THE_LAW)


def complete(sealed: SealedHeader, body: CheckedBody) -> CompleteBlock:
    """Both halves of one block. Raises ValueError if they are of two."""
    if sealed.checked.hash != body.block_hash:
        raise ValueError(f"the body is of block 0x{body.block_hash.hex()}, the seal of 0x{sealed.checked.hash.hex()}")
    return CompleteBlock(sealed, body, _THE_LAW)


def execute(spec: ChainSpec, state: StateReader, block: CompleteBlock) -> ExecutedBlock:
    """What the block makes of its parent's state is what its header says. Raises an ExecutionError."""
    return ExecutedBlock(block, run(spec, state, block.checked, block.body), _THE_LAW)


def run(spec: ChainSpec, state: StateReader, checked: CheckedHeader, body: CheckedBody) -> StateUpdate:
    """`execute` where nobody looked at the seal. Raises an ExecutionError."""
    outcome = transition.execute(spec, state, checked.header, checked.context, body.transactions)
    transition.check_outcome(checked.header, outcome)
    return outcome.state


def _check_maker(value: object, made_by: object) -> None:
    if made_by is not _THE_LAW:
        raise TypeError(f"a {type(value).__name__} is made by the checks of block_validation only")
