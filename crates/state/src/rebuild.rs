//! States that are neither the flushed one nor the head's, made from the flushed one by the blocks' diffs.
use std::sync::Arc;

use alloy_primitives::{keccak256, Bytes, B256};
use quip_store::{Snapshot, StoreError};

use crate::diff::{decode_values, edits_of, ValueChange, DIFFS};
use crate::layer::{root_of, Layer, Mark, Values};
use crate::place::{place_key, Owner};
use crate::source::{missing, NodeSource, TRIE};
use crate::tables::{block_key, block_of, mark_of, parent_and_root, BLOCKS, FLAT, FLUSHED, MARKS};
use crate::update::{apply, StateUpdate};

/// Where parents and diffs of blocks are looked up.
pub trait Blocks {
    /// Hash of the parent and root. Errors: Corrupt for a block whose state is not kept.
    fn block(&self, number: u64, hash: &B256) -> Result<(B256, B256), StoreError>;

    /// What the block changed.
    fn values(&self, number: u64, hash: &B256) -> Result<Vec<ValueChange>, StoreError>;
}

impl Blocks for Snapshot {
    fn block(&self, number: u64, hash: &B256) -> Result<(B256, B256), StoreError> {
        let key = block_key(number, hash);
        let row = self.get(BLOCKS, &key)?;
        let row = row.ok_or_else(|| StoreError::corrupt("no state of this block").at(BLOCKS, &key));
        parent_and_root(&key, &row?)
    }

    fn values(&self, number: u64, hash: &B256) -> Result<Vec<ValueChange>, StoreError> {
        let key = block_key(number, hash);
        let row = self.get(DIFFS, &key)?;
        let row = row.ok_or_else(|| StoreError::corrupt("the diff is missing").at(DIFFS, &key));
        decode_values(&key, &row?)
    }
}

/// What the flat state becomes on the way from one block to another: diffs backwards, then forwards. The values that
/// did not change on the whole are among them.
pub fn moved(
    blocks: &dyn Blocks,
    from: Option<(u64, B256)>,
    to: (u64, B256),
) -> Result<Values, StoreError> {
    let (mut old, mut new) = (from.unwrap_or(to), to);
    let mut entering = Vec::new();
    let mut values = Values::new();
    if from.is_none() {
        // Nothing is below the first block of all.
        entering.push(new);
        while new.0 > 0 {
            new = parent(blocks, new)?;
            entering.push(new);
        }
        old = new;
    }
    while old != new {
        if old.0 >= new.0 {
            for change in blocks.values(old.0, &old.1)? {
                values.insert(change.key, change.old);
            }
            old = parent(blocks, old)?;
        } else {
            entering.push(new);
            new = parent(blocks, new)?;
        }
    }
    for (number, hash) in entering.iter().rev() {
        for change in blocks.values(*number, hash)? {
            values.insert(change.key, change.new);
        }
    }
    Ok(values)
}

fn parent(blocks: &dyn Blocks, (number, hash): (u64, B256)) -> Result<(u64, B256), StoreError> {
    let (parent, _) = blocks.block(number, &hash)?;
    let below = number.checked_sub(1).ok_or_else(|| {
        StoreError::corrupt("two first blocks").at(BLOCKS, &block_key(number, &hash))
    })?;
    Ok((below, parent))
}

/// The update of the state of `root` that gives these values to it. Errors: Corrupt where they lead to another root.
pub fn update_to(
    source: &dyn NodeSource,
    root: B256,
    values: Values,
    to: &Mark,
) -> Result<StateUpdate, StoreError> {
    let mut changes = Vec::with_capacity(values.len());
    for (key, new) in values {
        let old = source.flat(&key)?.unwrap_or_default();
        changes.push(ValueChange { key, old, new });
    }
    changes.sort_unstable();
    let key = block_key(to.number, &to.hash);
    let mut edits = edits_of(&key, &changes)?;
    for edit in &mut edits {
        edit.slots.retain(|(_, old, new)| old != new);
    }
    let update = apply(source, root, edits)?;
    if update.root == to.root {
        return Ok(update);
    }
    Err(StoreError::corrupt("the diffs lead to another root").at(DIFFS, &key))
}

/// The flushed state of a snapshot, and a difference from it.
pub struct Flushed<'a> {
    pub snapshot: &'a Snapshot,
    pub layer: &'a Layer,
}

/// A node of the flushed trie, if the place has the one of this hash.
pub fn trie_node(
    row: Option<Vec<u8>>,
    owner: &Owner,
    path: &[u8],
    hash: B256,
) -> Result<Arc<[u8]>, StoreError> {
    match row {
        Some(rlp) if keccak256(&rlp) == hash => Ok(rlp.into()),
        Some(_) | None => Err(missing(owner, path, hash)),
    }
}

impl NodeSource for Flushed<'_> {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        let place = place_key(owner, path);
        if let Some(node) = self.layer.get(&place, &hash) {
            return Ok(node);
        }
        trie_node(self.snapshot.get(TRIE, &place)?, owner, path, hash)
    }

    fn code(&self, _hash: B256) -> Result<Option<Bytes>, StoreError> {
        Ok(None) // no trie has code
    }

    fn flat(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.layer.values.get(key) {
            return Ok(Some(value.clone()));
        }
        Ok(Some(self.snapshot.get(FLAT, key)?.unwrap_or_default()))
    }
}

/// A mark of a snapshot.
pub fn mark(snapshot: &Snapshot, name: &[u8]) -> Result<Option<Mark>, StoreError> {
    let row = snapshot.get(MARKS, name)?;
    row.map(|row| mark_of(name, &row)).transpose()
}

/// The difference of a block's state from the flushed one. Errors: Corrupt.
pub fn rebuilt(snapshot: &Snapshot, to: &Mark) -> Result<Layer, StoreError> {
    let flushed = mark(snapshot, FLUSHED)?;
    let from = flushed.map(|mark| (mark.number, mark.hash));
    let values = moved(snapshot, from, (to.number, to.hash))?;
    let mut layer = Layer::default();
    let source = Flushed {
        snapshot,
        layer: &layer,
    };
    let update = update_to(&source, root_of(flushed), values, to)?;
    layer.add(&update);
    Ok(layer)
}

/// The blocks of a snapshot whose states have this root, the highest first.
pub fn blocks_with(snapshot: &Snapshot, root: B256) -> Result<Vec<Mark>, StoreError> {
    let mut found = Vec::new();
    snapshot.rows(BLOCKS)?.visit(&[], |key, row| {
        if parent_and_root(key, row)?.1 == root {
            let (number, hash) = block_of(BLOCKS, key)?;
            found.push(Mark { number, hash, root });
        }
        Ok(true)
    })?;
    found.reverse();
    Ok(found)
}
