"""The account states of a store's blocks: one at a root, and those that are not committed yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quip._native import evm as native_evm
from quip._native import state as native_state
from quip._native import store as native_store
from quip.consensus.types.account_state import Account, AccountChange, BuildLimits, StateReader, StateUpdate
from quip.consensus.types.header import Header
from quip.primitives.hashes import keccak256

FLUSH_BLOCKS = 64
"""Numbers between two flushes of trie nodes and flat state: a start replays at most so many."""
FLUSH_BYTES = 128 << 20
"""Bytes of memory that wait for a flush, about: only full blocks reach it, some forty of them."""
RETAINED = 1_024
"""Numbers whose states are kept, the head's included: proofs and calls reach so far back."""


@dataclass(frozen=True, slots=True)
class StateLimits:
    """How much waits for a flush, and how many states are kept. The first who opens a store's states sets them."""

    flush_blocks: int = FLUSH_BLOCKS
    flush_bytes: int = FLUSH_BYTES
    retained: int = RETAINED
    archive: bool = False
    """Every block's trie nodes are kept, too, and no state is ever missing. From the first block on or never."""

    def open(self, store: native_store.Store) -> native_state.States:
        """The states in a store. Raises StoreCorrupt where what is not flushed cannot be replayed."""
        return native_state.States(store, self.flush_blocks, self.flush_bytes, self.retained, self.archive)


DEFAULT_LIMITS = StateLimits()
ARCHIVE = StateLimits(archive=True)


@dataclass(frozen=True, slots=True)
class Proof:
    """That an account and slots are what they are, or not there (EIP-1186)."""

    account: Account | None
    nodes: list[bytes]
    """RLP of the nodes on the account's path, the root first."""
    slots: list[tuple[bytes, list[bytes]]]
    """The value of every slot that was asked for, 32 bytes, and the nodes on its path."""


class StoredState:
    """A `StateReader` over a store. Raises StateMissing for a root that is not kept, StoreCorrupt for damage."""

    def __init__(
        self, states: native_state.States, root: bytes, staged: native_state.StagedStates | None = None
    ) -> None:
        self._states = states
        self._root = root
        self._staged = staged

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address, None where there is none."""
        found = self._states.account(self._root, address, self._staged)
        return None if found is None else Account(*found)

    def storage(self, address: bytes, slot: bytes) -> bytes:
        """The 32 bytes in a slot (32 bytes), zero where there are none."""
        return self._states.storage(self._root, address, slot, self._staged)

    def code(self, code_hash: bytes) -> bytes:
        """The code of an account's code hash."""
        return self._states.code(code_hash, self._staged)

    def prove(self, address: bytes, slots: Sequence[bytes]) -> Proof:
        """The account and some slots, with proofs; not of a staged state."""
        account, nodes, values = self._states.prove(self._root, address, slots)
        return Proof(None if account is None else Account(*account), nodes, values)

    def update(self, changes: Mapping[bytes, AccountChange]) -> native_state.StateUpdate:
        """The state with these accounts (an account without nonce, balance and code is removed). Writes nothing."""
        rows = [
            (address, one.nonce, one.balance, keccak256(one.code), list(one.storage.items()))
            for address, one in changes.items()
        ]
        codes = [one.code for one in changes.values() if one.code]
        return self._states.update(self._root, rows, codes, self._staged)

    def execute(self, block: native_evm.Block, transactions: Sequence[native_evm.Transaction]) -> native_evm.Executed:
        """What a block does to this state, that of its parent. Writes nothing. Raises evm.InvalidTransaction."""
        return native_evm.verify(self.native, block, transactions)

    def build(
        self, block: native_evm.Block, candidates: Sequence[native_evm.Transaction], limits: BuildLimits
    ) -> tuple[native_evm.Executed, list[int], bytes, list[tuple[int, str]]]:
        """A block of those candidates that are lawful, in order. Writes nothing. Raises evm.Cancelled."""
        return native_evm.build(self.native, block, candidates, limits.size, limits.milliseconds, limits.cancel)

    @property
    def native(self) -> native_evm.Parent:
        """As native code runs calls on it."""
        return native_evm.Parent(self._states, self._root, self._staged)


class StagedState:
    """States on top of the head's that are not committed yet: a `quip.chain.ports.StateScratch`."""

    def __init__(self, states: native_state.States) -> None:
        self._states = states
        self._staged = states.stage()

    @staticmethod
    def on_nothing() -> StagedState:
        """On top of the empty state: for what is executed again from genesis, in memory."""
        return StagedState(DEFAULT_LIMITS.open(native_store.Store.in_memory()))

    def state(self, root: bytes) -> StateReader:
        """The state at a root that is stored or was kept."""
        return StoredState(self._states, root, self._staged)

    def keep(self, header: Header, update: StateUpdate) -> None:
        """Remember a block's header, and the state that it makes of one of these."""
        self._staged.keep(header.hash, header.encode(), native(update))


def native(update: StateUpdate) -> native_state.StateUpdate:
    """An update as this package made it. Raises TypeError for one from elsewhere, which no store can write."""
    if not isinstance(update, native_state.StateUpdate):
        raise TypeError(f"{type(update).__name__} is no update of a stored state")
    return update
