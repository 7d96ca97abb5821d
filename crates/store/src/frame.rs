//! A stored value: 8 bytes of checksum, then the value. The checksum also covers table and key, so a value that turns up
//! under another key is as broken as one with a flipped bit.

const SUM: usize = 8;

fn checksum(table: &str, key: &[u8], value: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    for part in [table.as_bytes(), key] {
        hasher
            .update(&(part.len() as u32).to_le_bytes())
            .update(part);
    }
    hasher.update(value);
    let mut sum = [0; SUM];
    sum.copy_from_slice(&hasher.finalize().as_bytes()[..SUM]);
    sum
}

/// The value behind its checksum.
pub fn seal(table: &str, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(SUM + value.len());
    framed.extend_from_slice(&checksum(table, key, value));
    framed.extend_from_slice(value);
    framed
}

/// The value inside the frame, or None where the checksum says otherwise.
pub fn open<'a>(table: &str, key: &[u8], framed: &'a [u8]) -> Option<&'a [u8]> {
    let (sum, value) = framed.split_at_checked(SUM)?;
    (sum == checksum(table, key, value)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_of_table_key_or_value_is_seen() {
        let framed = seal("t", b"key", b"value");
        assert_eq!(open("t", b"key", &framed), Some(&b"value"[..]));
        assert_eq!(open("u", b"key", &framed), None);
        assert_eq!(open("tk", b"ey", &framed), None);
        assert_eq!(open("t", b"kez", &framed), None);
        for bit in 0..framed.len() * 8 {
            let mut flipped = framed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open("t", b"key", &flipped), None, "bit {bit}");
        }
        for length in 0..framed.len() {
            assert_eq!(
                open("t", b"key", &framed[..length]),
                None,
                "length {length}"
            );
        }
    }
}
