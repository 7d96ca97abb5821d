"""Blocks that are accepted together: verified one after the other, each on the ones before it, committed at once.

    size -> known? -> gate -> parent -> header rules -> signature -> proof -> body -> execution -> staged

Nothing outside sees any of it before the chain has written `changes`; a batch that is not written leaves no trace.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from quip.chain.events import Head
from quip.chain.limits import MAX_BRANCH_DEPTH
from quip.chain.ports import ImportChange, StoredBlock
from quip.chain.reorganisation import plan
from quip.chain.staged import StagedStore
from quip.chain.tree import BlockTree
from quip.consensus import rules
from quip.consensus.errors import BranchTooOld, InvalidParent, MissingSeal, UnknownParent
from quip.consensus.execution.transition import check_body, check_outcome, execute
from quip.consensus.proof_of_work.difficulty import child_context, requirements
from quip.consensus.proof_of_work.fork_choice import is_heavier
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.account_state import StateUpdate
from quip.consensus.types.block import Block, check_sizes
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.ising.puzzle import Puzzle


@dataclass(frozen=True, slots=True)
class Law:
    """What every block is judged by."""

    spec: ChainSpec
    puzzle: Puzzle


@dataclass(frozen=True, slots=True)
class Ground:
    """What a batch is built on: the chain as it is now."""

    tree: BlockTree
    invalid: Container[bytes]
    """Hashes judged invalid."""
    head: Head


@dataclass(frozen=True, slots=True)
class Trust:
    """What the caller has verified by itself, with the functions of `rules`, about all blocks of a batch."""

    seal_checked: bool = False
    """Every header's gate and every seal is good."""
    outweighs_from: bytes | None = None
    """Hash of a canonical block: the blocks belong to a branch that leaves the canonical chain there, and whose headers
    and seals, all verified, carry more work than the head. Such a branch may be as old as it likes."""
    contexts: Mapping[bytes, BlockContext] = field(default_factory=dict)
    """By hash: blocks whose header rules hold, each on its parent, and the context that follows."""


NO_TRUST = Trust()
SEAL_CHECKED = Trust(seal_checked=True)


@dataclass(frozen=True, slots=True)
class Verified:
    """A block that passed every rule, and the state that it makes."""

    hash: bytes
    block: StoredBlock
    state: StateUpdate


class Batch:
    """The chain as it will be once everything staged is written."""

    def __init__(self, law: Law, store: StagedStore, ground: Ground, trust: Trust) -> None:
        self.tree = BlockTree(store, ground.tree)
        self.head = ground.head
        self.movement = Movement()
        self._law = law
        self._store = store
        self._ground = ground
        self._trust = trust

    @property
    def changes(self) -> list[ImportChange]:
        """What is to be written, in order."""
        return self._store.changes

    def verify(self, block_hash: bytes, block: Block, now: int) -> Verified:
        """Judge a block whose parent is known. Raises a ConsensusError."""
        spec, header, seal_checked = self._law.spec, block.header, self._trust.seal_checked
        check_sizes(block)
        if not seal_checked:
            rules.check_gate(spec, header)
        if header.parent_hash in self._ground.invalid:
            raise InvalidParent(parent_hash=f"0x{header.parent_hash.hex()}")
        if not self.tree.has(header.parent_hash):
            raise UnknownParent(parent_hash=f"0x{header.parent_hash.hex()}", number=header.number)
        parent, parent_context = self.tree.known(header.parent_hash)
        context = self._trust.contexts.get(block_hash)
        required = None if context else rules.check_header(spec, parent, parent_context, header, now)
        self._check_depth(header.parent_hash, parent)
        if block.seal is None:
            raise MissingSeal(number=header.number)
        if not seal_checked:
            required = required or requirements(spec, parent, parent_context, header.timestamp)
            rules.check_seal(spec, self._law.puzzle, header, block.seal, required)
        check_body(header, block.transactions)
        context = context or child_context(spec.difficulty, parent, parent_context, header)
        state = self.tree.state(parent.state_root)
        outcome = execute(spec, state, header, context, block.transactions)
        check_outcome(header, outcome)
        return Verified(block_hash, StoredBlock(header, block.transactions, block.seal, context), outcome.state)

    def add(self, verified: Verified) -> int | None:
        """Stage a verified block. Returns how many canonical blocks left for it; None: it is no head."""
        block_hash, block = verified.hash, verified.block
        if not is_heavier(block.context.total_difficulty, self.head.context.total_difficulty):
            self._store.stage(block_hash, ImportChange(block, verified.state.nodes, None, (), ()))
            self.tree.remember(block_hash, block, reorganised=False)
            return None
        move = plan(self._store, self.tree, self._law.spec.rewards, block_hash, block)
        self._store.stage(
            block_hash, ImportChange(block, verified.state.nodes, block_hash, move.canonical, move.miner_totals)
        )
        self.tree.remember(block_hash, block, reorganised=bool(move.leaving))
        self.movement.add(move.leaving, move.entering)
        self.head = Head(block_hash, block.header, block.context)
        return len(move.leaving)

    def _check_depth(self, parent_hash: bytes, parent: Header) -> None:
        fork = self.tree.fork_number(parent_hash, parent.number)
        head_number = self.head.header.number
        if head_number - fork <= MAX_BRANCH_DEPTH:
            return
        if self._trust.outweighs_from is None or self.tree.canonical_hash(fork) != self._trust.outweighs_from:
            raise BranchTooOld(fork_number=fork, head_number=head_number, limit=MAX_BRANCH_DEPTH)


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
