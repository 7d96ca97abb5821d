//! What finds a flipped bit: 64 bits of a hash. Whoever may write to the file could forge any checksum, so it need not
//! withstand anybody; it is XXH3, which takes a fifth of the time that a cryptographic hash takes (a commit is mostly
//! checksums and writes).

/// XXH3 (64 bits) of the parts, one after the other.
pub fn of(parts: &[&[u8]]) -> u64 {
    if let [data] = parts {
        return xxhash_rust::xxh3::xxh3_64(data);
    }
    let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.digest()
}

/// As version 1 of the store wrote it: the first eight bytes of BLAKE3, little-endian.
pub fn of_version_1(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}
