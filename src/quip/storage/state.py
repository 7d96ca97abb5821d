"""The account state at one root, read from and prepared for the store's table of trie nodes."""

from __future__ import annotations

from collections.abc import Mapping

from quip import _native
from quip.consensus.state import Account, StateUpdate


class StoredState:
    """A `StateReader` over the store. Raises StoreCorrupt where a node is missing or broken."""

    def __init__(self, store: _native.Store, root: bytes) -> None:
        self._store = store
        self._root = root

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address, None where there is none."""
        found = _native.state_account(self._store, self._root, address)
        return None if found is None else Account(*found)

    def update(self, changes: Mapping[bytes, Account]) -> StateUpdate:
        """The state with these accounts replaced (an empty account is removed). Writes nothing."""
        rows = [
            (address, account.nonce, account.balance, account.storage_root, account.code_hash)
            for address, account in changes.items()
        ]
        root, nodes = _native.state_update(self._store, self._root, rows)
        return StateUpdate(root, tuple(nodes))
