//! What is newer than the flat state and the trie nodes in the store: what is committed, and what is not even that.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Bytes, B256};

use crate::place::hash_in;
use crate::trie::EMPTY_ROOT;
use crate::update::StateUpdate;

/// Values of the flat state by key; nothing stands for none.
pub type Values = HashMap<Vec<u8>, Vec<u8>>;
/// RLP of trie nodes by hash.
pub type Nodes = HashMap<B256, Arc<[u8]>>;

/// A block, and the root of the state after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub number: u64,
    pub hash: B256,
    pub root: B256,
}

/// Committed, and not flushed yet. Bounded by the limits of a flush, and one batch.
#[derive(Debug, Default)]
pub struct Overlay {
    pub head: Option<Mark>,
    /// Counts the flushes: whoever took a view of the store before one must not mix it with what came after.
    pub epoch: u64,
    /// A flush is under way: a view taken now may hold it already, while this overlay does not know of it.
    pub flushing: bool,
    /// Where the head's flat state differs from the store's.
    pub values: Values,
    /// Of every block that is not flushed, side branches too.
    pub nodes: Nodes,
    /// Those of the last flush: likely to be read, and in the store already.
    pub flushed_nodes: Nodes,
}

impl Overlay {
    /// The root of the head's state.
    pub fn root(&self) -> B256 {
        self.head.map_or(EMPTY_ROOT, |head| head.root)
    }
}

/// States on top of the head's before they are committed: as many as their owner keeps.
#[derive(Debug)]
pub struct Staged {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The head's root when this began, and the root that `values` lead to.
    base: B256,
    tip: B256,
    values: Values,
    nodes: Nodes,
    codes: HashMap<B256, Bytes>,
}

impl Staged {
    /// Nothing on top of a head's root.
    pub fn on(base: B256) -> Self {
        let inner = Inner {
            base,
            tip: base,
            values: Values::new(),
            nodes: Nodes::new(),
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
        for (key, rlp) in &update.made {
            inner.nodes.insert(hash_in(key), rlp.clone());
        }
        inner.codes.extend(update.codes.iter().cloned());
        if update.parent_root == inner.tip {
            inner.tip = update.root;
            let changes = update.values.iter();
            inner
                .values
                .extend(changes.map(|change| (change.key.clone(), change.new.clone())));
        }
    }

    pub fn node(&self, hash: &B256) -> Option<Arc<[u8]>> {
        self.inner().nodes.get(hash).cloned()
    }

    pub fn code(&self, hash: &B256) -> Option<Bytes> {
        self.inner().codes.get(hash).cloned()
    }

    /// For the state of `root`, which is the tip here on top of a head of root `base`: Some, and in it the value where
    /// it changed on the way.
    pub fn value(&self, root: B256, base: B256, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let inner = self.inner();
        let fits = inner.tip == root && inner.base == base;
        fits.then(|| inner.values.get(key).cloned())
    }
}
