//! The store's tables of states beside trie nodes and code, their keys and small rows.
use alloy_primitives::B256;
use quip_store::StoreError;

use crate::diff::HASH;
use crate::layer::Mark;

/// keccak256(address) -> the account, keccak256(address) || keccak256(slot) -> the value; of the block `FLUSHED`.
pub const FLAT: &str = "flat";
/// Names of blocks: number, u64be || hash || root.
pub const MARKS: &str = "state_marks";
/// Blocks whose states are kept: number, u64be || hash -> parent's hash || root.
pub const BLOCKS: &str = "state_blocks";

/// The head; the block that the flat state and the trie in the store stand for; the first block whose number is not
/// too low for its state to be kept.
pub const HEAD: &[u8] = b"head";
pub const FLUSHED: &[u8] = b"flushed";
pub const OLDEST: &[u8] = b"oldest";

/// The key of a block: neighbours in number are neighbours in the table.
pub fn block_key(number: u64, hash: &B256) -> Vec<u8> {
    [&number.to_be_bytes()[..], hash.as_slice()].concat()
}

/// What `block_key` made. Errors: Corrupt.
pub fn block_of(table: &str, key: &[u8]) -> Result<(u64, B256), StoreError> {
    let split = key.split_first_chunk::<8>();
    let hash = split.and_then(|(_, hash)| B256::try_from(hash).ok());
    match (split, hash) {
        (Some((number, _)), Some(hash)) => Ok((u64::from_be_bytes(*number), hash)),
        _ => Err(StoreError::corrupt("not a number and a hash").at(table, key)),
    }
}

/// The row of a block.
pub fn block_row(parent: &B256, root: &B256) -> Vec<u8> {
    [parent.as_slice(), root.as_slice()].concat()
}

/// (parent's hash, root) of a block's row. Errors: Corrupt.
pub fn parent_and_root(key: &[u8], row: &[u8]) -> Result<(B256, B256), StoreError> {
    if row.len() != 2 * HASH {
        return Err(StoreError::corrupt("not two hashes").at(BLOCKS, key));
    }
    Ok((
        B256::from_slice(&row[..HASH]),
        B256::from_slice(&row[HASH..]),
    ))
}

/// The row of a mark.
pub fn mark_row(mark: &Mark) -> Vec<u8> {
    [&block_key(mark.number, &mark.hash), mark.root.as_slice()].concat()
}

/// What `mark_row` made. Errors: Corrupt.
pub fn mark_of(name: &[u8], row: &[u8]) -> Result<Mark, StoreError> {
    let broken = || StoreError::corrupt("not a block and its root").at(MARKS, name);
    let (key, root) = row.split_at_checked(8 + HASH).ok_or_else(broken)?;
    let (number, hash) = block_of(MARKS, key)?;
    let root = B256::try_from(root).map_err(|_| broken())?;
    Ok(Mark { number, hash, root })
}
