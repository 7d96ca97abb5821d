//! States leave: those that are older than is kept, those of dropped branches, those above a block that is gone back to.
//!
//! A trie node is in the table as long as some state that is kept has it. Exactly: it is counted once for each kept
//! block that made it, the oldest kept state's nodes once. When the oldest state goes, its child becomes the oldest:
//! what the child made is the oldest state's now, what it replaced is counted once less, and so is whatever the other
//! children, and their children, made.
use alloy_primitives::B256;
use quip_store::{StoreError, Writer};

use crate::diff::{decode_trail, Trail, DIFFS, TRAILS};
use crate::overlay::Mark;
use crate::source::{node_in, node_row, NODES};
use crate::tables::{
    block_key, block_of, mark_row, parent_and_root, Tip, BLOCKS, CANONICAL, MARKS, OLDEST, PENDING,
};

/// Numbers that one flush prunes at most: more than it flushes, so that a node which kept more catches up.
pub const PRUNED_A_FLUSH: u64 = 256;

/// Moves the oldest kept state upwards until `retained` numbers are kept, by so many numbers at most. The blocks that
/// are dropped are flushed.
pub fn advance(
    writer: &mut Writer<'_>,
    tip: &mut Tip,
    retained: Option<u64>,
    most: u64,
) -> Result<(), StoreError> {
    let (Some(retained), Some(head), Some(mut oldest)) = (retained, tip.head, tip.oldest) else {
        return Ok(());
    };
    let first_kept = (head.number + 1).saturating_sub(retained.max(1));
    let last = first_kept.min(oldest.number + most);
    if last <= oldest.number {
        return Ok(());
    }
    while oldest.number < last {
        oldest = step(writer, oldest)?;
    }
    tip.oldest = Some(oldest);
    writer.put(MARKS, OLDEST, &mark_row(&oldest))?;
    Ok(())
}

/// The canonical child of the oldest state is the oldest.
fn step(writer: &mut Writer<'_>, oldest: Mark) -> Result<Mark, StoreError> {
    let number = oldest.number + 1;
    let canonical = writer.get(CANONICAL, &number.to_be_bytes())?;
    let canonical = canonical
        .and_then(|hash| B256::try_from(hash.as_slice()).ok())
        .ok_or_else(|| {
            StoreError::corrupt("the index lacks a block").at(CANONICAL, &number.to_be_bytes())
        })?;
    for hash in at(writer, number)? {
        if hash != canonical {
            drop_branch(writer, number, hash)?;
        }
    }
    let key = block_key(number, &canonical);
    let row = writer.get(BLOCKS, &key)?;
    let row =
        row.ok_or_else(|| StoreError::corrupt("the block's state is missing").at(BLOCKS, &key))?;
    let (_, root) = parent_and_root(&key, &row)?;
    for node in trail(writer, &key)?.replaced {
        release(writer, &node)?;
    }
    // Nobody goes back beyond the oldest state, nor replays its block.
    writer.remove(TRAILS, &key)?;
    writer.remove(DIFFS, &key)?;
    let below = block_key(oldest.number, &oldest.hash);
    for table in [TRAILS, DIFFS, BLOCKS] {
        writer.remove(table, &below)?;
    }
    Ok(Mark {
        number,
        hash: canonical,
        root,
    })
}

/// Removes the states of a block and of all blocks on it, and the nodes that only they have.
pub fn drop_branch(writer: &mut Writer<'_>, number: u64, hash: B256) -> Result<(), StoreError> {
    let mut waiting = vec![(number, hash)];
    while let Some((number, hash)) = waiting.pop() {
        let key = block_key(number, &hash);
        for child in at(writer, number + 1)? {
            let key = block_key(number + 1, &child);
            let row = writer.get(BLOCKS, &key)?.unwrap_or_default();
            if parent_and_root(&key, &row)?.0 == hash {
                waiting.push((number + 1, child));
            }
        }
        for node in trail(writer, &key)?.made {
            release(writer, &node)?;
        }
        for table in [TRAILS, DIFFS, BLOCKS, PENDING] {
            writer.remove(table, &key)?;
        }
    }
    Ok(())
}

/// Hashes of the blocks of a number whose states are kept.
pub fn at(writer: &mut Writer<'_>, number: u64) -> Result<Vec<B256>, StoreError> {
    let end = (number + 1).to_be_bytes();
    let keys = writer.keys(BLOCKS, &number.to_be_bytes(), &end)?;
    keys.iter()
        .map(|key| Ok(block_of(BLOCKS, key)?.1))
        .collect()
}

fn trail(writer: &mut Writer<'_>, key: &[u8]) -> Result<Trail, StoreError> {
    let row = writer.get(TRAILS, key)?;
    let row =
        row.ok_or_else(|| StoreError::corrupt("the block's trail is missing").at(TRAILS, key))?;
    decode_trail(key, &row)
}

/// Counts a node once less; the last time it goes.
fn release(writer: &mut Writer<'_>, key: &[u8]) -> Result<(), StoreError> {
    let row = writer.remove(NODES, key)?;
    let row = row.ok_or_else(|| StoreError::corrupt("a trie node is missing").at(NODES, key))?;
    let (more, rlp) = node_in(&row);
    if let Some(left) = more.checked_sub(1) {
        writer.put(NODES, key, &node_row(left, rlp))?;
    }
    Ok(())
}
