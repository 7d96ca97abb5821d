//! From edits of accounts to the update of a state: its root, the values and the trie nodes that changed.
use std::sync::Arc;

use alloy_primitives::{Bytes, B256};
use quip_store::StoreError;

use crate::accounts::{Account, NEW_ACCOUNT};
use crate::diff::ValueChange;
use crate::node::Made;
use crate::source::NodeSource;
use crate::trie::{Committed, Trie};

/// The outcome of changes: it stays native from execution to commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateUpdate {
    pub(crate) parent_root: B256,
    pub(crate) root: B256,
    /// Values of the flat state, ascending by key, each once.
    pub(crate) values: Vec<ValueChange>,
    /// Nodes that are new at their places, and places that have no node any more.
    pub(crate) made: Vec<Made>,
    pub(crate) gone: Vec<Vec<u8>>,
    pub(crate) codes: Vec<(B256, Bytes)>,
}

impl StateUpdate {
    /// The root of the state after the changes.
    pub fn root(&self) -> B256 {
        self.root
    }

    /// The trie nodes that are new: (hash, RLP).
    pub fn nodes(&self) -> impl Iterator<Item = (&B256, &Arc<[u8]>)> {
        self.made.iter().map(|(_, hash, rlp)| (hash, rlp))
    }
}

/// One account before and after.
pub struct AccountEdit {
    /// keccak256 of the address.
    pub key: B256,
    pub before: Option<Account>,
    /// Its storage root is not read: it follows from `slots`.
    pub after: Option<Account>,
    /// (keccak256 of the slot, RLP before, RLP after); nothing stands for zero. Each slot once.
    pub slots: Vec<(B256, Vec<u8>, Vec<u8>)>,
}

/// The state of `root` after these edits, each account once.
pub fn apply(
    source: &dyn NodeSource,
    root: B256,
    mut edits: Vec<AccountEdit>,
) -> Result<StateUpdate, StoreError> {
    edits.sort_unstable_by_key(|edit| edit.key);
    let mut update = StateUpdate {
        parent_root: root,
        ..StateUpdate::default()
    };
    let mut accounts = Trie::new(None, root, source);
    for edit in edits {
        let before = edit.before.unwrap_or(NEW_ACCOUNT);
        let storage_root = edit_storage(source, before.storage_root, &edit, &mut update)?;
        let after = edit.after.unwrap_or(NEW_ACCOUNT);
        let after = Account {
            storage_root,
            ..after
        };
        accounts.replace(edit.key.as_slice(), &before.encode(), &after.encode())?;
        update.value(edit.key.to_vec(), before.encode_slim(), after.encode_slim());
        for (slot, old, new) in edit.slots {
            update.value([edit.key, slot].concat(), old, new);
        }
    }
    update.root = update.take(accounts.commit());
    update.values.sort_unstable();
    Ok(update)
}

/// The root of an account's storage after its edit.
fn edit_storage(
    source: &dyn NodeSource,
    root: B256,
    edit: &AccountEdit,
    update: &mut StateUpdate,
) -> Result<B256, StoreError> {
    if edit.slots.is_empty() {
        return Ok(root);
    }
    let mut storage = Trie::new(Some(edit.key), root, source);
    for (slot, old, new) in &edit.slots {
        storage.replace(slot.as_slice(), old, new)?;
    }
    Ok(update.take(storage.commit()))
}

impl StateUpdate {
    fn value(&mut self, key: Vec<u8>, old: Vec<u8>, new: Vec<u8>) {
        if old != new {
            self.values.push(ValueChange { key, old, new });
        }
    }

    fn take(&mut self, committed: Committed) -> B256 {
        self.made.extend(committed.made);
        self.gone.extend(committed.gone);
        committed.root
    }
}
