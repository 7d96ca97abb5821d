//! revm's reads over a state's reader.
use std::fmt;

use alloy_primitives::{Address, B256, U256};
use quip_state::StateReader;
use quip_store::StoreError;
use revm::bytecode::Bytecode;
use revm::database_interface::{DBErrorMarker, Database, DatabaseRef};
use revm::state::AccountInfo;

use crate::ancestors::Ancestors;

/// The store's error, as revm wants one.
#[derive(Debug)]
pub struct ReadError(pub StoreError);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ReadError {}
impl DBErrorMarker for ReadError {}

/// The state before the block. What its transactions change lies above it, in revm's own `State`.
pub struct StateDatabase<'a> {
    pub state: &'a dyn StateReader,
    pub ancestors: &'a dyn Ancestors,
}

impl DatabaseRef for StateDatabase<'_> {
    type Error = ReadError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        let account = self.state.account(address).map_err(ReadError)?;
        Ok(account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            // Asked for by its hash when it runs. (The default is "no code", and every contract would succeed as that.)
            code: None,
        }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, ReadError> {
        let code = self.state.code(hash).map_err(ReadError)?;
        // Only 23 bytes with the right head are a delegation (EIP-7702); whatever else an alloc holds is code.
        Ok(Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code)))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, ReadError> {
        self.state.storage(address, slot).map_err(ReadError)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ReadError> {
        self.ancestors.hash(number).map_err(ReadError)
    }
}

impl Database for StateDatabase<'_> {
    type Error = ReadError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        self.basic_ref(address)
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadError> {
        self.code_by_hash_ref(hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadError> {
        self.storage_ref(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ReadError> {
        self.block_hash_ref(number)
    }
}
