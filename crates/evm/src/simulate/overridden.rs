//! The world as a question wants it: a state with some accounts changed, and ancestors that bear any block number.
use std::collections::HashMap;

use alloy_primitives::{keccak256, Address, Bytes, B256, KECCAK256_EMPTY, U256};
use quip_state::{Account, StateReader, EMPTY_ROOT};
use quip_store::StoreError;

use super::request::{AccountOverride, Overrides, StorageOverride};
use crate::ancestors::{Ancestors, ANCESTORS};

/// A state under overrides.
pub struct OverriddenState<'a> {
    below: &'a dyn StateReader,
    overrides: &'a Overrides,
    codes: HashMap<B256, Bytes>,
}

impl<'a> OverriddenState<'a> {
    pub fn new(below: &'a dyn StateReader, overrides: &'a Overrides) -> Self {
        let codes = overrides.accounts.values();
        let codes = codes.filter_map(|one| one.code.clone());
        Self {
            below,
            overrides,
            codes: codes.map(|code| (keccak256(&code), code)).collect(),
        }
    }

    fn of(&self, address: Address) -> Option<&AccountOverride> {
        self.overrides.accounts.get(&address)
    }
}

impl StateReader for OverriddenState<'_> {
    fn account(&self, address: Address) -> Result<Option<Account>, StoreError> {
        let there = self.below.account(address)?;
        let Some(change) = self.of(address) else {
            return Ok(there);
        };
        let there = there.unwrap_or(Account {
            nonce: 0,
            balance: U256::ZERO,
            storage_root: EMPTY_ROOT,
            code_hash: KECCAK256_EMPTY,
        });
        Ok(Some(Account {
            nonce: change.nonce.unwrap_or(there.nonce),
            balance: change.balance.unwrap_or(there.balance),
            code_hash: change.code.as_ref().map_or(there.code_hash, keccak256),
            ..there
        }))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        let change = self.of(address).and_then(|one| one.storage.as_ref());
        match change {
            Some(StorageOverride::Whole(slots)) => {
                Ok(slots.get(&slot).copied().unwrap_or_default())
            }
            Some(StorageOverride::Part(slots)) if slots.contains_key(&slot) => Ok(slots[&slot]),
            Some(StorageOverride::Part(_)) | None => self.below.storage(address, slot),
        }
    }

    fn code(&self, hash: B256) -> Result<Bytes, StoreError> {
        match self.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => self.below.code(hash),
        }
    }
}

/// The ancestors of a block whose number may be overridden: numbers that are none of theirs have no hash, instead of
/// being damage.
pub struct KnownAncestors<'a> {
    pub below: &'a dyn Ancestors,
    /// The block's own number.
    pub number: u64,
}

impl KnownAncestors<'_> {
    fn has(&self, number: u64) -> bool {
        number < self.number && self.number - number <= ANCESTORS
    }
}

impl Ancestors for KnownAncestors<'_> {
    fn hash(&self, number: u64) -> Result<B256, StoreError> {
        if self.has(number) {
            self.below.hash(number)
        } else {
            Ok(B256::ZERO)
        }
    }

    fn header(&self, number: u64) -> Result<Option<Bytes>, StoreError> {
        if self.has(number) {
            self.below.header(number)
        } else {
            Ok(None)
        }
    }
}
