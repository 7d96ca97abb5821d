"""Reading blocks, what derives from them, and the indexes: `quip.chain.ports.BlockReads` but for the states."""

from __future__ import annotations

from quip._native import store as native_store
from quip.chain.ports import NO_RECEIPTS, MinerTotals, Part, StoredBlock, TransactionPlace
from quip.consensus.execution.rewards import Rewards
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.primitives import rlp
from quip.storage import records
from quip.storage.errors import corrupt
from quip.storage.ommers import StoredOmmers

_PARTS = {Part.HEADER: records.HEADERS, Part.BODY: records.BODIES, Part.SEAL: records.SEALS}
_PAGE = 1_000
"""Rows read at once from tables that may be long."""


def all_rows(store: native_store.Store, table: str) -> list[tuple[bytes, bytes]]:
    """Every row of a table, ascending by key, read in pages. Raises StoreCorrupt."""
    rows: list[tuple[bytes, bytes]] = []
    start = b""
    while page := store.scan(table, start, None, _PAGE):
        rows.extend(page)
        start = page[-1][0] + b"\0"
    return rows


class StoredBlocks:
    """The blocks of a store. Any thread may read."""

    def __init__(self, store: native_store.Store) -> None:
        self._store = store

    def block(self, block_hash: bytes) -> StoredBlock | None:
        """The whole block, side branches included. Raises StoreCorrupt if only parts of it are there."""
        header = self.header(block_hash)
        if header is None:
            return None
        context = self.context(block_hash)
        body = self._store.get(records.BODIES, block_hash)
        seal = self._store.get(records.SEALS, block_hash)
        if context is None or body is None or (seal is None and header.number > 0):
            raise corrupt(records.HEADERS, block_hash, "the block's body, seal or context is missing")
        transactions, named = records.decode_body(block_hash, body)
        return StoredBlock(
            header,
            transactions,
            None if seal is None else records.decode_seal(block_hash, seal),
            context,
            self.ommers.whole(named),
            self.rewards(block_hash),
        )

    def header(self, block_hash: bytes) -> Header | None:
        """Only its header."""
        data = self._store.get(records.HEADERS, block_hash)
        return None if data is None else records.decode_header(block_hash, data)

    def context(self, block_hash: bytes) -> BlockContext | None:
        """Only its context."""
        data = self._store.get(records.CONTEXTS, block_hash)
        return None if data is None else records.decode_context(block_hash, data)

    def encoded(self, part: Part, block_hash: bytes) -> bytes | None:
        """The RLP of a part of a block."""
        if part is Part.RECEIPTS:
            return self._receipts(block_hash)
        data = self._store.get(_PARTS[part], block_hash)
        if part is not Part.BODY or data in (None, records.EMPTY_BODY):
            return data
        transactions, named = records.decode_body(block_hash, data)
        return rlp.list_of([rlp.encode(transactions), self.ommers.encoded(named)])

    def _receipts(self, block_hash: bytes) -> bytes | None:
        data = self._store.get(records.RECEIPTS, block_hash)
        return NO_RECEIPTS if data is None and self._store.get(records.HEADERS, block_hash) is not None else data

    @property
    def ommers(self) -> StoredOmmers:
        """The ommers of stored blocks."""
        return StoredOmmers(self._store)

    def rewards(self, block_hash: bytes) -> Rewards | None:
        """What a stored block paid; None where the spec has no ommers."""
        data = self._store.get(records.REWARDS, block_hash)
        return None if data is None else records.decode_rewards(block_hash, data)

    def canonical(self, number: int) -> bytes | None:
        """Hash of the canonical block of that number."""
        return self._store.get(records.CANONICAL, records.number_key(number))

    def transaction(self, transaction_hash: bytes) -> TransactionPlace | None:
        """Where a transaction is on the canonical chain; None: nowhere."""
        data = self._store.get(records.TRANSACTIONS, transaction_hash)
        return None if data is None else records.decode_place(transaction_hash, data)

    def miner(self, miner_id: bytes) -> MinerTotals | None:
        """The totals of one miner id."""
        data = self._store.get(records.MINERS, miner_id)
        return None if data is None else records.decode_totals(miner_id, data)
