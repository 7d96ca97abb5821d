"""What the pool needs of the chain: accounts at the head, and what a new head changed.

    Pool(rules, state: HeadState)            pool.head_changed(HeadChange(state, disconnected, connected, touched))

Senders, base fee and gas limit are all that is asked; whoever owns the chain reads them from its head.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from quip.consensus.execution.gas import next_base_fee
from quip.consensus.types.account_state import EMPTY_CODE_HASH, Account
from quip.consensus.types.header import Header

_DELEGATION = b"\xef\x01\x00"
_DELEGATION_BYTES = 23


class AccountCode(Enum):
    """What code a sender has."""

    NONE = "none"
    DELEGATION = "delegation"
    """To another account's code (EIP-7702), which can move its funds at any time."""
    CONTRACT = "contract"
    """It can sign nothing (EIP-3607)."""

    @staticmethod
    def of(code: bytes) -> AccountCode:
        """What an account's code is."""
        if not code:
            return AccountCode.NONE
        delegates = len(code) == _DELEGATION_BYTES and code.startswith(_DELEGATION)
        return AccountCode.DELEGATION if delegates else AccountCode.CONTRACT


@dataclass(frozen=True, slots=True)
class SenderState:
    """A sender at the head."""

    nonce: int = 0
    """Of its next transaction."""
    balance: int = 0
    """Wei."""
    code: AccountCode = AccountCode.NONE


class HeadState(Protocol):
    """The chain at one head, for the block after it. Asked by one thread at a time."""

    @property
    def base_fee(self) -> int:
        """Wei a gas, of the next block."""

    @property
    def gas_limit(self) -> int:
        """Of the head."""

    def sender(self, address: bytes) -> SenderState:
        """The account at a 20-byte address; one that is not there has nothing."""


@dataclass(frozen=True, slots=True)
class HeadView:
    """A HeadState over the accounts of one block's state."""

    header: Header
    """The head's."""
    account: Callable[[bytes], Account | None]
    """By address."""
    code: Callable[[bytes], bytes]
    """By code hash; asked only where an account has code."""

    @property
    def base_fee(self) -> int:
        """Wei a gas, of the next block."""
        return next_base_fee(self.header)

    @property
    def gas_limit(self) -> int:
        """Of the head."""
        return self.header.gas_limit

    def sender(self, address: bytes) -> SenderState:
        """The account at a 20-byte address."""
        account = self.account(address)
        if account is None:
            return SenderState()
        code = b"" if account.code_hash == EMPTY_CODE_HASH else self.code(account.code_hash)
        return SenderState(account.nonce, account.balance, AccountCode.of(code))


Transactions = Sequence[bytes]
"""Of one block: EIP-2718 encodings."""


@dataclass(frozen=True, slots=True)
class HeadChange:
    """From one head to another."""

    state: HeadState
    """At the new head."""
    connected: Sequence[Transactions]
    """Of the blocks that joined the canonical chain."""
    disconnected: Sequence[Transactions] = ()
    """Of the blocks that left it."""
    touched: Collection[bytes] = ()
    """Addresses whose nonce, balance or code changed otherwise than by transactions of theirs, as far as is known."""
