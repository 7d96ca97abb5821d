//! Where the nodes of a trie come from, and how the store has them.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::{keccak256, Bytes, B256};
use quip_store::{Rows, StoreError};

use crate::place::{node_key, Owner};

/// The store's table of trie nodes (place.rs has the key): RLP, behind a number where several blocks made the node.
pub const NODES: &str = "nodes";
/// The store's table of contracts' code: keccak256 -> code. Never deleted: accounts share it.
pub const CODES: &str = "codes";

/// Where a state is read from.
pub trait NodeSource {
    /// The RLP of a node. Errors: Corrupt for a node that is absent or whose bytes have another hash; Missing for an
    /// absent root of the trie of accounts: that state is not kept.
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError>;

    /// The code of a hash, None where it is unknown.
    fn code(&self, hash: B256) -> Result<Option<Bytes>, StoreError>;

    /// A value of the flat state, empty where there is none; None: it is not the state of `root`, walk the trie.
    fn flat(&self, root: B256, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let _ = (root, key);
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
    StoreError::corrupt("a trie node is missing").at(NODES, &node_key(owner, path, &hash))
}

/// A row of the table of nodes: the RLP, and how many blocks beside the first made the node.
pub fn node_in(row: &[u8]) -> (u32, &[u8]) {
    match row {
        // RLP of a list begins with 0xc0 or more, and a number of blocks never does.
        [a, b, c, d, rlp @ ..] if *a < 0xc0 => (u32::from_be_bytes([*a, *b, *c, *d]), rlp),
        rlp => (0, rlp),
    }
}

/// The row of a node that so many blocks made beside the first.
pub fn node_row(more: u32, rlp: &[u8]) -> Vec<u8> {
    if more == 0 {
        return rlp.to_vec();
    }
    [&more.to_be_bytes(), rlp].concat()
}

/// A node of a snapshot, checked against its hash; None where it is absent.
pub fn stored_node(
    nodes: &Rows,
    owner: &Owner,
    path: &[u8],
    hash: B256,
) -> Result<Option<Arc<[u8]>>, StoreError> {
    let key = node_key(owner, path, &hash);
    let Some(row) = nodes.get(&key)? else {
        return Ok(None);
    };
    let (_, rlp) = node_in(&row);
    if keccak256(rlp) != hash {
        return Err(StoreError::corrupt("a trie node has another hash").at(NODES, &key));
    }
    Ok(Some(rlp.into()))
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
