"""Transactions (EIP-2718 types 0, 1, 2 and 4), read and judged natively: bytes -> what they say -> who signed them.

Type 0x51 (primitives/hybrid_transaction.py) is not among them as long as nothing executes it: it says its sender
itself, so that whatever depends on the account can be looked at before its two signatures are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from quip._native import evm

DecodedTransaction: TypeAlias = evm.Decoded
"""Well-formed; nobody has looked at its signature."""
SignedTransaction: TypeAlias = evm.Transaction
"""Well-formed and signed; its sender is known. What blocks are built of."""
TransactionRules: TypeAlias = evm.Rules

TRANSACTION_TYPES = (0, 1, 2, 4)
LEGACY_PREFIX = 0xC0
"""A legacy transaction is an RLP list; the first byte of any other is its type."""
MAX_TRANSACTION_GAS = 1 << 24
"""EIP-7825."""
MAX_INIT_CODE_BYTES = 49_152
"""EIP-3860."""
MAX_NONCE = (1 << 64) - 2
"""EIP-2681: a nonce of 2^64 - 1 could not be counted on."""


def transaction_rules(fork: str, chain_id: int) -> TransactionRules:
    """By which a network's transactions are judged. Raises ValueError: no such fork."""
    return evm.Rules(fork, chain_id)


def type_of(encoded: bytes) -> int | None:
    """A transaction's type by its first byte; None where no transaction begins so."""
    if not encoded or 0x80 <= encoded[0] < LEGACY_PREFIX:
        return None
    return 0 if encoded[0] >= LEGACY_PREFIX else encoded[0]


def decode(encoded: Sequence[bytes]) -> list[DecodedTransaction | str]:
    """Reads transactions, each by itself: it, or why the bytes are none."""
    return evm.decode(encoded)


def recover(decoded: Sequence[DecodedTransaction]) -> list[SignedTransaction | str]:
    """Recovers senders (30 us each), on all cores, each by itself: the transaction, or why nobody signed it."""
    return evm.recover_decoded(decoded)
