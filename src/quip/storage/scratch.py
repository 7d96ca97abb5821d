"""A state that lives in memory only: what re-verification builds from genesis."""

from __future__ import annotations

from collections.abc import Sequence

from quip._native import store
from quip.consensus.types.account_state import StateReader
from quip.storage import records
from quip.storage.state import StoredState


class ScratchState:
    """Trie nodes in memory, and the states that they make."""

    def __init__(self) -> None:
        self._store = store.Store.in_memory()

    def state(self, root: bytes) -> StateReader:
        """The state at the empty root, or at one whose nodes were kept."""
        return StoredState(self._store, root)

    def keep(self, nodes: Sequence[tuple[bytes, bytes]]) -> None:
        """Remember trie nodes, (hash, RLP)."""
        self._store.commit([(records.NODES, node_hash, node) for node_hash, node in nodes], [])
