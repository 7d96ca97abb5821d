"""A signed transaction: bytes, decoded and with its sender, held natively from the pool to the block.

Types 0, 1, 2 and 4 (EIP-2718, 2930, 1559, 7702).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from quip._native import evm

SignedTransaction: TypeAlias = evm.Transaction
"""`hash`, `sender`, `encoded` (EIP-2718), `kind`."""


def recover(encoded: Sequence[bytes]) -> list[SignedTransaction | str]:
    """Decode transactions and recover who signed them, on all cores: each, or why it is none."""
    return evm.recover(encoded) if encoded else []
