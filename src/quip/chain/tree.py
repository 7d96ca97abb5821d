"""The block tree: every verified block, by hash and (the canonical ones) by number, over the store.

Reads may come from any thread; only the chain's own thread writes to the caches.
"""

from __future__ import annotations

from collections.abc import Iterator

from quip.chain.errors import IncompleteStore
from quip.chain.limits import CACHED_BLOCKS, CACHED_FORKS
from quip.chain.ports import BlockReads, StoredBlock
from quip.consensus.types.account_state import StateReader
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.primitives.bounded_dict import BoundedDict


class BlockTree:
    """Verified blocks. Nothing in it is ever unverified, and nothing is ever removed."""

    def __init__(self, store: BlockReads, below: BlockTree | None = None) -> None:
        """`below`: the tree of the same store before what is staged in it; its caches are read, not written."""
        self._store = store
        self._below = below
        self._reorganised = False
        self._recent: BoundedDict[bytes, tuple[Header, BlockContext]] = BoundedDict(CACHED_BLOCKS)
        self._forks: BoundedDict[bytes, int] = BoundedDict(CACHED_FORKS)

    def has(self, block_hash: bytes) -> bool:
        """True if the block is verified and stored."""
        return self._cached(block_hash) is not None or self._store.header(block_hash) is not None

    @property
    def reads(self) -> BlockReads:
        """What lies below the caches: whole blocks and seals are read there."""
        return self._store

    def header(self, block_hash: bytes) -> Header | None:
        """The block's header."""
        cached = self._cached(block_hash)
        return cached[0] if cached else self._store.header(block_hash)

    def context(self, block_hash: bytes) -> BlockContext | None:
        """The block's context. None for an ommer that is no stored block itself: the store has only its context."""
        cached = self._cached(block_hash)
        if cached:
            return cached[1]
        return None if self._store.header(block_hash) is None else self._store.context(block_hash)

    def canonical_hash(self, number: int) -> bytes | None:
        """Hash of the canonical block of a number."""
        return self._store.canonical(number)

    def is_canonical(self, block_hash: bytes, number: int) -> bool:
        """True if the block of that hash and number is on the canonical chain."""
        return self._store.canonical(number) == block_hash

    def state(self, root: bytes) -> StateReader:
        """The state at the root of a verified block."""
        return self._store.state(root)

    def known(self, block_hash: bytes) -> tuple[Header, BlockContext]:
        """Header and context of a block that must be there. Raises IncompleteStore."""
        cached = self._cached(block_hash)
        if cached:
            return cached
        header, context = self._store.header(block_hash), self._store.context(block_hash)
        if header is None or context is None:
            raise IncompleteStore(f"block 0x{block_hash.hex()} is missing")
        return header, context

    def branch(self, block_hash: bytes) -> Iterator[tuple[bytes, Header, BlockContext]]:
        """The blocks from this one down to (without) the canonical chain, newest first."""
        header, context = self.known(block_hash)
        while not self.is_canonical(block_hash, header.number):
            yield block_hash, header, context
            block_hash = header.parent_hash
            header, context = self.known(block_hash)

    def fork_number(self, block_hash: bytes, number: int) -> int:
        """Number of the canonical block from which the branch of this stored block leaves (its own if canonical)."""
        start = block_hash
        while not self.is_canonical(block_hash, number):
            fork = self._fork(block_hash)
            if fork is not None:
                number = fork
                break
            block_hash = self.known(block_hash)[0].parent_hash
            number -= 1
        if start != block_hash or start in self._forks:
            self._forks[start] = number
        return number

    def remember(self, block_hash: bytes, block: StoredBlock, *, reorganised: bool) -> None:
        """Called once a block is in the store; after a reorganisation fork points are looked up anew."""
        self._recent[block_hash] = (block.header, block.context)
        if reorganised:
            self._reorganised = True
            self._forks.clear()

    def adopt(self, staged: BlockTree) -> None:
        """What was staged in a tree on top of this one is in the store now."""
        if staged._reorganised:
            self._forks.clear()
        for block_hash, known in staged._recent.items():
            self._recent[block_hash] = known
        for block_hash, fork in staged._forks.items():
            self._forks[block_hash] = fork

    def _cached(self, block_hash: bytes) -> tuple[Header, BlockContext] | None:
        return self._recent.get(block_hash) or (self._below._cached(block_hash) if self._below else None)

    def _fork(self, block_hash: bytes) -> int | None:
        fork = self._forks.get(block_hash)
        if fork is None and self._below and not self._reorganised:
            return self._below._fork(block_hash)
        return fork
