//! Paths through the trie: one nibble a byte in memory, hex-prefix encoded on disk.

/// The nibbles of a key, high half first.
pub fn of_key(key: &[u8]) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

/// How many nibbles two paths share from the start.
pub fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// Hex-prefix: a flag nibble (2: leaf, 1: odd length), then the nibbles.
pub fn encode(path: &[u8], leaf: bool) -> Vec<u8> {
    let flag = if leaf { 0x20 } else { 0 };
    let odd = path.len() % 2;
    let first = if odd == 1 {
        flag | 0x10 | path[0]
    } else {
        flag
    };
    let rest = path[odd..]
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1]);
    std::iter::once(first).chain(rest).collect()
}

/// The path and whether it is a leaf's; None for bytes that no encoder makes.
pub fn decode(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (first, rest) = bytes.split_first()?;
    let (leaf, odd) = (first & 0x20 != 0, first & 0x10 != 0);
    if first & 0xc0 != 0 || (!odd && first & 15 != 0) {
        return None;
    }
    let head = odd.then_some(first & 15);
    Some((head.into_iter().chain(of_key(rest)).collect(), leaf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        for (path, leaf, bytes) in [
            (&[1, 2, 3, 4, 5][..], false, &[0x11, 0x23, 0x45][..]),
            (&[0, 1, 2, 3, 4, 5], false, &[0x00, 0x01, 0x23, 0x45]),
            (&[0, 15, 1, 12, 11, 8], true, &[0x20, 0x0f, 0x1c, 0xb8]),
            (&[15, 1, 12, 11, 8], true, &[0x3f, 0x1c, 0xb8]),
            (&[], true, &[0x20]),
        ] {
            assert_eq!(encode(path, leaf), bytes);
            assert_eq!(decode(bytes), Some((path.to_vec(), leaf)));
        }
    }

    #[test]
    fn bad_flags_are_refused() {
        for bytes in [&[][..], &[0x40], &[0x80, 1], &[0x0f], &[0x25]] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }
}
