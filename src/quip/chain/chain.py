"""The chain: one `accept` through which every block enters, mined or received.

    size -> known? -> gate -> parent -> header rules -> signature -> proof -> body -> execution -> one commit -> events

Nothing moves before a block is fully verified. Every verified block is stored, on side branches too, executed on its
parent's state; a reorganisation of any depth therefore only moves the head and the index. The caller serialises
`accept` and `template`; reads may run beside them in other threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from quip.chain.bounded import BoundedDict
from quip.chain.branches import Branches
from quip.chain.errors import IncompleteStore, WrongChain
from quip.chain.events import ChainEvent, Connected, Disconnected, Head, HeadChanged, Subscriber
from quip.chain.future import FutureBlocks
from quip.chain.limits import INVALID_HASHES, MAX_BRANCH_DEPTH
from quip.chain.ports import BlockSigner, ChainStore, ImportChange, MinerTotals, StoredBlock
from quip.chain.reorganisation import Plan, check_connected, plan
from quip.chain.tags import tagged
from quip.chain.template import Payee, Template, make_template, seal_template
from quip.chain.tree import BlockTree
from quip.consensus import rules
from quip.consensus.block import Block, check_sizes
from quip.consensus.difficulty import Requirements, child_context, genesis_context, requirements
from quip.consensus.errors import (
    BranchTooOld,
    ConsensusError,
    FutureBlock,
    InvalidParent,
    KnownInvalid,
    Spoils,
    UnknownParent,
)
from quip.consensus.fork_choice import is_heavier
from quip.consensus.genesis import genesis_header, genesis_state
from quip.consensus.header import EMPTY_TRIE_ROOT, Header
from quip.consensus.spec import ChainSpec
from quip.consensus.state import StateUpdate
from quip.consensus.transition import check_body, check_outcome, execute
from quip.ising.puzzle import Puzzle


class Status(Enum):
    """What became of an accepted block."""

    CONNECTED = "connected"
    """It is the head."""
    SIDE = "side"
    """Verified and stored on a branch with no more work than the head's."""
    KNOWN = "known"
    """Was here before; nothing was done."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outcome of `Chain.accept`."""

    status: Status
    hash: bytes
    reorg_depth: int = 0
    """Canonical blocks that left for this one."""


