"""The chain: one `accept` through which every block enters, mined or received.

    known? -> every check (consensus.block_validation) -> one commit -> events

Nothing moves before a block is fully verified. Every verified block is stored, on side branches too, executed on its
parent's state; a reorganisation of any depth therefore only moves the head and the index. The caller serialises
`accept`, `accept_many` and `draft`; reads may run beside them in other threads and see whole commits only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from quip.chain.batch import YOUNG_BRANCHES, Admission, Base, Batch
from quip.chain.errors import IncompleteStore, WrongChain
from quip.chain.events import ChainEvent, Connected, Disconnected, Head, HeadChanged, Subscriber
from quip.chain.future import FutureBlocks
from quip.chain.limits import INVALID_HASHES
from quip.chain.ports import ChainStore, ImportChange, MinerTotals, StoredBlock
from quip.chain.reorganisation import check_connected
from quip.chain.siblings import OmmerPool
from quip.chain.staged import StagedStore
from quip.chain.tags import tagged
from quip.chain.template import Below, Draft, Payee, make_draft
from quip.chain.tree import BlockTree
from quip.chain.worth import is_worth_storing
from quip.consensus.block_validation import CompleteBlock, ExecutedBlock, Rules
from quip.consensus.errors.header import FutureBlock, KnownInvalid
from quip.consensus.errors.root import ConsensusError, Spoils
from quip.consensus.execution.genesis import genesis_header, genesis_state
from quip.consensus.proof_of_work.difficulty import Requirements, genesis_context, requirements
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.ising.puzzle import Puzzle
from quip.primitives.bounded_dict import BoundedDict


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
        self.future = FutureBlocks(spec.difficulty.future_limit)
        self._store = store
        self.rules = Rules(spec, puzzle)
        self._head = head
        self.ommers = OmmerPool(spec, self.tree, store.tips if spec.ommers.limit else (), head.header)
        self._invalid: BoundedDict[bytes, None] = BoundedDict(INVALID_HASHES)
        self._subscribers: list[Subscriber] = []
        self._tags: dict[str, tuple[bytes, bytes]] = {}
        """Per tag the head that it was found for, and what it names: a walk per head, whoever asks how often."""

    @staticmethod
    def open(spec: ChainSpec, store: ChainStore, puzzle: Puzzle) -> Chain:
        """The chain in a store; an empty store gets the genesis block. Raises WrongChain or IncompleteStore."""
        update = genesis_state(spec, store.state(EMPTY_TRIE_ROOT))
        genesis = genesis_header(spec, update.root)
        expected, stored = genesis.hash, store.canonical(0)
        if stored is None:
            block = StoredBlock(genesis, (), None, genesis_context(spec))
            store.commit(ImportChange(block, update, expected, ((0, expected),), ()))
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

    def accept(self, block: Block | CompleteBlock, now: int, admission: Admission = YOUNG_BRANCHES) -> Accepted:
        """Verify a block at Unix time `now`, store it, and move the head if it is heavier. Raises a ConsensusError."""
        (outcome,) = self.accept_many((block,), now, admission)
        if isinstance(outcome, ConsensusError):
            raise outcome
        return outcome

    def accept_many(
        self, blocks: Sequence[Block | CompleteBlock], now: int, admission: Admission = YOUNG_BRANCHES
    ) -> list[Accepted | ConsensusError]:
        """Accept blocks, in order, in one durable transaction: a crash loses all of them or none.

        One outcome per block; one that is refused takes only its descendants with it. Events follow the commit, as for
        one import. What the store raises passes through, and nothing has changed then.
        """
        base = Base(self.tree, self._invalid, self._head, self.ommers.ancestries)
        batch = Batch(self.rules, StagedStore(self._store, self._head.header.number), base, admission)
        outcomes = [self._take(batch, block, now) for block in blocks]
        if batch.changes:
            self._store.commit(*batch.changes)
            self.tree.adopt(batch.tree)
            self.ommers.ancestries.adopt(batch.ancestries)
            self.ommers.note(change.block for change in batch.changes)
            self._move(batch)
        return outcomes

    def due(self, now: int) -> Iterator[CompleteBlock]:
        """The blocks that were too early, and whose time has come at Unix time `now`.

        Between two of them the caller accepts: one that the head has left behind meanwhile is not worth storing any
        more, and is forgotten.
        """
        for block in self.future.due(now):
            if is_worth_storing(self.spec, self._head, block.header, block.checked.context):
                yield block

    def is_invalid(self, block_hash: bytes) -> bool:
        """True if the hash was judged invalid, and is still remembered."""
        return block_hash in self._invalid

    def block_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        """Any verified block."""
        return self.tree.reads.block(block_hash)

    def block_by_number(self, number: int) -> StoredBlock | None:
        """A canonical block."""
        block_hash = self.tree.canonical_hash(number)
        return None if block_hash is None else self.tree.reads.block(block_hash)

    def tag(self, name: str) -> bytes:
        """Hash of the canonical block that `safe` or `finalized` names. Raises KeyError for another name."""
        head, known = self._head, self._tags.get(name)
        if known is None or known[0] != head.hash:
            self._tags[name] = known = head.hash, tagged(self.tree, head, name)
        return known[1]

    def requirements(self, timestamp: int) -> Requirements:
        """What a child of the head with that timestamp has to prove."""
        return requirements(self.spec, self._head.header, self._head.context, timestamp)

    def draft(self, beneficiary: bytes, miner_id: bytes, now: int, extra: bytes = b"") -> Draft:
        """The block to mine on the head at Unix time `now`, with every ommer that may be shown, but for transactions.

        `extra`: up to 11 bytes behind miner id and number of ommers. Only `build` may be called in another thread.
        """
        head = self._head
        state = self.tree.state(head.header.state_root)
        payee = Payee(beneficiary, miner_id, extra)
        below = Below(state, self.ommers.ancestry(head.hash), self.ommers.known(head.hash))
        return make_draft(self.rules, head, below, payee, now)

    def tips(self) -> list[bytes]:
        """Hashes of the verified blocks without a verified child."""
        return self._store.tips

    def miners(self) -> list[MinerTotals]:
        """What every miner id did on the canonical chain."""
        return self._store.miners

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every event, in the thread of `accept`. Returns the call that ends it."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def _take(self, batch: Batch, block: Block | CompleteBlock, now: int) -> Accepted | ConsensusError:
        block_hash = block.header.hash
        if batch.tree.has(block_hash):
            return Accepted(Status.KNOWN, block_hash)
        if block_hash in self._invalid:
            return KnownInvalid(block_hash=f"0x{block_hash.hex()}")
        try:
            executed = self._judge(batch, block, now)
        except FutureBlock as error:
            return self._keep_early(batch, block, now) or error
        except ConsensusError as error:
            return error
        left = batch.add(executed)
        return Accepted(Status.SIDE, block_hash) if left is None else Accepted(Status.CONNECTED, block_hash, left)

    def _judge(self, batch: Batch, block: Block | CompleteBlock, now: int) -> ExecutedBlock:
        try:
            return batch.verify(block, now)
        except ConsensusError as error:
            if error.spoils is Spoils.HASH:
                self._invalid[block.header.hash] = None
            raise

    def _keep_early(self, batch: Batch, block: Block | CompleteBlock, now: int) -> ConsensusError | None:
        """Only a block that nothing else is wrong with is kept: junk under its hash must not take its place."""
        if self.future.wants(block.header, now):
            try:
                executed = self._judge(batch, block, block.header.timestamp)
            except ConsensusError as error:
                return error
            self.future.add(executed.complete, now)
        return None

    def _move(self, batch: Batch) -> None:
        old, self._head = self._head, batch.head
        if old.hash == self._head.hash or not self._subscribers:
            return
        movement = batch.movement
        for block_hash in movement.left:
            self._emit(Disconnected(block_hash, self.tree.known(block_hash)[0]))
        for block_hash in movement.entered:
            self._emit(Connected(block_hash, self.tree.known(block_hash)[0]))
        self._emit(HeadChanged(old, self._head, len(movement.left)))

    def _emit(self, event: ChainEvent) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(event)
