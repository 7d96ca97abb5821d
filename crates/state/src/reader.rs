//! What execution reads of a state, and what it hands back: the seam between the state and whoever runs blocks on it.
use std::collections::BTreeMap;

use alloy_primitives::{Address, Bytes, B256, U256};
use quip_store::StoreError;

use crate::accounts::Account;
use crate::update::StateUpdate;

/// The state after one block: the head's, or any other that is retained. Every method: Corrupt for damage.
pub trait StateReader {
    /// The account at an address, None where there is none. `storage_root` is that of the block's start.
    fn account(&self, address: Address) -> Result<Option<Account>, StoreError>;

    /// The value of a storage slot; zero where there is none.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StoreError>;

    /// The code of a hash that some account of this state has; empty for keccak256 of nothing. Corrupt: unknown.
    fn code(&self, hash: B256) -> Result<Bytes, StoreError>;
}

/// A state that can be built on. Nothing is written: a block's update is written with the block.
pub trait State: StateReader {
    /// The root of the trie of accounts.
    fn root(&self) -> B256;

    /// The state after these changes. The cost follows the number of changes.
    fn update(&self, changes: &StateChanges) -> Result<StateUpdate, StoreError>;
}

/// What an account is after a block, without its storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountValue {
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    /// keccak256 of its code. New code is in `StateChanges::codes`.
    pub code_hash: B256,
}

/// What a block did to one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// What it is now; None: it is gone, with all its storage. An empty one (EIP-161) is gone as well.
    pub value: Option<AccountValue>,
    /// Slot -> its value after the block; zero removes it. Slots that did not change may be left out.
    pub storage: BTreeMap<U256, U256>,
    /// The account was removed and made again: storage from before the block goes, then `storage` is set.
    pub wiped: bool,
}

/// Everything a block did to the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateChanges {
    pub accounts: BTreeMap<Address, AccountChange>,
    /// keccak256 -> code that was deployed. What is there already may be left out.
    pub codes: BTreeMap<B256, Bytes>,
}
