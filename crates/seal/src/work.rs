//! work(level) = floor(2^(level / 65536)), exactly, by integers alone: the twin of `quip.consensus.work`.
//!
//! 2^(f / 65536) for a 16-bit f is the product of those of 2^(1/2), 2^(1/4), ..., 2^(1/65536) whose bit is set in f. Each
//! factor is an interval of two fixed-point numbers; if both ends of the product floor to the same integer, that is the
//! answer. Otherwise (about once in 2^60 levels) there is none here: the clear twin doubles its precision instead.
use std::sync::OnceLock;

use alloy_primitives::{Uint, U256};

/// Bits of a level's fraction.
pub const FRACTION_BITS: u32 = 16;
/// The highest level whose work fits 256 bits.
pub const MAX_LEVEL: u32 = 255 << FRACTION_BITS;

/// Intervals around 2^(1/2), 2^(1/4), ..., 2^(1/65536) in units of 2^-precision.
struct Roots<const BITS: usize, const LIMBS: usize> {
    precision: usize,
    pairs: Vec<(Uint<BITS, LIMBS>, Uint<BITS, LIMBS>)>,
}

/// For whole parts up to 60, whose products stay below 2^250: nearly all levels.
static SHORT: OnceLock<Roots<256, 4>> = OnceLock::new();
const SHORT_WHOLE: usize = 60;
const SHORT_PRECISION: usize = 124;
/// For all others.
static LONG: OnceLock<Roots<1024, 16>> = OnceLock::new();
const LONG_PRECISION: usize = 400;

/// floor(sqrt(square)): Newton's steps from above never pass it.
fn isqrt<const BITS: usize, const LIMBS: usize>(square: Uint<BITS, LIMBS>) -> Uint<BITS, LIMBS> {
    let mut root = Uint::ONE << square.bit_len().div_ceil(2);
    loop {
        let next = (root + square / root) >> 1;
        if next >= root {
            return root;
        }
        root = next;
    }
}

impl<const BITS: usize, const LIMBS: usize> Roots<BITS, LIMBS> {
    fn new(precision: usize) -> Self {
        let two = Uint::<BITS, LIMBS>::from(2u64) << precision;
        let (mut low, mut high) = (two, two);
        let mut pairs = Vec::new();
        for _ in 0..FRACTION_BITS {
            low = isqrt(low << precision);
            high = isqrt(high << precision) + Uint::ONE;
            pairs.push((low, high));
        }
        Roots { precision, pairs }
    }

    fn power(&self, whole: usize, fraction: u32) -> Option<U256> {
        let one = Uint::<BITS, LIMBS>::ONE << self.precision;
        let below_one = one - Uint::ONE;
        let (mut low, mut high) = (one, one);
        for (index, (root_low, root_high)) in self.pairs.iter().enumerate() {
            if fraction >> (FRACTION_BITS as usize - 1 - index) & 1 == 1 {
                low = (low * *root_low) >> self.precision;
                high = (high * *root_high + below_one) >> self.precision;
            }
        }
        let shift = self.precision - whole;
        let floor = low >> shift;
        (floor == high >> shift).then(|| U256::from_limbs_slice(&floor.as_limbs()[..4]))
    }
}

/// Work in units of 1,000 spin updates. None: above `MAX_LEVEL`, or undecided at this precision.
pub fn work(level: u32) -> Option<U256> {
    if level > MAX_LEVEL {
        return None;
    }
    let (whole, fraction) = ((level >> FRACTION_BITS) as usize, level & 0xFFFF);
    if fraction == 0 {
        return Some(U256::ONE << whole);
    }
    if whole <= SHORT_WHOLE {
        let roots = SHORT.get_or_init(|| Roots::new(SHORT_PRECISION));
        return roots.power(whole, fraction);
    }
    let roots = LONG.get_or_init(|| Roots::new(LONG_PRECISION));
    roots.power(whole, fraction)
}
