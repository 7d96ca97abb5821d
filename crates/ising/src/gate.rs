//! The gate search: many nonces at once, one lane of a vector register each.
//!
//! A seed is one BLAKE3 compression (40 bytes of key material). Its first 32 bits are computed for sixteen nonces side
//! by side in plain arrays, which the compiler turns into vector instructions of the chosen path; what passes is
//! hashed again by the library, so a wrong lane could lose a nonce but never admit one.

use crate::blake::{gate_open, seed, SEED_CONTEXT};
use crate::lanes::Path;

const LANES: usize = 16;
type Word = [u32; LANES];

const IV: [u32; 4] = [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A];
/// CHUNK_START | CHUNK_END | ROOT | DERIVE_KEY_MATERIAL.
const FLAGS: u32 = 1 | 2 | 8 | 64;
const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const ROUNDS: usize = 7;
/// Bytes of key material: sealing hash and nonce.
const LENGTH: u32 = 40;

/// The first nonce (big-endian, from `start` on, at most `limit` of them) that opens the gate, and its seed.
/// Wraps at 2^64. `None`: none of them does.
pub fn search(
    sealing_hash: &[u8; 32],
    start: u64,
    limit: u64,
    bits: u32,
    path: Path,
) -> Option<(u64, [u8; 32])> {
    let template = Template::new(sealing_hash);
    let mask = match bits {
        0 => 0,
        1..32 => !0u32 << (32 - bits),
        _ => !0,
    };
    let mut step = 0;
    while step < limit {
        let first = start.wrapping_add(step);
        let heads = template.heads(first, path);
        let lanes = LANES.min(usize::try_from(limit - step).unwrap_or(LANES));
        for (lane, head) in heads.iter().enumerate().take(lanes) {
            // The seed's bytes are little-endian words; its bits count from the first byte's top.
            if head.swap_bytes() & mask == 0 {
                let nonce = first.wrapping_add(lane as u64);
                let full = seed(sealing_hash, &nonce.to_be_bytes());
                if gate_open(&full, bits) {
                    return Some((nonce, full));
                }
            }
        }
        step += LANES as u64;
    }
    None
}

struct Template {
    key: [u32; 8],
    hash: [u32; 8],
}

fn words(bytes: &[u8; 32]) -> [u32; 8] {
    let mut out = [0; 8];
    for (word, chunk) in out.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_le_bytes(chunk.try_into().expect("four bytes"));
    }
    out
}

impl Template {
    fn new(sealing_hash: &[u8; 32]) -> Self {
        Template {
            key: words(&blake3::hazmat::hash_derive_key_context(SEED_CONTEXT)),
            hash: words(sealing_hash),
        }
    }

    /// First output word of the nonces first..first + LANES.
    fn heads(&self, first: u64, path: Path) -> Word {
        match path {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the path is available.
            Path::Avx512 => unsafe { self.avx512(first) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the path is available.
            Path::Avx2 => unsafe { self.avx2(first) },
            _ => self.compress(first),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    unsafe fn avx512(&self, first: u64) -> Word {
        self.compress(first)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn avx2(&self, first: u64) -> Word {
        self.compress(first)
    }

    #[inline(always)]
    fn compress(&self, first: u64) -> Word {
        let mut block = [[0u32; LANES]; 16];
        for (slot, &word) in block.iter_mut().zip(&self.hash) {
            *slot = [word; LANES];
        }
        let nonces: [u64; LANES] = std::array::from_fn(|lane| first.wrapping_add(lane as u64));
        block[8] = nonces.map(|nonce| ((nonce >> 32) as u32).swap_bytes());
        block[9] = nonces.map(|nonce| (nonce as u32).swap_bytes());
        let mut s = [[0u32; LANES]; 16];
        for (slot, &word) in s.iter_mut().zip(self.key.iter().chain(&IV)) {
            *slot = [word; LANES];
        }
        s[14] = [LENGTH; LANES];
        s[15] = [FLAGS; LANES];
        for _ in 0..ROUNDS {
            mix(&mut s, [0, 4, 8, 12], &block[0], &block[1]);
            mix(&mut s, [1, 5, 9, 13], &block[2], &block[3]);
            mix(&mut s, [2, 6, 10, 14], &block[4], &block[5]);
            mix(&mut s, [3, 7, 11, 15], &block[6], &block[7]);
            mix(&mut s, [0, 5, 10, 15], &block[8], &block[9]);
            mix(&mut s, [1, 6, 11, 12], &block[10], &block[11]);
            mix(&mut s, [2, 7, 8, 13], &block[12], &block[13]);
            mix(&mut s, [3, 4, 9, 14], &block[14], &block[15]);
            let old = block;
            for (slot, from) in block.iter_mut().zip(PERMUTATION) {
                *slot = old[from];
            }
        }
        let mut out = s[0];
        for (word, other) in out.iter_mut().zip(&s[8]) {
            *word ^= other;
        }
        out
    }
}

#[inline(always)]
fn mix(s: &mut [Word; 16], [a, b, c, d]: [usize; 4], x: &Word, y: &Word) {
    for (word, turn_d, turn_b) in [(x, 16, 12), (y, 8, 7)] {
        for lane in 0..LANES {
            s[a][lane] = s[a][lane].wrapping_add(s[b][lane]).wrapping_add(word[lane]);
            s[d][lane] = (s[d][lane] ^ s[a][lane]).rotate_right(turn_d);
            s[c][lane] = s[c][lane].wrapping_add(s[d][lane]);
            s[b][lane] = (s[b][lane] ^ s[c][lane]).rotate_right(turn_b);
        }
    }
}