class Chain:
    """Block tree, head and fork choice of one network."""

    def __init__(self, spec: ChainSpec, store: ChainStore, puzzle: Puzzle, head: Head) -> None:
        self.spec = spec
        self.tree = BlockTree(store)
        self.branches = Branches(spec, puzzle, self.tree)
        self.future = FutureBlocks(spec.difficulty.future_limit)
        self._store = store
        self._puzzle = puzzle
        self._head = head
        self._invalid: BoundedDict[bytes, None] = BoundedDict(INVALID_HASHES)
        self._subscribers: list[Subscriber] = []

    @staticmethod
    def open(spec: ChainSpec, store: ChainStore, puzzle: Puzzle) -> Chain:
        """The chain in a store; an empty store gets the genesis block. Raises WrongChain or IncompleteStore."""
        update = genesis_state(spec, store.state(EMPTY_TRIE_ROOT))
        genesis = genesis_header(spec, update.root)
        expected, stored = genesis.hash, store.genesis_hash()
        if stored is None:
            block = StoredBlock(genesis, (), None, genesis_context(spec.difficulty))
            store.commit(ImportChange(block, update.nodes, expected, ((0, expected),), ()))
        elif stored != expected:
            raise WrongChain(stored, expected)
        head_hash = store.head()
        if head_hash is None:
            raise IncompleteStore("the store has a genesis block but no head")
        tree = BlockTree(store)
        header, context = tree.known(head_hash)
        check_connected(tree, head_hash, header.number)
        return Chain(spec, store, puzzle, Head(head_hash, header, context))

    @property
    def head(self) -> Head:
        """The canonical chain's last block."""
        return self._head

    def accept(self, block: Block, now: int) -> Accepted:
        """Verify a block at Unix time `now`, store it, and move the head if it is heavier. Raises a ConsensusError."""
        block_hash = block.header.hash
        if self.tree.has(block_hash):
            return Accepted(Status.KNOWN, block_hash)
        if block_hash in self._invalid:
            raise KnownInvalid(block_hash=f"0x{block_hash.hex()}")
        try:
            stored, state = self._judge(block_hash, block, now)
        except FutureBlock:
            if self.future.wants(block_hash, block, now):
                # Only a block that nothing else is wrong with is kept: junk under its hash must not take its place.
                self._judge(block_hash, block, block.header.timestamp)
                self.future.add(block_hash, block, now)
            raise
        return self._import(block_hash, stored, state)

    def is_invalid(self, block_hash: bytes) -> bool:
        """True if the hash was judged invalid, and is still remembered."""
        return block_hash in self._invalid

    def block_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        """Any verified block."""
        return self.tree.block(block_hash)

    def block_by_number(self, number: int) -> StoredBlock | None:
        """A canonical block."""
        block_hash = self.tree.canonical_hash(number)
        return None if block_hash is None else self.tree.block(block_hash)

    def tag(self, name: str) -> bytes:
        """Hash of the canonical block that `safe` or `finalized` names. Raises KeyError for another name."""
        return tagged(self.tree, self._head, name)

    def requirements(self, timestamp: int) -> Requirements:
        """What a child of the head with that timestamp has to prove."""
        return requirements(self.spec, self._head.header, self._head.context, timestamp)

    def template(self, beneficiary: bytes, miner_id: bytes, now: int, extra: bytes = b"") -> Template:
        """The block to mine on the head at Unix time `now`. `extra`: up to 12 bytes behind the miner id."""
        head = self._head
        state = self.tree.state(head.header.state_root)
        return make_template(self.spec, head, state, Payee(beneficiary, miner_id, extra), now)

    def seal_template(self, template: Template, nonce: int, solutions: tuple[bytes, ...], signer: BlockSigner) -> Block:
        """The signed block of a template; it still has to be accepted. Raises ForeignSigner."""
        return seal_template(template, nonce, solutions, signer)

    def miners(self) -> list[MinerTotals]:
        """What every miner id did on the canonical chain."""
        return self._store.miners()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every event, in the thread of `accept`. Returns the call that ends it."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def _judge(self, block_hash: bytes, block: Block, now: int) -> tuple[StoredBlock, StateUpdate]:
        try:
            return self._verify(block, now)
        except ConsensusError as error:
            if error.spoils is Spoils.HASH:
                self._invalid.put(block_hash, None)
            raise

    def _verify(self, block: Block, now: int) -> tuple[StoredBlock, StateUpdate]:
        header = block.header
        check_sizes(block)
        rules.check_gate(self.spec, header)
        if header.parent_hash in self._invalid:
            raise InvalidParent(parent_hash=f"0x{header.parent_hash.hex()}")
        if not self.tree.has(header.parent_hash):
            raise UnknownParent(parent_hash=f"0x{header.parent_hash.hex()}", number=header.number)
        parent, parent_context = self.tree.known(header.parent_hash)
        required = rules.check_header(self.spec, parent, parent_context, header, now)
        self._check_depth(header.parent_hash, parent)
        rules.check_seal(self.spec, self._puzzle, header, block.seal, required)
        check_body(header, block.transactions)
        context = child_context(self.spec.difficulty, parent, parent_context, header)
        state = self.tree.state(parent.state_root)
        outcome = execute(self.spec, state, header, context, block.transactions)
        check_outcome(header, outcome)
        return StoredBlock(header, block.transactions, block.seal, context), outcome.state

    def _check_depth(self, parent_hash: bytes, parent: Header) -> None:
        fork = self.tree.fork_number(parent_hash, parent.number)
        head_number = self._head.header.number
        if head_number - fork <= MAX_BRANCH_DEPTH:
            return
        fork_hash = self.tree.canonical_hash(fork)
        if fork_hash is None or not self.branches.is_admitted(fork_hash):
            raise BranchTooOld(fork_number=fork, head_number=head_number, limit=MAX_BRANCH_DEPTH)

    def _import(self, block_hash: bytes, block: StoredBlock, state: StateUpdate) -> Accepted:
        old = self._head
        if not is_heavier(block.context.total_difficulty, old.context.total_difficulty):
            self._store.commit(ImportChange(block, state.nodes, None, (), ()))
            self.tree.remember(block_hash, block, reorganised=False)
            return Accepted(Status.SIDE, block_hash)
        move = plan(self._store, self.tree, self.spec.rewards, block_hash, block)
        self._store.commit(ImportChange(block, state.nodes, block_hash, move.canonical, move.miner_totals))
        self.tree.remember(block_hash, block, reorganised=bool(move.leaving))
        self._head = Head(block_hash, block.header, block.context)
        self._announce(old, move)
        return Accepted(Status.CONNECTED, block_hash, len(move.leaving))

    def _announce(self, old: Head, move: Plan) -> None:
        if move.leaving:
            self.branches.settle(self.tree.known(move.leaving[-1])[0].parent_hash)
        if not self._subscribers:
            return
        for block_hash in move.leaving:
            self._emit(Disconnected(block_hash, self.tree.known(block_hash)[0]))
        for block_hash in move.entering:
            self._emit(Connected(block_hash, self.tree.known(block_hash)[0]))
        self._emit(HeadChanged(old, self._head, len(move.leaving)))

    def _emit(self, event: ChainEvent) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(event)
