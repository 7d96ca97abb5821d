//! Packed configurations: ceil(n/8) bytes, bit i of the little-endian bit order set iff s_i = +1.

use crate::{REPLICAS, WORDS};

/// One replica of a run as a packed configuration. With `fold`, flipped where s_0 = -1 (one of each flip pair).
pub fn replica(words: &[u64], n: usize, replica: usize, fold: bool) -> Vec<u8> {
    assert!(replica < REPLICAS, "a run has {REPLICAS} replicas");
    let bit = |i: usize| (words[i * WORDS + replica / 64] >> (replica % 64)) & 1;
    let flip = u64::from(fold && bit(0) == 0);
    let mut out = vec![0u8; n.div_ceil(8)];
    for i in 0..n {
        out[i / 8] |= ((bit(i) ^ flip) as u8) << (i % 8);
    }
    out
}

/// Hamming distance of two packed configurations; with `fold`, the smaller of d and n - d.
pub fn distance(a: &[u8], b: &[u8], n: usize, fold: bool) -> usize {
    let mut d = 0;
    let (whole_a, rest_a) = a.split_at(a.len() & !7);
    let (whole_b, rest_b) = b.split_at(b.len() & !7);
    for (x, y) in whole_a.chunks_exact(8).zip(whole_b.chunks_exact(8)) {
        let x = u64::from_le_bytes(x.try_into().expect("eight bytes"));
        let y = u64::from_le_bytes(y.try_into().expect("eight bytes"));
        d += (x ^ y).count_ones() as usize;
    }
    for (x, y) in rest_a.iter().zip(rest_b) {
        d += (x ^ y).count_ones() as usize;
    }
    if fold {
        d.min(n - d)
    } else {
        d
    }
}

/// The least pairwise distance; `n` where there are fewer than two configurations.
pub fn minimum_distance(configurations: &[&[u8]], n: usize, fold: bool) -> usize {
    let mut least = n;
    for (k, a) in configurations.iter().enumerate() {
        for b in &configurations[k + 1..] {
            least = least.min(distance(a, b, n, fold));
        }
    }
    least
}

/// Spin-major words of up to 64 packed configurations: bit k of word i is spin i of configuration k.
pub fn transpose(configurations: &[&[u8]], n: usize) -> Vec<u64> {
    let mut words = vec![0u64; n];
    for (k, packed) in configurations.iter().enumerate() {
        for (i, word) in words.iter_mut().enumerate() {
            *word |= u64::from((packed[i / 8] >> (i % 8)) & 1) << k;
        }
    }
    words
}
