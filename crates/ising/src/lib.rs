//! The puzzle's arithmetic: random +-1 Ising instances on a fixed graph, 512 replicas at a time.
//!
//! Everything here is a pure function of its arguments and bit-identical on every path (`Path`): the baseline that
//! consensus is built on is the same kernel that mines. Multi-spin coding: one machine word holds one spin of many
//! replicas (bit 1 = spin +1), so that one carry-save adder tree updates all of them (see `adder` and `sweep`).
//!
//! What this crate does not do: no clock, no ambient randomness, no threads, no floats.

pub mod adder;
pub mod anneal;
pub mod bits;
pub mod blake;
pub mod cancel;
pub mod crossing;
pub mod diverse;
pub mod elites;
pub mod energy;
pub mod families;
pub mod gate;
pub mod graph;
pub mod lanes;
pub mod model;
pub mod select;
pub mod sweep;
pub mod threshold;
pub mod transpose;

#[cfg(test)]
mod tests;

/// Replicas of one run: the width of the widest register, and a constant of the protocol's baseline.
pub const REPLICAS: usize = 512;
/// 64-bit words that hold one spin of all replicas.
pub const WORDS: usize = REPLICAS / 64;
/// Largest degree of a graph; a field counts as one more bond, so the adder takes up to 25 inputs.
pub const MAX_DEGREE: usize = 24;
/// Spins at most: row offsets of the widest path must fit `lanes::FIELD` bits.
pub const MAX_SPINS: usize = 1 << 16;

/// Why an argument was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// Shorthand for a refused argument.
pub fn invalid<T>(why: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(why.into()))
}
