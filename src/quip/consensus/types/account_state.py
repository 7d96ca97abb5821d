"""The state as the law sees it: accounts behind a handle that is passed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from quip._native import evm
from quip._native.ising import CancelFlag
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.consensus.types.transaction import SignedTransaction

EMPTY_CODE_HASH = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
"""keccak256 of no code."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the state trie."""

    nonce: int = 0
    """Number of transactions sent (contracts: of contracts created, plus one)."""
    balance: int = 0
    """Wei."""
    storage_root: bytes = EMPTY_TRIE_ROOT
    """Root of the account's storage trie, 32 bytes."""
    code_hash: bytes = EMPTY_CODE_HASH
    """keccak256 of the account's code, 32 bytes."""

    @property
    def is_empty(self) -> bool:
        """True for an account that EIP-161 removes from the state."""
        return self == Account(storage_root=self.storage_root)


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What an account is from now on. Slots that are not named keep their values."""

    nonce: int = 0
    balance: int = 0
    code: bytes = b""
    storage: Mapping[bytes, bytes] = field(default_factory=dict, hash=False)
    """Slot -> value, 32 bytes each; a value of zero removes the slot."""


@dataclass(frozen=True, slots=True)
class BuildLimits:
    """When a builder of blocks stops. What it has by then is a block."""

    size: int
    """Bytes of RLP that the transactions may have."""
    milliseconds: int
    cancel: CancelFlag | None = None
    """Raised by whoever no longer wants the block."""


class StateUpdate(Protocol):
    """The outcome of a change of the state, not yet written anywhere. Whoever made it can write it with its block."""

    @property
    def root(self) -> bytes:
        """32 bytes."""


class StateReader(Protocol):
    """The state at one root."""

    @property
    def native(self) -> evm.Parent:
        """As native code runs calls on it."""

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address, None where there is none."""

    def storage(self, address: bytes, slot: bytes) -> bytes:
        """The 32 bytes in a slot (32 bytes), zero where there are none."""

    def code(self, code_hash: bytes) -> bytes:
        """The code of an account's code hash."""

    def update(self, changes: Mapping[bytes, AccountChange]) -> StateUpdate:
        """The state with these accounts (an account without nonce, balance and code is removed). Writes nothing."""

    def execute(self, block: evm.Block, transactions: Sequence[SignedTransaction]) -> evm.Executed:
        """What a block does to this state, that of its parent. Writes nothing.

        Raises evm.InvalidTransaction.
        """

    def build(
        self, block: evm.Block, candidates: Sequence[SignedTransaction], limits: BuildLimits
    ) -> tuple[evm.Executed, list[int], bytes, list[tuple[int, str]]]:
        """A block of those candidates that are lawful, in order: outcome, places of those in it, transactions root, and
        (place, reason) of those refused. Writes nothing. Raises evm.Cancelled.
        """
