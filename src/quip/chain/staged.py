"""Changes that wait for their common commit, on top of the store as it is.

Blocks accepted together build on each other before any of them is written: they see what the ones before them changed,
nobody else does. `changes` then go to the store in one transaction, or nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from quip.chain.ports import (
    ChainStore,
    ImportChange,
    MinerTotals,
    OmmerReads,
    Part,
    StoredBlock,
    StoredOmmer,
    TransactionPlace,
)
from quip.consensus.execution.rewards import Rewards
from quip.consensus.types.account_state import StateReader
from quip.consensus.types.ancestry import IncludedOmmer
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.types.ommer import Ommer


class StagedStore:
    """Implements `quip.chain.ports.BlockReads`: the store after `changes`."""

    def __init__(self, store: ChainStore, top: int) -> None:
        """`top`: number of the store's head; the index names nothing above it."""
        self._top = top
        self.changes: list[ImportChange] = []
        self._store = store
        self._scratch = store.scratch()
        self._blocks: dict[bytes, StoredBlock] = {}
        self._ommers: dict[bytes, StoredOmmer] = {}
        self._canonical: dict[int, bytes | None] = {}
        self._transactions: dict[bytes, TransactionPlace | None] = {}
        self._totals: dict[bytes, MinerTotals] = {}

    def stage(self, block_hash: bytes, change: ImportChange) -> None:
        """Add a change of a block; later reads see it."""
        self.changes.append(change)
        self._blocks[block_hash] = change.block
        self._ommers.update((ommer.included.hash, ommer) for ommer in change.block.ommers)
        self._scratch.keep(change.block.header, change.state)
        self._transactions.update(change.transactions)
        self._canonical.update(change.canonical)
        self._totals.update((totals.miner_id, totals) for totals in change.miner_totals)

    def block(self, block_hash: bytes) -> StoredBlock | None:
        """The whole block, staged or stored."""
        return self._blocks.get(block_hash) or self._store.block(block_hash)

    def header(self, block_hash: bytes) -> Header | None:
        """Only its header."""
        staged = self._blocks.get(block_hash)
        return staged.header if staged else self._store.header(block_hash)

    def context(self, block_hash: bytes) -> BlockContext | None:
        """Only its context."""
        staged = self._blocks.get(block_hash)
        return staged.context if staged else self._store.context(block_hash)

    def encoded(self, part: Part, block_hash: bytes) -> bytes | None:
        """The RLP of a part of a stored block; what is staged nobody asks for in this form."""
        return self._store.encoded(part, block_hash)

    @property
    def ommers(self) -> OmmerReads:
        """The ommers of staged and stored blocks."""
        return _StagedOmmers(self._blocks, self._ommers, self._store.ommers)

    def rewards(self, block_hash: bytes) -> Rewards | None:
        """What a staged or stored block paid."""
        staged = self._blocks.get(block_hash)
        return staged.rewards if staged else self._store.rewards(block_hash)

    def canonical(self, number: int) -> bytes | None:
        """Hash of the canonical block of that number."""
        if number in self._canonical:
            return self._canonical[number]
        return self._store.canonical(number) if number <= self._top else None

    def state(self, root: bytes) -> StateReader:
        """The state at a root that some staged or stored block has."""
        return self._scratch.state(root)

    def transaction(self, transaction_hash: bytes) -> TransactionPlace | None:
        """Where a transaction is on the canonical chain."""
        if transaction_hash in self._transactions:
            return self._transactions[transaction_hash]
        return self._store.transaction(transaction_hash)

    def miner(self, miner_id: bytes) -> MinerTotals | None:
        """The totals of one miner id."""
        staged = self._totals.get(miner_id)
        if staged is None:
            return self._store.miner(miner_id)
        return None if staged.is_empty else staged


class _StagedOmmers:
    """Implements `quip.chain.ports.OmmerReads`."""

    def __init__(
        self, blocks: Mapping[bytes, StoredBlock], ommers: Mapping[bytes, StoredOmmer], stored: OmmerReads
    ) -> None:
        self._blocks = blocks
        self._ommers = ommers
        self._stored = stored

    def of(self, block_hash: bytes) -> tuple[IncludedOmmer, ...]:
        """Those that a block includes."""
        staged = self._blocks.get(block_hash)
        return tuple(ommer.included for ommer in staged.ommers) if staged else self._stored.of(block_hash)

    def get(self, block_hash: bytes) -> Ommer | None:
        """A block, or a block's ommer, as another block may show it."""
        if block := self._blocks.get(block_hash):
            return Ommer(block.header, block.seal)
        staged = self._ommers.get(block_hash)
        return Ommer(staged.included.header, staged.seal) if staged else self._stored.get(block_hash)
