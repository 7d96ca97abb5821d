//! Gas limit and base fee from block to block: the twin of `quip.consensus.execution.gas`.
use alloy_primitives::ruint::UintTryFrom;
use alloy_primitives::{Uint, U256};

use crate::header::Header;

const ELASTICITY: u64 = 2;
const BASE_FEE_MAX_CHANGE_DENOMINATOR: u64 = 8;
const GAS_LIMIT_BOUND_DIVISOR: u64 = 1_024;

/// A base fee of 256 bits times gas of 64.
type Wide = Uint<320, 5>;

/// Wei per gas that a child of a block with these numbers must state (EIP-1559). None: more than 256 bits, or a parent
/// without gas.
pub fn next_base_fee(gas_limit: u64, gas_used: u64, base_fee: U256) -> Option<U256> {
    let target = gas_limit / ELASTICITY;
    if gas_used == target {
        return Some(base_fee);
    }
    if target == 0 {
        return None;
    }
    let product = Wide::from(base_fee) * Wide::from(gas_used.abs_diff(target));
    let change = product / Wide::from(target) / Wide::from(BASE_FEE_MAX_CHANGE_DENOMINATOR);
    let change = U256::uint_try_from(change).ok()?;
    if gas_used > target {
        return base_fee.checked_add(change.max(U256::ONE));
    }
    base_fee.checked_sub(change)
}

/// Whether the header's gas fields follow from its parent's, within the spec's `bounds`.
pub fn is_lawful(bounds: (u64, u64), parent: &Header<'_>, header: &Header<'_>) -> bool {
    let (low, high) = bounds;
    (low..=high).contains(&header.gas_limit)
        && header.gas_limit.abs_diff(parent.gas_limit) < parent.gas_limit / GAS_LIMIT_BOUND_DIVISOR
        && header.gas_used <= header.gas_limit
        && next_base_fee(parent.gas_limit, parent.gas_used, parent.base_fee)
            == Some(header.base_fee)
}
