//! What somebody asks: a call that nobody signed, and what else of the world shall be otherwise for it.
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use alloy_eips::eip2930::AccessList;
use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{Address, Bytes, B256, U256};
use revm::context::either::Either;
use revm::context::TxEnv;
use revm::primitives::TxKind;

use crate::environment::BlockEnvironment;
use crate::sender::{authority, recovered};

/// A transaction as its sender would wish it, unsigned. Its nonce is always the account's.
#[derive(Clone, Debug, Default)]
pub struct Call {
    pub from: Address,
    /// None: it creates a contract.
    pub to: Option<Address>,
    /// None: as much as is allowed.
    pub gas: Option<u64>,
    /// Wei per gas; 0 asks for no fee at all, and then the base fee is 0, too.
    pub max_fee: u128,
    /// Wei per gas for the beneficiary; a gas price is both.
    pub tip: u128,
    pub value: U256,
    pub data: Bytes,
    pub access_list: AccessList,
    /// EIP-7702; None: no transaction of that type.
    pub authorizations: Option<Vec<SignedAuthorization>>,
}

impl Call {
    /// As revm runs it, with so much gas.
    pub(super) fn tx_env(&self, gas_limit: u64, chain_id: u64) -> TxEnv {
        let authorizations = self.authorizations.iter().flatten();
        TxEnv {
            tx_type: if self.authorizations.is_some() { 4 } else { 2 },
            caller: self.from,
            gas_limit,
            gas_price: self.max_fee,
            gas_priority_fee: Some(self.tip),
            kind: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            data: self.data.clone(),
            nonce: 0, // not checked: calls run with whatever the account has
            chain_id: Some(chain_id),
            access_list: self.access_list.clone(),
            authorization_list: authorizations
                .map(|signed| Either::Right(recovered(signed, authority(signed))))
                .collect(),
            ..TxEnv::default()
        }
    }
}

/// How one account's storage differs.
#[derive(Clone, Debug)]
pub enum StorageOverride {
    /// It has these slots and no other.
    Whole(BTreeMap<U256, U256>),
    /// These slots have these values.
    Part(BTreeMap<U256, U256>),
}

/// How one account differs from what it is; None: as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountOverride {
    pub balance: Option<U256>,
    pub nonce: Option<u64>,
    pub code: Option<Bytes>,
    pub storage: Option<StorageOverride>,
}

/// How the block differs from what it is; None: as it is.
#[derive(Clone, Debug, Default)]
pub struct BlockOverride {
    pub number: Option<u64>,
    pub timestamp: Option<u64>,
    pub gas_limit: Option<u64>,
    pub beneficiary: Option<Address>,
    pub randomness: Option<B256>,
    pub base_fee: Option<u64>,
}

impl BlockOverride {
    pub(super) fn apply(&self, block: &BlockEnvironment) -> BlockEnvironment {
        BlockEnvironment {
            number: self.number.unwrap_or(block.number),
            parent_hash: block.parent_hash,
            beneficiary: self.beneficiary.unwrap_or(block.beneficiary),
            timestamp: self.timestamp.unwrap_or(block.timestamp),
            gas_limit: self.gas_limit.unwrap_or(block.gas_limit),
            base_fee: self.base_fee.unwrap_or(block.base_fee),
            randomness: self.randomness.unwrap_or(block.randomness),
        }
    }
}

/// Everything that is otherwise than on the chain.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    pub accounts: BTreeMap<Address, AccountOverride>,
    pub block: BlockOverride,
}

/// How much a question may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// No call gets more.
    pub gas: u64,
    pub deadline: Instant,
    /// Set by whoever no longer wants the answer.
    pub cancelled: &'a AtomicBool,
}
