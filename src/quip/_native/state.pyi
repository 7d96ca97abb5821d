"""Tries and accounts over a store (crates/state)."""

from collections.abc import Sequence

from quip._native.store import Store

class StagedNodes:
    """Trie nodes that are not committed yet, seen by the calls that they are passed to."""

    def __init__(self) -> None: ...
    def put(self, nodes: Sequence[tuple[bytes, bytes]]) -> None:
        """(keccak256, RLP) of nodes that `update` gave; they are kept as long as this object."""

def account(
    store: Store, root: bytes, address: bytes, staged: StagedNodes | None = None
) -> tuple[int, int, bytes, bytes] | None:
    """(nonce, balance, storage root, code hash) of an address in a state. StoreCorrupt: a node is absent or broken."""

def update(
    store: Store,
    root: bytes,
    changes: list[tuple[bytes, int, int, bytes, bytes]],
    staged: StagedNodes | None = None,
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """New root and new nodes (keccak256, RLP), unwritten; an account without nonce, balance and code is removed."""

def credit(
    store: Store,
    root: bytes,
    payments: list[tuple[bytes, int]],
    staged: StagedNodes | None = None,
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """As `update`, with so much wei more at each address, in order; a payment of nothing touches no account."""

def check(store: Store, roots: list[bytes]) -> tuple[int, list[str]]:
    """Visits everything reachable from the state roots: (distinct nodes, what is missing or broken)."""

def trie_get(store: Store, root: bytes, key: bytes) -> bytes | None:
    """A value of a plain trie (hash the key yourself for a secure one)."""

def trie_update(
    store: Store, root: bytes, changes: list[tuple[bytes, bytes]]
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Sets keys of a plain trie in order, an empty value removes; new root and new nodes, unwritten."""

def trie_root(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Root of the plain trie of these pairs."""
