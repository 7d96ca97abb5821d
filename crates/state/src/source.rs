//! Where the nodes of a trie come from.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::{keccak256, Bytes, B256};
use quip_store::{Snapshot, StoreError};

/// The store's table of trie nodes: keccak256 -> RLP.
pub const NODES: &str = "nodes";
/// The store's table of contracts' code: keccak256 -> code.
pub const CODES: &str = "codes";

pub trait NodeSource {
    /// The RLP of a node. Errors: Corrupt for a node that is absent or whose bytes have another hash.
    fn load(&self, hash: B256) -> Result<Arc<[u8]>, StoreError>;

    /// The code of a hash, None where it is unknown.
    fn code(&self, hash: B256) -> Result<Option<Bytes>, StoreError>;
}

/// No nodes: for tries that begin empty.
pub struct Empty;

impl NodeSource for Empty {
    fn load(&self, hash: B256) -> Result<Arc<[u8]>, StoreError> {
        Err(missing(hash))
    }

    fn code(&self, _hash: B256) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
}

pub fn missing(hash: B256) -> StoreError {
    StoreError::corrupt("a trie node is missing").at(NODES, hash.as_slice())
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

    fn get(&self, hash: &B256) -> Option<Arc<[u8]>> {
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

    fn put(&self, hash: B256, node: Arc<[u8]>) {
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

/// Nodes that are made but not yet committed. They are as many as their owner puts in.
#[derive(Debug, Default)]
pub struct StagedNodes {
    nodes: Mutex<HashMap<B256, Arc<[u8]>>>,
}

impl StagedNodes {
    fn nodes(&self) -> MutexGuard<'_, HashMap<B256, Arc<[u8]>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a node. The caller answers for the hash.
    pub fn put(&self, hash: B256, node: &[u8]) {
        self.nodes().insert(hash, node.into());
    }

    fn get(&self, hash: &B256) -> Option<Arc<[u8]>> {
        self.nodes().get(hash).cloned()
    }
}

/// The nodes of a store at one moment, and those staged on top of it.
pub struct StoreNodes<'a> {
    pub snapshot: &'a Snapshot,
    pub cache: &'a NodeCache,
    pub staged: Option<&'a StagedNodes>,
}

impl NodeSource for StoreNodes<'_> {
    fn load(&self, hash: B256) -> Result<Arc<[u8]>, StoreError> {
        if let Some(node) = self.staged.and_then(|staged| staged.get(&hash)) {
            return Ok(node);
        }
        if let Some(node) = self.cache.get(&hash) {
            return Ok(node);
        }
        let node = self
            .snapshot
            .get(NODES, hash.as_slice())?
            .ok_or_else(|| missing(hash))?;
        if keccak256(&node) != hash {
            return Err(
                StoreError::corrupt("a trie node has another hash").at(NODES, hash.as_slice())
            );
        }
        let node: Arc<[u8]> = node.into();
        self.cache.put(hash, node.clone());
        Ok(node)
    }

    fn code(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        Ok(self.snapshot.get(CODES, hash.as_slice())?.map(Bytes::from))
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
