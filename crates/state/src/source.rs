//! Where the nodes of a trie come from, and how the store has them.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::{Bytes, B256};
use quip_store::StoreError;

use crate::place::{place_key, Owner};

/// The store's table of the flushed state's trie: place -> RLP of its node.
pub const TRIE: &str = "trie";
/// An archive's table of every state's trie nodes: place || hash -> RLP. Never deleted: states share them.
pub const NODES: &str = "nodes";
/// The store's table of contracts' code: keccak256 -> code. Never deleted: accounts share it.
pub const CODES: &str = "codes";

/// Where a state is read from.
pub trait NodeSource {
    /// The RLP of a node. Errors: Corrupt for a node that is absent or another; Missing for the root of the trie of
    /// accounts: that state is not kept.
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError>;

    /// The code of a hash, None where it is unknown.
    fn code(&self, hash: B256) -> Result<Option<Bytes>, StoreError>;

    /// A value of the flat state, empty where there is none; None: walk the trie.
    fn flat(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let _ = key;
        Ok(None)
    }
}

/// No nodes: for tries that begin empty.
pub struct Empty;

impl NodeSource for Empty {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        Err(missing(owner, path, hash))
    }

    fn code(&self, _hash: B256) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
}

/// The error for a node that is not there.
pub fn missing(owner: &Owner, path: &[u8], hash: B256) -> StoreError {
    if owner.is_none() && path.is_empty() {
        return StoreError::Missing(hash.to_vec());
    }
    StoreError::corrupt("a trie node is missing or another").at(TRIE, &place_key(owner, path))
}

/// Nodes read lately, bounded in bytes: two generations, of which the older is dropped when the younger is full.
#[derive(Debug)]
pub struct NodeCache {
    generations: Mutex<Generations>,
    /// Bytes of one generation.
    limit: usize,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<B256, Arc<[u8]>>,
    old: HashMap<B256, Arc<[u8]>>,
    young_bytes: usize,
}

/// What an entry takes beside the node's bytes.
const ENTRY_OVERHEAD: usize = 80;

impl NodeCache {
    /// A cache of at most about `bytes`.
    pub fn new(bytes: usize) -> Self {
        Self {
            generations: Mutex::default(),
            limit: bytes / 2,
        }
    }

    pub fn get(&self, hash: &B256) -> Option<Arc<[u8]>> {
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = generations.young.get(hash) {
            return Some(node.clone());
        }
        let node = generations.old.remove(hash)?;
        generations.put(self.limit, *hash, node.clone());
        Some(node)
    }

    pub fn put(&self, hash: B256, node: Arc<[u8]>) {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(self.limit, hash, node);
    }
}

impl Generations {
    fn put(&mut self, limit: usize, hash: B256, node: Arc<[u8]>) {
        self.young_bytes += node.len() + ENTRY_OVERHEAD;
        self.young.insert(hash, node);
        if self.young_bytes > limit {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_stays_within_its_bound_and_keeps_what_is_used() {
        let cache = NodeCache::new(40_000);
        let node: Arc<[u8]> = vec![0; 100].into();
        let hash = |number: u32| B256::left_padding_from(&number.to_be_bytes());
        for number in 0..10_000 {
            cache.put(hash(number), node.clone());
            assert!(
                cache.get(&hash(0)).is_some(),
                "used every time, lost after {number}"
            );
        }
        let generations = cache.generations.lock().expect("no panic");
        let entries = generations.young.len() + generations.old.len();
        assert!(
            entries * (100 + ENTRY_OVERHEAD) <= 41_000,
            "{entries} entries"
        );
    }
}
