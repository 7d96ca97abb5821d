"""The node's durable block tree: `quip.chain.ports.ChainStore` over one store file.

Every commit is one transaction: a block, what it does to the state, its place in the index and the head move together
or not at all. Blocks are never deleted, so a reorganisation rewrites index, head and totals only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from quip._native import state as native_state
from quip._native import store as native_store
from quip.chain.ports import NO_RECEIPTS, ImportChange, MinerTotals, StoredBlock
from quip.storage import records
from quip.storage.block_reads import StoredBlocks, all_rows
from quip.storage.errors import NoArchive, WrongNetwork
from quip.storage.pruning import is_archive
from quip.storage.state import DEFAULT_LIMITS, StagedState, StateLimits, StoredState, native

_Put = tuple[str, bytes, bytes]
_Delete = tuple[str, bytes]


def open_chain_store(path: Path, chain_id: int, limits: StateLimits = DEFAULT_LIMITS) -> RedbChainStore:
    """The store in a file, made where absent. Raises WrongNetwork, StoreLocked, StoreVersion, StoreCorrupt."""
    return for_network(native_store.Store.open(path), chain_id, limits)


def read_chain_store(path: Path) -> RedbChainStore:
    """The store in a file, for reading only: no byte of it changes. Raises StoreLocked, StoreVersion, StoreCorrupt."""
    return RedbChainStore(native_store.Store.open(path, read_only=True))


def for_network(store: native_store.Store, chain_id: int, limits: StateLimits = DEFAULT_LIMITS) -> RedbChainStore:
    """A chain store over an open store that belongs to this chain id, or to none yet: that one becomes an archive where
    `limits` say so, an old one stays what it is. Raises WrongNetwork, NoArchive."""
    stored = store.get(records.META, records.CHAIN_ID)
    if stored is None:
        rows = [(records.META, records.CHAIN_ID, chain_id.to_bytes(8, "big"))]
        store.commit(rows + [(records.META, records.ARCHIVE, b"")] * limits.archive, [])
    elif int.from_bytes(stored, "big") != chain_id:
        store.close()
        raise WrongNetwork(int.from_bytes(stored, "big"), chain_id)
    archive = is_archive(store)
    if limits.archive and not archive:
        store.close()
        raise NoArchive
    return RedbChainStore(store, replace(limits, archive=archive))


class RedbChainStore(StoredBlocks):
    """Implements `quip.chain.ports.ChainStore`. Any thread may read; one thread at a time commits."""

    def __init__(self, store: native_store.Store, limits: StateLimits = DEFAULT_LIMITS) -> None:
        super().__init__(store)
        self._limits = limits

    @cached_property
    def states(self) -> native_state.States:
        """The blocks' states; opened once they are asked for, since blocks of a damaged store are read without them."""
        return self._limits.open(self._store)

    def head(self) -> bytes | None:
        """Hash of the canonical head; None for a store without a genesis block."""
        return self._store.get(records.META, records.HEAD)

    def state(self, root: bytes) -> StoredState:
        """The state at a root that some stored block has: the head's, or another that is kept."""
        return StoredState(self.states, root)

    def scratch(self) -> StagedState:
        """A place for states that are not written yet."""
        return StagedState(self.states)

    def commit(self, *changes: ImportChange) -> None:
        """Write all changes, in order, in one atomic, durable transaction.

        Raises StoreFull (nothing is written; repeat it later), StoreCorrupt.
        """
        rows = _Rows()
        totals: dict[bytes, MinerTotals] = {}
        for change in changes:
            _add_rows(rows, change)
            totals.update((one.miner_id, one) for one in change.miner_totals)
        _add_totals(rows, totals)
        self.states.commit(*rows.split(), [_state_of(change) for change in changes])

    @property
    def miners(self) -> list[MinerTotals]:
        """The totals of every miner id with a canonical block, ascending by id."""
        return [records.decode_totals(key, data) for key, data in all_rows(self._store, records.MINERS)]

    @property
    def tips(self) -> list[bytes]:
        """Hashes of the stored blocks without a stored child, ascending."""
        return [key for key, _ in all_rows(self._store, records.TIPS)]

    def close(self) -> None:
        """Close the file; every later call raises StoreError."""
        self._store.close()


class _Rows:
    """What one transaction writes: of several changes of a row the last counts."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, bytes], bytes | None] = {}

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Write a row."""
        self._rows[table, key] = value

    def delete(self, table: str, key: bytes) -> None:
        """Remove a row, if it is there."""
        self._rows[table, key] = None

    def settle(self, table: str, key: bytes) -> None:
        """Remove a row: of a new one that the same transaction puts nothing is ever written."""
        if self._rows.pop((table, key), None) is None:
            self.delete(table, key)

    def split(self) -> tuple[list[_Put], list[_Delete]]:
        """Puts and deletes, as the store takes them."""
        puts = [(table, key, value) for (table, key), value in self._rows.items() if value is not None]
        return puts, [place for place, value in self._rows.items() if value is None]


def _add_rows(rows: _Rows, change: ImportChange) -> None:
    _add_block_rows(rows, change.block)
    for number, block_hash in change.canonical:
        key = records.number_key(number)
        if block_hash is None:
            rows.delete(records.CANONICAL, key)
        else:
            rows.put(records.CANONICAL, key, block_hash)
    for transaction_hash, place in change.transactions:
        if place is None:
            rows.delete(records.TRANSACTIONS, transaction_hash)
        else:
            rows.put(records.TRANSACTIONS, transaction_hash, records.encode_place(place))
    if change.receipts != NO_RECEIPTS:
        rows.put(records.RECEIPTS, change.block.header.hash, change.receipts)
    if change.head is not None:
        rows.put(records.META, records.HEAD, change.head)


def _state_of(change: ImportChange) -> tuple[int, bytes, bytes, native_state.StateUpdate, bool]:
    header = change.block.header
    return header.number, header.hash, header.parent_hash, native(change.state), change.head == header.hash


def _add_totals(rows: _Rows, totals: Mapping[bytes, MinerTotals]) -> None:
    for miner_id, left in totals.items():
        if left.is_empty:
            rows.delete(records.MINERS, miner_id)
        else:
            rows.put(records.MINERS, miner_id, records.encode_totals(left))


def _add_block_rows(rows: _Rows, block: StoredBlock) -> None:
    header = block.header
    block_hash = header.hash
    rows.put(records.HEADERS, block_hash, header.encode())
    named = [(ommer.included.hash, ommer.included.fork_controller) for ommer in block.ommers]
    rows.put(records.BODIES, block_hash, records.encode_body(block.transactions, named))
    for ommer in block.ommers:
        included = ommer.included
        rows.put(records.OMMERS, included.hash, included.header.encode())
        rows.put(records.SEALS, included.hash, ommer.seal.encode())
        rows.put(records.CONTEXTS, included.hash, records.encode_context(included.context))
    if block.rewards is not None:
        rows.put(records.REWARDS, block_hash, records.encode_rewards(block.rewards))
    rows.put(records.CONTEXTS, block_hash, records.encode_context(block.context))
    rows.put(records.TIPS, block_hash, records.number_key(header.number))
    rows.settle(records.TIPS, header.parent_hash)
    if block.seal is not None:
        rows.put(records.SEALS, block_hash, block.seal.encode())
    if header.number == 0:
        rows.put(records.META, records.GENESIS, block_hash)
