//! What a block did to the state, as the store keeps it: one row of values before and after.
use alloy_primitives::B256;
use quip_store::StoreError;

use crate::accounts::Account;
use crate::update::AccountEdit;

/// The store's table of diffs: number, u64be || block hash -> the values that changed.
pub const DIFFS: &str = "state_diffs";
/// Bytes of keccak256, and of the key of an account in the flat state; a slot's key is twice as long.
pub const HASH: usize = 32;

/// One value of the flat state before and after; nothing stands for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueChange {
    pub key: Vec<u8>,
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

/// Adds length and bytes; none of ours is longer than 64 kB.
fn add(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u16).to_be_bytes());
    out.extend_from_slice(part);
}

struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (part, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        self.0 = rest;
        Some(part)
    }
}

/// The row of changes of values.
pub fn encode_values(values: &[ValueChange]) -> Vec<u8> {
    let mut out = Vec::new();
    for change in values {
        add(&mut out, &change.key);
        add(&mut out, &change.old);
        add(&mut out, &change.new);
    }
    out
}

/// What `encode_values` made. Errors: Corrupt.
pub fn decode_values(row_key: &[u8], row: &[u8]) -> Result<Vec<ValueChange>, StoreError> {
    let mut parts = Parts(row);
    let mut values = Vec::new();
    while !parts.0.is_empty() {
        let (Some(key), Some(old), Some(new)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(StoreError::corrupt("not a list of changed values").at(DIFFS, row_key));
        };
        let [key, old, new] = [key, old, new].map(<[u8]>::to_vec);
        values.push(ValueChange { key, old, new });
    }
    Ok(values)
}

/// The edits that a block's values stand for; the storage roots are those that it claims. Errors: Corrupt.
pub fn edits_of(row_key: &[u8], values: &[ValueChange]) -> Result<Vec<AccountEdit>, StoreError> {
    let broken = || StoreError::corrupt("a value without its account").at(DIFFS, row_key);
    let mut edits: Vec<AccountEdit> = Vec::new();
    for change in values {
        let (key, slot) = change.key.split_at_checked(HASH).ok_or_else(broken)?;
        let key = B256::from_slice(key);
        if slot.is_empty() {
            let [before, after] = [&change.old, &change.new].map(|bytes| {
                Account::decode_slim(bytes).map_err(|error| {
                    StoreError::corrupt(format!("not an account: {error}")).at(DIFFS, row_key)
                })
            });
            edits.push(AccountEdit {
                key,
                before: before?,
                after: after?,
                slots: Vec::new(),
            });
            continue;
        }
        // A slot's account changes with it, for its storage root does, and its key sorts first.
        let edit = edits.last_mut().filter(|edit| edit.key == key);
        let slot = <[u8; HASH]>::try_from(slot).map_err(|_| broken())?;
        edit.ok_or_else(broken)?
            .slots
            .push((slot.into(), change.old.clone(), change.new.clone()));
    }
    Ok(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_and_broken_ones_are_named() {
        let change = |key: &[u8], old: &[u8], new: &[u8]| ValueChange {
            key: key.into(),
            old: old.into(),
            new: new.into(),
        };
        let values = vec![change(&[1; 32], b"", b"x"), change(&[2; 64], b"yy", b"")];
        let row = encode_values(&values);
        assert_eq!(decode_values(b"k", &row), Ok(values.clone()));
        assert!(decode_values(b"k", &row[..row.len() - 1]).is_err());
        assert!(edits_of(b"k", &values).is_err(), "a slot without account");
        assert!(edits_of(b"k", &[change(&[1; 31], b"", b"")]).is_err());
        assert!(edits_of(b"k", &[change(&[1; 32], b"", b"x")]).is_err());
    }
}
