"""The states of a store's blocks (crates/state). Every method raises StoreError or one of its kinds."""

from collections.abc import Sequence

from quip._native.store import Store

Account = tuple[int, int, bytes, bytes]
"""(nonce, balance, storage root, code hash)"""

class StateUpdate:
    """The outcome of changes of a state. It stays native until its block is committed."""

    @property
    def root(self) -> bytes: ...
    def nodes(self) -> list[tuple[bytes, bytes]]:
        """The trie nodes that are new: (keccak256, RLP)."""

class StagedStates:
    """States on top of the head's before their commit, seen by the calls that they are passed to."""

    def keep(self, block_hash: bytes, header: bytes, update: StateUpdate) -> None:
        """A block, by its hash: RLP of its header, and what it makes of its parent's state."""

class States:
    """The states of a store; all objects of one store are the same. StateMissing: a root that is not kept."""

    def __init__(self, store: Store, flush_blocks: int, flush_bytes: int, retained: int, archive: bool) -> None:
        """Replays what is committed and not flushed. A flush comes after so many blocks, or about so many bytes.

        `retained`: how many numbers' states are kept. Only the first object of a store sets these.
        """
    def account(self, root: bytes, address: bytes, staged: StagedStates | None = None) -> Account | None: ...
    def storage(self, root: bytes, address: bytes, slot: bytes, staged: StagedStates | None = None) -> bytes:
        """A slot's 32 bytes."""
    def code(self, hash: bytes, staged: StagedStates | None = None) -> bytes: ...
    def prove(
        self, root: bytes, address: bytes, slots: Sequence[bytes]
    ) -> tuple[Account | None, list[bytes], list[tuple[bytes, list[bytes]]]]:
        """The account, RLP of the nodes on its path, and (value, nodes on its path) of every slot."""
    def update(
        self,
        root: bytes,
        changes: list[tuple[bytes, int, int, bytes, list[tuple[bytes, bytes]]]],
        codes: list[bytes],
        staged: StagedStates | None = None,
    ) -> StateUpdate:
        """The state after (address, nonce, balance, code hash, [(slot, value)]); an empty account is removed."""
    def stage(self) -> StagedStates:
        """A place for states on top of the head's."""
    def commit(
        self,
        puts: list[tuple[str, bytes, bytes]],
        deletes: list[tuple[str, bytes]],
        blocks: list[tuple[int, bytes, bytes, StateUpdate, bool]],
    ) -> None:
        """In one transaction rows as `Store.commit`, and blocks: (number, hash, parent's hash, update, is the head)."""
    def flush(self) -> None:
        """Write what waits in memory."""
    def prune(self) -> None:
        """Drop all states beyond those that are kept."""
    def rewind(self, number: int, block_hash: bytes) -> None:
        """Make a block whose state is kept the head, and drop the states of all higher numbers."""
    @property
    def head(self) -> tuple[int, bytes] | None:
        """Number and hash of the block whose state is read fastest."""
    @property
    def oldest(self) -> tuple[int, bytes] | None:
        """Number and hash of the oldest block whose state is kept."""
    def check(self) -> tuple[int, int, list[str]]:
        """Visits all that is kept: (trie nodes of the last flush, blocks whose states were made from it, faults)."""

class MemoryTrie:
    """A plain trie in memory that keeps the nodes of its last root (hash the keys yourself for a secure one)."""

    def __init__(self) -> None: ...
    def get(self, key: bytes) -> bytes | None: ...
    def update(self, changes: list[tuple[bytes, bytes]]) -> bytes:
        """Sets keys in order, an empty value removes; the new root."""
    def __len__(self) -> int:
        """How many nodes are kept."""

def trie_root(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Root of the plain trie of these pairs."""
