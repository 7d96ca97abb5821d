//! A state by its root, read from the trie: accounts, storage, code, and what changes make of it.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::{keccak256, Address, Bytes, B256, KECCAK256_EMPTY, U256};
use alloy_rlp::Decodable;
use quip_store::StoreError;

use crate::accounts::{self, Account};
use crate::reader::{AccountChange, State, StateChanges, StateReader};
use crate::source::{missing, NodeSource, CODES, NODES};
use crate::trie::{Trie, EMPTY_ROOT};

/// The outcome of changes: a root, and what is new. It stays native from execution to commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateUpdate {
    pub(crate) root: B256,
    pub(crate) nodes: Vec<(B256, Vec<u8>)>,
    pub(crate) codes: Vec<(B256, Bytes)>,
}

impl StateUpdate {
    /// The root of the state after the changes.
    pub fn root(&self) -> B256 {
        self.root
    }
}

/// The state of a root among the nodes of a source.
pub struct TrieState<'a> {
    source: &'a dyn NodeSource,
    root: B256,
}

impl<'a> TrieState<'a> {
    /// The state of `root`; nothing is read yet.
    pub fn new(source: &'a dyn NodeSource, root: B256) -> Self {
        Self { source, root }
    }

    /// The account's storage after a change: its root; new nodes go to `update`.
    fn stored(
        &self,
        before: B256,
        change: &AccountChange,
        update: &mut StateUpdate,
    ) -> Result<B256, StoreError> {
        let mut trie = Trie::new(if change.wiped { EMPTY_ROOT } else { before }, self.source);
        for (slot, value) in &change.storage {
            let value = if value.is_zero() {
                Vec::new()
            } else {
                alloy_rlp::encode(value)
            };
            trie.set(keccak256(slot.to_be_bytes::<32>()).as_slice(), &value)?;
        }
        let committed = trie.commit();
        update.nodes.extend(committed.nodes);
        Ok(committed.root)
    }
}

impl StateReader for TrieState<'_> {
    fn account(&self, address: Address) -> Result<Option<Account>, StoreError> {
        accounts::account(self.source, self.root, address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        let Some(account) = self.account(address)? else {
            return Ok(U256::ZERO);
        };
        let trie = Trie::new(account.storage_root, self.source);
        let key = keccak256(slot.to_be_bytes::<32>());
        let Some(value) = trie.get(key.as_slice())? else {
            return Ok(U256::ZERO);
        };
        U256::decode(&mut value.as_slice()).map_err(|error| {
            StoreError::corrupt(format!("not the value of a slot: {error}"))
                .at(NODES, account.storage_root.as_slice())
        })
    }

    fn code(&self, hash: B256) -> Result<Bytes, StoreError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        let code = self.source.code(hash)?;
        code.ok_or_else(|| StoreError::corrupt("a code is missing").at(CODES, hash.as_slice()))
    }
}

impl State for TrieState<'_> {
    fn root(&self) -> B256 {
        self.root
    }

    fn update(&self, changes: &StateChanges) -> Result<StateUpdate, StoreError> {
        let mut update = StateUpdate {
            codes: changes
                .codes
                .iter()
                .map(|(hash, code)| (*hash, code.clone()))
                .collect(),
            ..StateUpdate::default()
        };
        let mut accounts = Vec::with_capacity(changes.accounts.len());
        for (address, change) in &changes.accounts {
            let before = self.account(*address)?.unwrap_or(accounts::NEW_ACCOUNT);
            let account = match change.value {
                None => accounts::NEW_ACCOUNT,
                Some(value) => Account {
                    nonce: value.nonce,
                    balance: value.balance,
                    code_hash: value.code_hash,
                    storage_root: self.stored(before.storage_root, change, &mut update)?,
                },
            };
            accounts.push((*address, account));
        }
        let committed = accounts::update_accounts(self.source, self.root, &accounts)?;
        update.root = committed.root;
        update.nodes.extend(committed.nodes);
        Ok(update)
    }
}

/// States in memory, every one that was kept: for execution apart from a store.
#[derive(Debug, Default)]
pub struct MemoryStates {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    nodes: HashMap<B256, Arc<[u8]>>,
    codes: HashMap<B256, Bytes>,
}

impl MemoryStates {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a root that was kept, or of EMPTY_ROOT.
    pub fn state(&self, root: B256) -> TrieState<'_> {
        TrieState::new(self, root)
    }

    /// Remembers the state that an update makes.
    pub fn keep(&self, update: &StateUpdate) {
        let mut kept = self.kept();
        let nodes = update.nodes.iter();
        kept.nodes
            .extend(nodes.map(|(hash, node)| (*hash, node.as_slice().into())));
        kept.codes.extend(update.codes.iter().cloned());
    }
}

impl NodeSource for MemoryStates {
    fn load(&self, hash: B256) -> Result<Arc<[u8]>, StoreError> {
        let node = self.kept().nodes.get(&hash).cloned();
        node.ok_or_else(|| missing(hash))
    }

    fn code(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        Ok(self.kept().codes.get(&hash).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::AccountValue;

    const ADDRESS: Address = Address::repeat_byte(7);

    fn contract(storage: &[(u64, u64)], wiped: bool) -> StateChanges {
        let code = Bytes::from_static(b"\x60\x00");
        let value = AccountValue {
            nonce: 1,
            balance: U256::ZERO,
            code_hash: keccak256(&code),
        };
        let slots = storage.iter();
        let change = AccountChange {
            value: Some(value),
            storage: slots
                .map(|(slot, value)| (U256::from(*slot), U256::from(*value)))
                .collect(),
            wiped,
        };
        StateChanges {
            accounts: [(ADDRESS, change)].into(),
            codes: [(keccak256(&code), code)].into(),
        }
    }

    #[test]
    fn what_changed_is_read_back_and_older_states_stay() {
        let states = MemoryStates::default();
        let mut roots = vec![EMPTY_ROOT];
        for changes in [
            contract(&[(1, 5), (2, 300)], false),
            contract(&[(1, 0)], false),
            contract(&[(9, 1)], true),
            StateChanges {
                accounts: [(ADDRESS, AccountChange::default())].into(),
                ..StateChanges::default()
            },
        ] {
            let last = roots.last().expect("one at least");
            let update = states.state(*last).update(&changes).expect("updated");
            states.keep(&update);
            roots.push(update.root());
        }
        let slots = |root: B256| {
            let state = states.state(root);
            [1, 2, 9].map(|slot| {
                state
                    .storage(ADDRESS, U256::from(slot))
                    .expect("read")
                    .to::<u64>()
            })
        };
        assert_eq!(
            roots.iter().map(|root| slots(*root)).collect::<Vec<_>>(),
            [[0, 0, 0], [5, 300, 0], [0, 300, 0], [0, 0, 1], [0, 0, 0],]
        );
        assert_eq!(roots[4], EMPTY_ROOT);
        let state = states.state(roots[1]);
        let account = state.account(ADDRESS).expect("read").expect("there");
        assert_eq!(state.code(account.code_hash).expect("known")[..], [0x60, 0]);
        assert!(state.code(KECCAK256_EMPTY).expect("none").is_empty());
        assert!(state.code(B256::repeat_byte(1)).is_err());
    }
}
