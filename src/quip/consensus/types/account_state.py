"""The state as the law sees it: accounts behind a handle that is passed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from quip.consensus.types.header import EMPTY_TRIE_ROOT

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
    storage: Mapping[bytes, bytes] = field(default_factory=dict)
    """Slot -> value, 32 bytes each; a value of zero removes the slot."""


class StateUpdate(Protocol):
    """The outcome of a change of the state, not yet written anywhere. Whoever made it can write it with its block."""

    @property
    def root(self) -> bytes:
        """32 bytes."""


class StateReader(Protocol):
    """The state at one root."""

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address, None where there is none."""

    def update(self, changes: Mapping[bytes, AccountChange]) -> StateUpdate:
        """The state with these accounts (an account without nonce, balance and code is removed). Writes nothing."""

    def credit(self, payments: Sequence[tuple[bytes, int]]) -> StateUpdate:
        """The state with so much wei more at each address, one payment after the other. Writes nothing.

        A payment of nothing touches no account (EIP-161).
        """
