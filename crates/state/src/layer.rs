//! How a state differs from the one in the store: what is committed and not flushed, and what is not even committed.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Bytes, B256};

use crate::trie::EMPTY_ROOT;
use crate::update::StateUpdate;

/// Values of the flat state by key; nothing stands for none.
pub type Values = HashMap<Vec<u8>, Vec<u8>>;
/// Trie nodes by the keys of their places, with their hashes; None where there is none any more.
pub type Nodes = HashMap<Vec<u8>, Option<(B256, Arc<[u8]>)>>;

/// A block, and the root of the state after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub number: u64,
    pub hash: B256,
    pub root: B256,
}

/// What an entry takes beside its bytes, about.
const ENTRY: usize = 96;

/// The difference of a state from another.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    pub values: Values,
    pub nodes: Nodes,
    /// What this takes in memory, about.
    pub bytes: usize,
}

impl Layer {
    /// Goes on by an update of the state that this leads to.
    pub fn add(&mut self, update: &StateUpdate) {
        for change in &update.values {
            self.bytes += change.key.len() + change.new.len() + ENTRY;
            if let Some(old) = self.values.insert(change.key.clone(), change.new.clone()) {
                self.bytes -= change.key.len() + old.len() + ENTRY;
            }
        }
        for place in &update.gone {
            self.node(place, None);
        }
        for (place, hash, rlp) in &update.made {
            self.node(place, Some((*hash, rlp.clone())));
        }
    }

    fn node(&mut self, place: &[u8], node: Option<(B256, Arc<[u8]>)>) {
        let size = |node: &Option<(B256, Arc<[u8]>)>| {
            node.as_ref().map_or(0, |(_, rlp)| rlp.len()) + place.len() + ENTRY
        };
        self.bytes += size(&node);
        if let Some(old) = self.nodes.insert(place.to_vec(), node) {
            self.bytes -= size(&old);
        }
    }

    /// Goes on by another difference.
    pub fn extend(&mut self, more: Self) {
        for (key, new) in more.values {
            let (name, now) = (key.len() + ENTRY, new.len());
            let old = self.values.insert(key, new);
            self.bytes += now + old.as_ref().map_or(name, |_| 0);
            self.bytes -= old.map_or(0, |old| old.len());
        }
        for (place, node) in more.nodes {
            self.node(&place, node);
        }
    }

    /// The node of a place, if it has this hash.
    pub fn get(&self, place: &[u8], hash: &B256) -> Option<Arc<[u8]>> {
        let (found, rlp) = self.nodes.get(place)?.as_ref()?;
        (found == hash).then(|| rlp.clone())
    }
}

/// Committed, and not flushed yet. Bounded by the limits of a flush, and one batch.
#[derive(Debug, Default)]
pub struct Overlay {
    pub head: Option<Mark>,
    pub flushed: Option<Mark>,
    pub oldest: Option<Mark>,
    /// From the flushed state to the head's.
    pub layer: Layer,
}

/// The root of a block's state; without a block there is no account.
pub fn root_of(mark: Option<Mark>) -> B256 {
    mark.map_or(EMPTY_ROOT, |mark| mark.root)
}

/// States on top of a store's before they are committed: as many as their owner keeps.
#[derive(Debug)]
pub struct Staged {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The head's root when this began, and the root that `layer` leads to.
    base: B256,
    tip: B256,
    layer: Layer,
    updates: HashMap<B256, Arc<StateUpdate>>,
    codes: HashMap<B256, Bytes>,
}

/// What a staged state stands on.
pub enum Footing {
    /// The tip: look each thing up in the staged layer first.
    Tip { base: B256 },
    /// Another: this difference from a stored state.
    Other { base: B256, layer: Layer },
}

impl Staged {
    /// Nothing on top of a head's root.
    pub fn on(base: B256) -> Self {
        let inner = Inner {
            base,
            tip: base,
            layer: Layer::default(),
            updates: HashMap::new(),
            codes: HashMap::new(),
        };
        Self {
            inner: Mutex::new(inner),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the state that an update makes.
    pub fn keep(&self, update: &StateUpdate) {
        let mut inner = self.inner();
        inner.codes.extend(update.codes.iter().cloned());
        if update.root == update.parent_root {
            return; // who knows the one knows the other
        }
        if update.parent_root == inner.tip {
            inner.tip = update.root;
            inner.layer.add(update);
        }
        // The first way to a root is kept: each leads to one that was known before, so none goes in a circle.
        if update.root != inner.base {
            let kept = inner.updates.entry(update.root);
            kept.or_insert_with(|| Arc::new(update.clone()));
        }
    }

    /// What the state of a root stands on; None where it is not staged.
    pub fn footing(&self, root: B256) -> Option<Footing> {
        let inner = self.inner();
        let base = inner.base;
        if root == inner.tip {
            return Some(Footing::Tip { base });
        }
        let mut chain = Vec::new();
        let mut below = root;
        while below != base {
            let Some(update) = inner.updates.get(&below) else {
                break;
            };
            chain.push(update);
            below = update.parent_root;
        }
        if chain.is_empty() {
            return None;
        }
        let mut layer = Layer::default();
        chain.iter().rev().for_each(|update| layer.add(update));
        Some(Footing::Other { base: below, layer })
    }

    pub fn node(&self, place: &[u8], hash: &B256) -> Option<Arc<[u8]>> {
        self.inner().layer.get(place, hash)
    }

    pub fn value(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.inner().layer.values.get(key).cloned()
    }

    pub fn code(&self, hash: &B256) -> Option<Bytes> {
        self.inner().codes.get(hash).cloned()
    }
}
