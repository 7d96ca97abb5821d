//! Between the two ways in which a run's replicas lie in memory: by spin (`WORDS` words a spin, as the kernel has them)
//! and by replica (`bits::words` words a replica, bit i = spin i, as distances and crossing want them).

use crate::cancel::Pace;
use crate::{REPLICAS, WORDS};

/// Work of a square, in words: they are read, turned in six steps, and written far apart.
const SQUARE: usize = 64 * 4;

/// 64-bit words of one configuration of `n` spins.
pub fn row_words(n: usize) -> usize {
    n.div_ceil(64)
}

/// Transposes 64 x 64 bits: bit c of row r becomes bit r of row c (Hacker's Delight, 7-3).
fn square(block: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0x0000_0000_FFFF_FFFFu64;
    while width > 0 {
        let mut k = 0;
        while k < 64 {
            let t = ((block[k] >> width) ^ block[k | width]) & mask;
            block[k | width] ^= t;
            block[k] ^= t << width;
            k = ((k | width) + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

/// `REPLICAS` rows of `row_words(n)` words, from `n * WORDS` words by spin. `None`: cancelled.
pub fn by_replica(by_spin: &[u64], n: usize, pace: &mut Pace) -> Option<Vec<u64>> {
    let row = row_words(n);
    let mut out = vec![0u64; REPLICAS * row];
    let mut block = [0u64; 64];
    for tile in 0..row {
        let spins = 64.min(n - 64 * tile);
        for word in 0..WORDS {
            pace.step(SQUARE)?;
            block.fill(0);
            for (k, slot) in block.iter_mut().take(spins).enumerate() {
                *slot = by_spin[(64 * tile + k) * WORDS + word];
            }
            square(&mut block);
            for (lane, &bits) in block.iter().enumerate() {
                out[(64 * word + lane) * row + tile] = bits;
            }
        }
    }
    Some(out)
}

/// The reverse of `by_replica`; `rows[r]` is replica r's row.
pub fn by_spin(rows: &[&[u64]], n: usize, pace: &mut Pace) -> Option<Vec<u64>> {
    assert!(rows.len() == REPLICAS, "a run has {REPLICAS} replicas");
    let row = row_words(n);
    let mut out = vec![0u64; n * WORDS];
    let mut block = [0u64; 64];
    for tile in 0..row {
        let spins = 64.min(n - 64 * tile);
        for word in 0..WORDS {
            pace.step(SQUARE)?;
            for (lane, slot) in block.iter_mut().enumerate() {
                *slot = rows[64 * word + lane][tile];
            }
            square(&mut block);
            for (k, &bits) in block.iter().take(spins).enumerate() {
                out[(64 * tile + k) * WORDS + word] = bits;
            }
        }
    }
    Some(out)
}

/// A packed configuration (see `bits`) as a row of words.
pub fn row_of(packed: &[u8]) -> Vec<u64> {
    let word = |chunk: &[u8]| {
        let mut bytes = [0u8; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(bytes)
    };
    packed.chunks(8).map(word).collect()
}

/// The reverse of `row_of`. With `fold`, flipped where spin 0 is -1.
pub fn packed_of(row: &[u64], n: usize, fold: bool) -> Vec<u8> {
    let flip = if fold && row[0] & 1 == 0 { !0 } else { 0 };
    let bytes = row.iter().flat_map(|&word| (word ^ flip).to_le_bytes());
    let mut out: Vec<u8> = bytes.take(n.div_ceil(8)).collect();
    if !n.is_multiple_of(8) {
        out[n / 8] &= (1 << (n % 8)) - 1;
    }
    out
}
