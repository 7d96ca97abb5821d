//! Where a trie node lies: whose trie, which path. Neighbours in a trie are neighbours in the table of nodes.
use alloy_primitives::B256;

/// Whose trie: None for the trie of accounts, else keccak256(address) of the account whose storage it is.
pub type Owner = Option<B256>;

/// The key of a place in the table of the flushed trie: owner || path. The owner is a zero byte for the trie of
/// accounts, else a one and the hashed address; the path is the number of its nibbles, then two of them a byte.
pub fn place_key(owner: &Owner, path: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + 32 + 1 + path.len().div_ceil(2) + 32);
    match owner {
        None => key.push(0),
        Some(owner) => {
            key.push(1);
            key.extend_from_slice(owner.as_slice());
        }
    }
    key.push(path.len() as u8); // 64 nibbles at most: keys are hashes
    for pair in path.chunks(2) {
        key.push(pair[0] << 4 | pair.get(1).copied().unwrap_or_default());
    }
    key
}

/// The key of one node of a place in an archive's table: owner || path || hash.
pub fn node_key(place: &[u8], hash: &B256) -> Vec<u8> {
    [place, hash.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_owner_then_depth_then_path() {
        let hash = B256::repeat_byte(9);
        let owner = Some(B256::repeat_byte(3));
        let places: [(Owner, &[u8]); 6] = [
            (None, &[]),
            (None, &[1]),
            (None, &[2]),
            (None, &[1, 5]),
            (owner, &[]),
            (owner, &[15, 15, 1]),
        ];
        let keys = places.map(|(owner, path)| node_key(&place_key(&owner, path), &hash));
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(keys[5].len(), 1 + 32 + 1 + 2 + 32);
    }
}
