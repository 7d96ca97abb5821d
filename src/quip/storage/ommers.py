"""The ommers of stored blocks: header, context and seal by their own hash, once, whoever shows them."""

from __future__ import annotations

from collections.abc import Sequence

from quip._native import store as native_store
from quip.chain.ports import StoredOmmer
from quip.consensus.types.ancestry import IncludedOmmer
from quip.consensus.types.header import Header
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.primitives import rlp
from quip.storage import records
from quip.storage.errors import corrupt

Named = Sequence[tuple[bytes, int]]
"""As a body names its ommers: hash and c(k + 1)."""


class StoredOmmers:
    """Implements `quip.chain.ports.OmmerReads`. Every method raises StoreCorrupt where a row is missing or broken."""

    def __init__(self, store: native_store.Store) -> None:
        self._store = store

    def of(self, block_hash: bytes) -> tuple[IncludedOmmer, ...]:
        """Those that a stored block includes."""
        _, named = records.decode_body(block_hash, self._row(records.BODIES, block_hash))
        return tuple(self._included(*one) for one in named)

    def get(self, block_hash: bytes) -> Ommer | None:
        """A stored block, or a stored block's ommer, as another block may show it."""
        header = self.header(block_hash)
        if header is None:
            return None
        return Ommer(header, self._seal(block_hash) if header.number else None)

    def header(self, block_hash: bytes) -> Header | None:
        """Only its header, be it a block or only an ommer of one."""
        for table in (records.HEADERS, records.OMMERS):
            data = self._store.get(table, block_hash)
            if data is not None:
                return records.decode_header(block_hash, data, table)
        return None

    def whole(self, named: Named) -> tuple[StoredOmmer, ...]:
        """Those that a body names, with their seals."""
        return tuple(StoredOmmer(self._included(*one), self._seal(one[0])) for one in named)

    def encoded(self, named: Named) -> bytes:
        """Those that a body names, as they travel."""
        pairs = [rlp.list_of([self._row(records.OMMERS, ommer), self._row(records.SEALS, ommer)]) for ommer, _ in named]
        return rlp.list_of(pairs)

    def _included(self, block_hash: bytes, fork_controller: int) -> IncludedOmmer:
        header = records.decode_header(block_hash, self._row(records.OMMERS, block_hash), records.OMMERS)
        context = records.decode_context(block_hash, self._row(records.CONTEXTS, block_hash))
        return IncludedOmmer(block_hash, header, context, fork_controller)

    def _seal(self, block_hash: bytes) -> Seal:
        return records.decode_seal(block_hash, self._row(records.SEALS, block_hash))

    def _row(self, table: str, key: bytes) -> bytes:
        data = self._store.get(table, key)
        if data is None:
            raise corrupt(table, key, "the row is missing")
        return data
