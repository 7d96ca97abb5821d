//! A state by its root: accounts, storage, code, and what changes make of it.
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::{keccak256, Address, Bytes, B256, KECCAK256_EMPTY, U256};
use alloy_rlp::Decodable;
use quip_store::StoreError;

use crate::accounts::{Account, NEW_ACCOUNT};
use crate::diff::HASH;
use crate::node::{Link, Node};
use crate::place::Owner;
use crate::reader::{AccountChange, AccountValue, State, StateChanges, StateReader};
use crate::source::{missing, NodeSource, CODES, TRIE};
use crate::trie::{load, Trie, EMPTY_ROOT};
use crate::update::{apply, AccountEdit, StateUpdate};

/// The state of a root among the nodes of a source.
pub struct TrieState<'a> {
    source: &'a dyn NodeSource,
    root: B256,
}

fn hashed_slot(slot: U256) -> B256 {
    keccak256(slot.to_be_bytes::<HASH>())
}

/// Nothing for zero.
fn slot_rlp(value: U256) -> Vec<u8> {
    if value.is_zero() {
        Vec::new()
    } else {
        alloy_rlp::encode(value)
    }
}

impl<'a> TrieState<'a> {
    /// The state of `root`; nothing is read yet.
    pub fn new(source: &'a dyn NodeSource, root: B256) -> Self {
        Self { source, root }
    }

    fn hashed_account(&self, key: B256) -> Result<Option<Account>, StoreError> {
        let decoded = match self.source.flat(key.as_slice())? {
            Some(bytes) => Account::decode_slim(&bytes),
            None => match Trie::new(None, self.root, self.source).get(key.as_slice())? {
                Some(bytes) => Account::decode(&bytes).map(Some),
                None => Ok(None),
            },
        };
        decoded.map_err(|error| {
            StoreError::corrupt(format!("0x{key:x} is not an account: {error}"))
                .at(TRIE, self.root.as_slice())
        })
    }

    /// The RLP of a slot's value; nothing for zero.
    fn hashed_slot(
        &self,
        owner: B256,
        storage_root: B256,
        slot: B256,
    ) -> Result<Vec<u8>, StoreError> {
        if storage_root == EMPTY_ROOT {
            return Ok(Vec::new());
        }
        if let Some(value) = self.source.flat(&[owner, slot].concat())? {
            return Ok(value);
        }
        let trie = Trie::new(Some(owner), storage_root, self.source);
        Ok(trie.get(slot.as_slice())?.unwrap_or_default())
    }

    /// The account before and after, and the slots that differ.
    fn edit(&self, key: B256, change: &AccountChange) -> Result<AccountEdit, StoreError> {
        let before = self.hashed_account(key)?;
        let root = before.map_or(EMPTY_ROOT, |account| account.storage_root);
        let mut slots = BTreeMap::new();
        let after = change.value.map(account_of).filter(|one| !one.is_empty());
        if change.wiped || after.is_none() {
            let mut all = Vec::new();
            leaves(self.source, &Some(key), root, &mut all)?;
            slots.extend(
                all.into_iter()
                    .map(|(slot, value)| (slot, (value, Vec::new()))),
            );
        }
        if after.is_some() {
            for (slot, value) in &change.storage {
                let slot = hashed_slot(*slot);
                if let Some(there) = slots.get_mut(&slot) {
                    there.1 = slot_rlp(*value);
                } else {
                    let old = self.hashed_slot(key, root, slot)?;
                    slots.insert(slot, (old, slot_rlp(*value)));
                }
            }
        }
        Ok(AccountEdit {
            key,
            before,
            after,
            slots: slots
                .into_iter()
                .filter(|(_, (old, new))| old != new)
                .map(|(slot, (old, new))| (slot, old, new))
                .collect(),
        })
    }
}

fn account_of(value: AccountValue) -> Account {
    Account {
        nonce: value.nonce,
        balance: value.balance,
        code_hash: value.code_hash,
        ..NEW_ACCOUNT
    }
}

/// Every (key, value) of a trie.
fn leaves(
    source: &dyn NodeSource,
    owner: &Owner,
    root: B256,
    out: &mut Vec<(B256, Vec<u8>)>,
) -> Result<(), StoreError> {
    let mut waiting = vec![(Vec::new(), Link::Hash(root))];
    if root == EMPTY_ROOT {
        return Ok(());
    }
    while let Some((path, link)) = waiting.pop() {
        let node = match link {
            Link::Empty => continue,
            Link::Hash(hash) => load(source, owner, &path, hash)?,
            Link::Node(node) => *node,
        };
        match node {
            Node::Leaf { path: rest, value } => {
                let nibbles = [path, rest].concat();
                let key: Vec<u8> = nibbles
                    .chunks_exact(2)
                    .map(|pair| pair[0] << 4 | pair[1])
                    .collect();
                out.push((B256::try_from(key.as_slice()).unwrap_or_default(), value));
            }
            Node::Extension { path: rest, child } => waiting.push(([path, rest].concat(), child)),
            Node::Branch { children, .. } => waiting.extend(
                (0_u8..)
                    .zip(*children)
                    .map(|(nibble, child)| ([path.as_slice(), &[nibble]].concat(), child)),
            ),
        }
    }
    Ok(())
}

impl StateReader for TrieState<'_> {
    fn account(&self, address: Address) -> Result<Option<Account>, StoreError> {
        self.hashed_account(keccak256(address))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        let owner = keccak256(address);
        let slot = hashed_slot(slot);
        // The flat state has the slot without a look at its account.
        let flat = self.source.flat(&[owner, slot].concat())?;
        let value = match flat {
            Some(value) => value,
            None => {
                let account = self.hashed_account(owner)?.unwrap_or(NEW_ACCOUNT);
                self.hashed_slot(owner, account.storage_root, slot)?
            }
        };
        if value.is_empty() {
            return Ok(U256::ZERO);
        }
        U256::decode(&mut value.as_slice()).map_err(|error| {
            StoreError::corrupt(format!("not the value of a slot: {error}"))
                .at(TRIE, owner.as_slice())
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
        let edits = changes
            .accounts
            .iter()
            .map(|(address, change)| self.edit(keccak256(address), change))
            .collect::<Result<Vec<_>, _>>()?;
        let mut update = apply(self.source, self.root, edits)?;
        let codes = changes.codes.iter();
        update.codes = codes.map(|(hash, code)| (*hash, code.clone())).collect();
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
        let nodes = update.made.iter();
        kept.nodes
            .extend(nodes.map(|(_, hash, node)| (*hash, node.clone())));
        kept.codes.extend(update.codes.iter().cloned());
    }
}

impl NodeSource for MemoryStates {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        let node = self.kept().nodes.get(&hash).cloned();
        node.ok_or_else(|| missing(owner, path, hash))
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
