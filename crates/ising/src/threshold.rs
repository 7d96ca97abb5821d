//! Draws against integer cutoffs: how many unsatisfied bonds make a spin flip in this visit.
//!
//! Of a spin with D bonds, u of them unsatisfied, k = D - 2u. It flips iff k <= 0 or draw < cutoff[k]. Cutoffs do not
//! rise with k, so that is u >= ceil(D/2) - c, c = number of k in 1..=D of D's parity with draw < cutoff[k].
//! The kernel wants the code 32 - K - threshold (see `adder` for K), one byte a spin. With N inputs, D' of them bonds or
//! the spin itself (D' odd) and (N - D') / 2 pairs of constants, K and the pairs add up to 15 - ceil(D/2), so that it is
//! 17 + c for every degree. Bit 4 is always set; bits 0 to 3 lie in bits 6 to 3 of the byte, where they are offsets.

use crate::{invalid, Invalid, MAX_DEGREE};

/// k runs to the maximum degree plus one (a field is a bond): 25 entries above k = 0.
const MAX_K: usize = MAX_DEGREE + 1;
/// The code of c = 0, without bit 4.
const BASE: u8 = 1;
/// Spins handled at a time; wide enough for any vector unit.
const CHUNK: usize = 64;
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A schedule: one row of cutoffs per sweep, in 1/65536.
#[derive(Debug, Clone)]
pub struct Cutoffs {
    rows: Vec<Row>,
}

/// One sweep's limits by parity of k; a cutoff of 65536 always admits and is counted apart.
#[derive(Debug, Clone, Default)]
struct Row {
    always: [u8; 2],
    limits: [Vec<u16>; 2],
}

impl Cutoffs {
    /// `rows[s][k]` for k = 0..=K: 65536 at k = 0, not rising with k. What lies beyond a row's end is 0.
    pub fn new(rows: &[Vec<u32>]) -> Result<Self, Invalid> {
        let mut out = Vec::with_capacity(rows.len());
        for (number, row) in rows.iter().enumerate() {
            if row.is_empty() || row.len() > MAX_K + 1 || row[0] != 65536 {
                return invalid(format!(
                    "cutoff row {number} must hold 1 to {} entries, the first 65536",
                    MAX_K + 1
                ));
            }
            if row.windows(2).any(|w| w[0] < w[1]) {
                return invalid(format!("cutoff row {number} rises"));
            }
            let mut made = Row::default();
            for (k, &cutoff) in row.iter().enumerate().skip(1) {
                match cutoff {
                    0 => {}
                    65536 => made.always[k & 1] += 1,
                    limit => made.limits[k & 1].push(limit as u16),
                }
            }
            out.push(made);
        }
        Ok(Cutoffs { rows: out })
    }

    /// Number of sweeps.
    pub fn sweeps(&self) -> usize {
        self.rows.len()
    }
}

/// Where a sweep's 16-bit draws come from. One per spin, shared by all replicas.
#[derive(Debug, Clone, Copy)]
pub enum Draws<'a> {
    /// Little-endian pairs of bytes, one a spin.
    Bytes(&'a [u8]),
    /// Counter-based (see `counter_word`): the key, and the sweep's number.
    Counter(u64, u32),
}

/// SplitMix64's output function (Steele, Lea, Flood 2014).
#[inline(always)]
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Word `index` of block `block` of the counter-based generator: four draws, the lowest 16 bits first.
/// Sweep s, spin i takes draw i mod 4 of word i / 4 of block s. Block 2^32 - 1 holds the start.
#[inline(always)]
pub fn counter_word(key: u64, block: u32, index: u32) -> u64 {
    let counter = (u64::from(block) << 32) | u64::from(index);
    mix(key.wrapping_add(counter.wrapping_mul(GOLDEN)))
}

/// The generator's key for a seed: seeds that differ by little get unrelated streams.
pub fn counter_key(seed: u64) -> u64 {
    mix(seed.wrapping_add(GOLDEN))
}

/// What a spin's degree contributes to its code.
#[derive(Debug, Clone)]
pub struct Degrees {
    /// ceil(D/2): c is at most this.
    half: Vec<u8>,
    /// 0xFF where D is odd.
    odd: Vec<u8>,
    /// Which parities occur in each chunk of 64 spins.
    parities: Vec<[bool; 2]>,
}

impl Degrees {
    /// `bonds[i]`: bonds of spin i, a field included.
    pub fn new(bonds: &[u8]) -> Self {
        let mut out = Degrees {
            half: Vec::new(),
            odd: Vec::new(),
            parities: vec![[false; 2]; bonds.len().div_ceil(CHUNK)],
        };
        for (i, &d) in bonds.iter().enumerate() {
            let half = d.div_ceil(2);
            out.half.push(half);
            out.odd.push(if d % 2 == 1 { 0xFF } else { 0 });
            out.parities[i / CHUNK][usize::from(d % 2)] = true;
        }
        out
    }

    /// Number of spins.
    pub fn len(&self) -> usize {
        self.half.len()
    }

    /// True without spins.
    pub fn is_empty(&self) -> bool {
        self.half.is_empty()
    }
}

/// Fills `codes` (one byte a spin, canonical order) for one sweep.
#[inline(always)]
pub fn codes(cutoffs: &Cutoffs, sweep: usize, draws: Draws, degrees: &Degrees, codes: &mut [u8]) {
    let row = &cutoffs.rows[sweep];
    let n = degrees.len();
    let mut drawn = [0u16; CHUNK];
    for (number, chunk) in codes[..n].chunks_mut(CHUNK).enumerate() {
        let first = number * CHUNK;
        let size = chunk.len();
        fill(draws, first, &mut drawn[..size]);
        let mut counts = [[0u8; CHUNK]; 2];
        for (parity, count) in counts.iter_mut().enumerate() {
            if !degrees.parities[number][parity] {
                continue;
            }
            count.fill(row.always[parity]);
            for &limit in &row.limits[parity] {
                for lane in 0..CHUNK {
                    count[lane] += u8::from(drawn[lane] < limit);
                }
            }
        }
        let (half, odd) = (
            &degrees.half[first..first + size],
            &degrees.odd[first..first + size],
        );
        for lane in 0..size {
            let count = (counts[0][lane] & !odd[lane]) | (counts[1][lane] & odd[lane]);
            let code = BASE + count.min(half[lane]);
            chunk[lane] = (code & 1) << 6 | (code & 2) << 4 | (code & 4) << 2 | code & 8;
        }
    }
}

#[inline(always)]
fn fill(draws: Draws, first: usize, out: &mut [u16]) {
    match draws {
        Draws::Bytes(bytes) => {
            let bytes = &bytes[2 * first..][..2 * out.len()];
            for (slot, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
                *slot = u16::from_le_bytes([pair[0], pair[1]]);
            }
        }
        Draws::Counter(key, sweep) => {
            let mut words = [0u64; CHUNK / 4];
            for (k, word) in words.iter_mut().enumerate() {
                *word = counter_word(key, sweep, (first / 4 + k) as u32);
            }
            for (lane, slot) in out.iter_mut().enumerate() {
                *slot = (words[lane / 4] >> (16 * (lane % 4))) as u16;
            }
        }
    }
}
