//! What was committed and not flushed, made again from the diffs when a store is opened.
use std::sync::Arc;

use alloy_primitives::{Bytes, B256};
use quip_store::{Rows, Snapshot, Store, StoreError};

use crate::diff::{decode_values, edits_of, Trail, ValueChange, DIFFS};
use crate::overlay::{Mark, Nodes, Overlay, Values};
use crate::place::{hash_in, Owner};
use crate::source::{missing, stored_node, NodeSource, NODES};
use crate::tables::{
    block_key, block_of, mark_of, parent_and_root, Pending, Tip, BLOCKS, FLUSHED, HEAD, MARKS,
    OLDEST, PENDING,
};
use crate::trie::EMPTY_ROOT;
use crate::update::{apply, StateUpdate};

/// Where diffs and parents of blocks are looked up.
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
        let row = row
            .ok_or_else(|| StoreError::corrupt("the block's state is missing").at(BLOCKS, &key))?;
        parent_and_root(&key, &row)
    }

    fn values(&self, number: u64, hash: &B256) -> Result<Vec<ValueChange>, StoreError> {
        let key = block_key(number, hash);
        let row = self.get(DIFFS, &key)?;
        let row =
            row.ok_or_else(|| StoreError::corrupt("the block's diff is missing").at(DIFFS, &key))?;
        decode_values(&key, &row)
    }
}

/// What the flat state becomes on the way from one block to another: diffs backwards, then forwards.
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
        let mut block = to;
        entering.push(block);
        while block.0 > 0 {
            block = parent(blocks, block)?;
            entering.push(block);
        }
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

struct Replay<'a> {
    nodes: &'a Nodes,
    rows: &'a Rows,
}

impl NodeSource for Replay<'_> {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        if let Some(node) = self.nodes.get(&hash) {
            return Ok(node.clone());
        }
        let node = stored_node(self.rows, owner, path, hash)?;
        node.ok_or_else(|| missing(owner, path, hash))
    }

    fn code(&self, _hash: B256) -> Result<Option<Bytes>, StoreError> {
        Ok(None) // no trie has code
    }
}

fn mark(snapshot: &Snapshot, name: &[u8]) -> Result<Option<Mark>, StoreError> {
    let row = snapshot.get(MARKS, name)?;
    row.map(|row| mark_of(name, &row)).transpose()
}

/// The state of a store's states. Errors: Corrupt where a diff does not lead to its block's root.
pub fn load(store: &Store) -> Result<(Tip, Overlay), StoreError> {
    store.read(|snapshot| {
        let mut tip = Tip {
            head: mark(snapshot, HEAD)?,
            flushed: mark(snapshot, FLUSHED)?,
            oldest: mark(snapshot, OLDEST)?,
            ..Tip::default()
        };
        let mut overlay = Overlay {
            head: tip.head,
            ..Overlay::default()
        };
        let rows = snapshot.rows(NODES)?;
        for key in snapshot.keys(PENDING, &[], usize::MAX)? {
            let (number, hash) = block_of(PENDING, &key)?;
            let update = replayed(snapshot, &rows, &overlay.nodes, (number, hash))?;
            tip.bytes += weight(&update);
            for (key, rlp) in &update.made {
                overlay.nodes.insert(hash_in(key), rlp.clone());
            }
            tip.pending.push(Pending {
                number,
                hash,
                trail: trail_of(&update),
            });
        }
        if let Some(head) = tip.head {
            let from = tip.flushed.map(|flushed| (flushed.number, flushed.hash));
            overlay.values = moved(snapshot, from, (head.number, head.hash))?;
        }
        Ok((tip, overlay))
    })
}

fn replayed(
    snapshot: &Snapshot,
    rows: &Rows,
    nodes: &Nodes,
    (number, hash): (u64, B256),
) -> Result<StateUpdate, StoreError> {
    let key = block_key(number, &hash);
    let (parent, root) = snapshot.block(number, &hash)?;
    let parent_root = match number.checked_sub(1) {
        None => EMPTY_ROOT,
        Some(below) => snapshot.block(below, &parent)?.1,
    };
    let edits = edits_of(&key, &snapshot.values(number, &hash)?)?;
    let update = apply(&Replay { nodes, rows }, parent_root, edits)?;
    if update.root != root {
        return Err(StoreError::corrupt("the diff leads to another root").at(DIFFS, &key));
    }
    Ok(update)
}

/// The trie nodes that an update made and replaced.
pub fn trail_of(update: &StateUpdate) -> Trail {
    Trail {
        made: update.made.iter().map(|(key, _)| key.clone()).collect(),
        replaced: update.replaced.clone(),
    }
}

/// What an update takes while it waits in memory, about.
pub fn weight(update: &StateUpdate) -> usize {
    const ENTRY: usize = 64; // of a hash map or a list
    let made: usize = update
        .made
        .iter()
        .map(|(key, rlp)| key.len() + rlp.len() + 2 * ENTRY)
        .sum();
    let replaced: usize = update.replaced.iter().map(|key| key.len() + ENTRY).sum();
    let values: usize = update
        .values
        .iter()
        .map(|one| one.key.len() + one.new.len() + ENTRY)
        .sum();
    made + replaced + values
}
