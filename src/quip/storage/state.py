"""The account state at one root, read from and prepared for the store's table of trie nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quip._native import state as native_state
from quip._native import store as native_store
from quip.consensus.types.account_state import Account, StateReader, StateUpdate


class StoredState:
    """A `StateReader` over the store. Raises StoreCorrupt where a node is missing or broken."""

    def __init__(self, store: native_store.Store, root: bytes, staged: native_state.StagedNodes | None = None) -> None:
        self._store = store
        self._root = root
        self._staged = staged

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address, None where there is none."""
        found = native_state.account(self._store, self._root, address, self._staged)
        return None if found is None else Account(*found)

    def update(self, changes: Mapping[bytes, Account]) -> StateUpdate:
        """The state with these accounts replaced (an empty account is removed). Writes nothing."""
        rows = [
            (address, account.nonce, account.balance, account.storage_root, account.code_hash)
            for address, account in changes.items()
        ]
        root, nodes = native_state.update(self._store, self._root, rows, self._staged)
        return StateUpdate(root, tuple(nodes))

    def credit(self, payments: Sequence[tuple[bytes, int]]) -> StateUpdate:
        """The state with so much wei more at each address, in order. Writes nothing."""
        root, nodes = native_state.credit(self._store, self._root, list(payments), self._staged)
        return StateUpdate(root, tuple(nodes))


class StagedState:
    """States on top of the stored ones, whose nodes are not written yet: a `quip.chain.ports.StateScratch`."""

    def __init__(self, store: native_store.Store) -> None:
        self._store = store
        self._nodes = native_state.StagedNodes()

    @staticmethod
    def on_nothing() -> StagedState:
        """On top of the empty state: for what is executed again from genesis, in memory."""
        return StagedState(native_store.Store.in_memory())

    def state(self, root: bytes) -> StateReader:
        """The state at a root that is stored or whose nodes were kept."""
        return StoredState(self._store, root, self._nodes)

    def keep(self, nodes: Sequence[tuple[bytes, bytes]]) -> None:
        """Remember trie nodes, (hash, RLP)."""
        self._nodes.put(nodes)
