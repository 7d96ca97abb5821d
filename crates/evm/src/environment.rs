//! The rules of a chain, and what a block tells its transactions.
use std::str::FromStr;

use alloy_primitives::{Address, B256, U256};
use revm::context::BlockEnv;
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::primitives::hardfork::SpecId;

use crate::error::ExecutionError;

/// Bytes of the RLP of header, transactions and ommers' headers: EIP-7934's 10 MiB less its 2 MiB margin.
pub const MAX_BODY_BYTES: usize = 8 << 20;
/// The base fee moves by at most an eighth (EIP-1559).
const BASE_FEE_MAX_CHANGE_DENOMINATOR: u128 = 8;
/// Wei per blob gas: there are no blobs, so it never leaves its minimum (EIP-4844).
const BLOB_BASE_FEE: u128 = 1;

/// A hard fork of Ethereum whose rules for transactions hold, by its name in lower case (`evm_fork` of a chain spec).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    Shanghai,
    Cancun,
    Prague,
    Osaka,
}

impl Fork {
    /// Named one by one: revm's default moves with its releases.
    fn spec_id(self) -> SpecId {
        match self {
            Self::Shanghai => SpecId::SHANGHAI,
            Self::Cancun => SpecId::CANCUN,
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
        }
    }
}

impl FromStr for Fork {
    type Err = ExecutionError;

    fn from_str(name: &str) -> Result<Self, ExecutionError> {
        match name {
            "shanghai" => Ok(Self::Shanghai),
            "cancun" => Ok(Self::Cancun),
            "prague" => Ok(Self::Prague),
            "osaka" => Ok(Self::Osaka),
            other => Err(ExecutionError::Environment(format!(
                "evm fork {other:?}: want shanghai, cancun, prague or osaka"
            ))),
        }
    }
}

/// What is the same for every block of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub fork: Fork,
    pub chain_id: u64,
}

impl Rules {
    pub(crate) fn spec_id(&self) -> SpecId {
        self.fork.spec_id()
    }
}

/// What a block tells its transactions: fields of its header, and its parent's hash.
#[derive(Clone, Debug)]
pub struct BlockEnvironment {
    pub number: u64,
    pub parent_hash: B256,
    /// Gets the priority fees.
    pub beneficiary: Address,
    /// Unix seconds.
    pub timestamp: u64,
    pub gas_limit: u64,
    /// Wei per gas that is burned (EIP-1559).
    pub base_fee: u64,
    /// What PREVRANDAO gives (EIP-4399).
    pub randomness: B256,
}

impl BlockEnvironment {
    pub(crate) fn block_env(&self) -> BlockEnv {
        BlockEnv {
            number: U256::from(self.number),
            beneficiary: self.beneficiary,
            timestamp: U256::from(self.timestamp),
            gas_limit: self.gas_limit,
            basefee: self.base_fee,
            difficulty: U256::ZERO, // since the merge the opcode gives PREVRANDAO
            prevrandao: Some(self.randomness),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
                excess_blob_gas: 0,
                blob_gasprice: BLOB_BASE_FEE,
            }),
            slot_num: 0,
        }
    }
}

/// Wei per gas of the block after one with these values (EIP-1559). u64::MAX is never left upwards.
pub fn next_base_fee(gas_limit: u64, gas_used: u64, base_fee: u64) -> u64 {
    let target = gas_limit / 2;
    if gas_used == target || target == 0 {
        return base_fee;
    }
    let fee = u128::from(base_fee);
    let change = fee * u128::from(gas_used.abs_diff(target))
        / u128::from(target)
        / BASE_FEE_MAX_CHANGE_DENOMINATOR;
    let next = if gas_used > target {
        fee + change.max(1)
    } else {
        fee - change
    };
    u64::try_from(next).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_fees_are_those_of_eip_1559() {
        // The three cases of go-ethereum's TestCalcBaseFee.
        for (used, next) in [
            (10_000_000, 1_000_000_000),
            (9_000_000, 987_500_000),
            (11_000_000, 1_012_500_000),
        ] {
            assert_eq!(next_base_fee(20_000_000, used, 1_000_000_000), next);
        }
        assert_eq!(
            next_base_fee(20_000_000, 20_000_000, 1),
            2,
            "up by one at least"
        );
        assert_eq!(
            next_base_fee(20_000_000, 0, 7),
            7,
            "an eighth of 7 is nothing"
        );
        assert_eq!(next_base_fee(20_000_000, 20_000_000, u64::MAX), u64::MAX);
    }

    #[test]
    fn forks_go_by_name_and_no_other() {
        assert_eq!(
            "osaka".parse::<Fork>().expect("known").spec_id(),
            SpecId::OSAKA
        );
        assert!("amsterdam".parse::<Fork>().is_err());
        assert!("Osaka".parse::<Fork>().is_err());
    }
}
