"""Gas limit and base fee from block to block: EIP-1559 and the limit's step of less than 1/1024."""

from __future__ import annotations

from quip.consensus.types.header import Header

ELASTICITY = 2
"""A block may use this many times its gas target (EIP-1559)."""
BASE_FEE_MAX_CHANGE_DENOMINATOR = 8
"""The base fee moves by at most an eighth (EIP-1559)."""
MIN_TRANSACTION_GAS = 21_000
"""No transaction uses less (Yellow Paper, appendix G: G_transaction)."""
GAS_LIMIT_BOUND_DIVISOR = 1_024
"""The limit moves by less than parent / 1024 (Yellow Paper, eq. 55)."""


def gas_limit_step(parent_gas_limit: int) -> int:
    """The distance from the parent's limit that a child's limit must stay below."""
    return parent_gas_limit // GAS_LIMIT_BOUND_DIVISOR


def next_base_fee(parent: Header) -> int:
    """Wei per gas that a child of `parent` must state (EIP-1559)."""
    target = parent.gas_limit // ELASTICITY
    base_fee = parent.base_fee_per_gas
    if parent.gas_used == target:
        return base_fee
    change = base_fee * abs(parent.gas_used - target) // target // BASE_FEE_MAX_CHANGE_DENOMINATOR
    if parent.gas_used > target:
        return base_fee + max(change, 1)
    return base_fee - change
