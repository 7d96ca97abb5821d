"""Blocks that are accepted together: verified one after the other, each on the ones before it, committed at once.

Nothing outside sees any of it before the chain has written `changes`; a batch that is not written leaves no trace.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

from quip.chain.ancestries import Ancestries
from quip.chain.events import Head
from quip.chain.ports import ImportChange, StoredBlock, StoredOmmer
from quip.chain.reorganisation import plan
from quip.chain.staged import StagedStore
from quip.chain.tree import BlockTree
from quip.chain.worth import branch_depth
from quip.consensus.block_validation import CheckedHeader, CompleteBlock, ExecutedBlock, Parent, Rules, validate
from quip.consensus.errors.header import BranchTooOld, InvalidParent, UnknownParent
from quip.consensus.proof_of_work.fork_choice import is_heavier
from quip.consensus.types.account_state import StateReader
from quip.consensus.types.ancestry import Ancestry
from quip.consensus.types.block import Block
from quip.consensus.types.header import Header
from quip.consensus.types.ommer import Ommer


@dataclass(frozen=True, slots=True)
class Admission:
    """How old a branch may be: it leaves the canonical chain `worth.branch_depth` below the head at most, or else..."""

    outweighs_from: bytes | None = None
    """...at the canonical block of this hash: its headers and seals, all verified, carry more work than the head."""
    any_depth: bool = False
    """...anywhere: its blocks were admitted once."""


YOUNG_BRANCHES = Admission()
STORED_BEFORE = Admission(any_depth=True)


@dataclass(frozen=True, slots=True)
class Base:
    """What a batch is built on: the chain as it is now."""

    tree: BlockTree
    invalid: Container[bytes]
    """Hashes judged invalid."""
    head: Head
    ancestries: Ancestries


class Batch:
    """The chain as it will be once everything staged is written: `quip.consensus.block_validation.ParentChain`."""

    def __init__(self, rules: Rules, store: StagedStore, base: Base, admission: Admission) -> None:
        self.tree = BlockTree(store, base.tree)
        self.head = base.head
        self.movement = Movement()
        self.ancestries = Ancestries(rules.spec.ommers.window, base.ancestries)
        self._rules = rules
        self._store = store
        self._admission = admission
        self._invalid = base.invalid

    @property
    def changes(self) -> list[ImportChange]:
        """What is to be written, in order."""
        return self._store.changes

    def verify(self, block: Block | CompleteBlock, now: int) -> ExecutedBlock:
        """Judge a block. Raises a ConsensusError."""
        return validate(self._rules, self, block, now)

    def parent(self, header: Header) -> Parent:
        """A stored or staged block. Raises InvalidParent or UnknownParent."""
        parent_hash = header.parent_hash
        if parent_hash in self._invalid:
            raise InvalidParent(parent_hash=f"0x{parent_hash.hex()}")
        if not self.tree.has(parent_hash):
            raise UnknownParent(parent_hash=f"0x{parent_hash.hex()}", number=header.number)
        return Parent(parent_hash, *self.tree.known(parent_hash))

    def admit(self, checked: CheckedHeader) -> None:
        """Raises BranchTooOld."""
        if self._admission.any_depth:
            return
        fork = self.tree.fork_number(checked.header.parent_hash, checked.header.number - 1)
        head_number = self.head.header.number
        depth = branch_depth(self._rules.spec)
        if head_number - fork <= depth:
            return
        outweighs_from = self._admission.outweighs_from
        if outweighs_from is None or self.tree.canonical_hash(fork) != outweighs_from:
            raise BranchTooOld(fork_number=fork, head_number=head_number, limit=depth)

    def ancestry(self, parent: Parent) -> Ancestry:
        """The chain up to a stored or staged block."""
        return self.ancestries.of(self.tree, parent.hash)

    def has_sealed(self, ommer: Ommer) -> bool:
        """True for a stored or staged block or ommer under the same seal."""
        known = self.tree.reads.ommers.get(ommer.header.hash)
        return known is not None and known.seal == ommer.seal

    def state(self, root: bytes) -> StateReader:
        """The state of a stored or staged block."""
        return self.tree.state(root)

    def add(self, executed: ExecutedBlock) -> int | None:
        """Stage a verified block. Returns how many canonical blocks left for it; None: it is no head."""
        checked, state, receipts = executed.checked, executed.state, executed.executed.receipts
        block_hash = checked.hash
        block = _stored(executed)
        ancestry = executed.ancestry
        if ancestry is not None:
            self.ancestries.remember(ancestry)
        if not is_heavier(block.context.total_difficulty, self.head.context.total_difficulty):
            self._store.stage(block_hash, ImportChange(block, state, None, (), (), receipts))
            self.tree.remember(block_hash, block, reorganised=False)
            return None
        move = plan(self._store, self.tree, self._rules.spec, block_hash, block)
        change = ImportChange(block, state, block_hash, move.canonical, move.miner_totals, receipts, move.transactions)
        self._store.stage(block_hash, change)
        self.tree.remember(block_hash, block, reorganised=bool(move.leaving))
        self.movement.add(move.leaving, move.entering)
        self.head = Head(block_hash, block.header, block.context)
        return len(move.leaving)


def _stored(executed: ExecutedBlock) -> StoredBlock:
    complete, checked = executed.complete, executed.checked
    body = complete.body.body
    ommers = []
    for included, shown in zip(executed.lawful.ommers, body.ommers, strict=True):
        assert shown.seal is not None  # lawful
        ommers.append(StoredOmmer(included, shown.seal))
    rewards = None if executed.lawful.ancestry is None else executed.executed.rewards
    return StoredBlock(checked.header, body.transactions, complete.sealed.seal, checked.context, tuple(ommers), rewards)


class Movement:
    """What several moves of the head come to: the blocks that left the canonical chain, and those that entered it."""

    def __init__(self) -> None:
        self.left: list[bytes] = []
        """The old head first."""
        self.entered: list[bytes] = []
        """The lowest first."""

    def add(self, leaving: Iterable[bytes], entering: Iterable[bytes]) -> None:
        """One more move: `leaving` from the head downwards, then `entering` upwards."""
        for block_hash in leaving:
            if self.entered:
                self.entered.pop()
            else:
                self.left.append(block_hash)
        for block_hash in entering:
            if not self.entered and self.left and self.left[-1] == block_hash:
                self.left.pop()
            else:
                self.entered.append(block_hash)
