//! A stored value: 8 bytes of checksum, then the value. The checksum also covers table and key, so a value that turns up
//! under another key is as broken as one with a flipped bit.

use crate::sums;

const SUM: usize = 8;

/// With the lengths of table and key in front, so that no two places have the same bytes.
fn checksum(table: &str, key: &[u8], value: &[u8], sum: fn(&[&[u8]]) -> u64) -> [u8; SUM] {
    let lengths = [table.len() as u32, key.len() as u32].map(u32::to_le_bytes);
    let parts = [&lengths[0], table.as_bytes(), &lengths[1], key, value];
    sum(&parts).to_le_bytes()
}

/// The value behind its checksum.
pub fn seal(table: &str, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(SUM + value.len());
    framed.extend_from_slice(&checksum(table, key, value, sums::of));
    framed.extend_from_slice(value);
    framed
}

/// The value inside the frame, or None where the checksum says otherwise.
pub fn open<'a>(table: &str, key: &[u8], framed: &'a [u8]) -> Option<&'a [u8]> {
    let (sum, value) = framed.split_at_checked(SUM)?;
    let fits = |hash| sum == checksum(table, key, value, hash);
    (fits(sums::of) || fits(sums::of_version_1)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_version_1_wrote_is_read() {
        let mut framed = checksum("t", b"key", b"value", sums::of_version_1).to_vec();
        framed.extend_from_slice(b"value");
        assert_eq!(open("t", b"key", &framed), Some(&b"value"[..]));
        assert_ne!(framed, seal("t", b"key", b"value"));
    }

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
