"""What a transaction says, whoever signs it."""

from dataclasses import dataclass
from typing import TypeAlias

AccessList: TypeAlias = tuple[tuple[bytes, tuple[bytes, ...]], ...]
"""(account, 20 bytes; storage keys, 32 bytes each)."""


@dataclass(frozen=True, slots=True)
class TransactionFields:
    """The fields that every kind of account signs (EIP-1559)."""

    chain_id: int
    """64 bits."""
    nonce: int
    """64 bits."""
    max_priority_fee_per_gas: int
    """Wei, 128 bits."""
    max_fee_per_gas: int
    """Wei, 128 bits."""
    gas: int
    """Gas limit, 64 bits."""
    to: bytes
    """20 bytes; empty: the data is a new contract's init code."""
    value: int
    """Wei, 256 bits."""
    data: bytes
    access_list: AccessList
