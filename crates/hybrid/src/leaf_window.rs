//! Which one-time keys (leaves) of an account are used up: one past the highest, and a map of the 256 below it.
//!
//! A bare "next leaf" would kill transactions that are under way when a later one is mined first. Leaves below the map
//! count as used whether they were or not.
use std::fmt;

use alloy_primitives::U256;

/// Leaves that the map holds.
pub const WINDOW: u64 = 256;

/// What is kept of an account; all zero at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeafWindow {
    /// One past the highest leaf used.
    pub next: u64,
    /// Bit i, the least significant being 0: leaf next - 1 - i is used.
    pub used: U256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafRefused {
    /// Not below the number of leaves.
    PastEnd,
    /// More than 256 below the next one.
    TooOld,
    Used,
}

impl fmt::Display for LeafRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PastEnd => "the leaf is past the end of the tree",
            Self::TooOld => "the leaf is more than 256 below the next one",
            Self::Used => "the leaf is used",
        })
    }
}

impl std::error::Error for LeafRefused {}

impl LeafWindow {
    /// The window after `leaf` of a tree of `leaves` leaves was used. Errors: PastEnd, TooOld, Used.
    pub fn burn(self, leaf: u64, leaves: u64) -> Result<Self, LeafRefused> {
        if leaf >= leaves {
            return Err(LeafRefused::PastEnd);
        }
        if leaf >= self.next {
            let shift = leaf + 1 - self.next; // leaf < leaves, so that leaf + 1 is no overflow
            let kept = if shift < WINDOW {
                self.used << shift as usize
            } else {
                U256::ZERO
            };
            return Ok(Self {
                next: leaf + 1,
                used: kept | U256::from(1),
            });
        }
        let below = self.next - 1 - leaf;
        if below >= WINDOW {
            return Err(LeafRefused::TooOld);
        }
        let bit = U256::from(1) << below as usize;
        if self.used & bit != U256::ZERO {
            return Err(LeafRefused::Used);
        }
        Ok(Self {
            next: self.next,
            used: self.used | bit,
        })
    }
}
