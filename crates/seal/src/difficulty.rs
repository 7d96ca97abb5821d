//! The level of a block: controller, streak rule, overdue rule; the twin of `quip.consensus.proof_of_work.difficulty`.
//!
//! Levels are log2(work) in 16.16 fixed point, times in seconds; divisions floor toward minus infinity. Sums are made in
//! 128 bits, which the bounds of a spec and of a header's integers do not reach.
use alloy_primitives::{Uint, U256};

use crate::header::Header;
use crate::ladder::{margin_at, Point};
use crate::work::{work, FRACTION_BITS};

/// A sum of difficulties: 2^64 of them, and room.
pub type Total = Uint<512, 8>;

/// The difficulty section of a chain spec, field by field.
#[derive(Debug, Clone, Copy)]
pub struct Levels {
    pub start: i64,
    pub lo: i64,
    pub hi: i64,
    pub target_block_time: i64,
    pub half_life: i64,
    pub outage_cap: i64,
    pub lag: i64,
    pub overdue_after: i64,
    pub overdue_rate: i64,
    pub overdue_limit: i64,
    pub streak_rate: i64,
    pub streak_limit: i64,
    pub future_limit: i64,
}

/// What the difficulty of a block `lag` blocks later depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    pub timestamp: u64,
    pub ommers: u64,
    pub streak: u64,
    pub ended_streak: u64,
}

/// What a block's children need to know about the chain below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub total_difficulty: Total,
    pub controller: i64,
    pub next_controller: i64,
    /// Of blocks n - lag (or genesis) to n, the oldest first; never empty.
    pub recent: Vec<Recent>,
}

/// What a child of some block has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirements {
    pub number: u64,
    pub level: i64,
    pub work: U256,
    pub margin: i64,
    pub controller: i64,
    pub offset: i64,
    pub overdue: i64,
}

fn narrow(number: i128) -> Option<i64> {
    i64::try_from(number).ok()
}

impl Levels {
    fn clamp(&self, level: i128) -> Option<i64> {
        narrow(level.min(self.hi.into()).max(self.lo.into()))
    }

    /// Whether the block of that number has one `lag` blocks below it whose block time counts.
    fn is_lagged(&self, number: u64) -> bool {
        i128::from(number) >= i128::from(self.lag) + 2
    }

    /// c(number + 1) from c(number), and from block time and ommers of the block `lag` below `number`. None: not a number
    /// of a lawful chain.
    pub fn next_controller(
        &self,
        controller: i64,
        number: u64,
        block_time_s: i128,
        ommers: u64,
    ) -> Option<i64> {
        if !self.is_lagged(number) {
            return Some(self.start);
        }
        let target = i128::from(self.target_block_time);
        let counted = block_time_s.min(i128::from(self.outage_cap) * target);
        let error = target
            .checked_mul(1 + i128::from(ommers))?
            .checked_sub(counted)?
            .checked_mul(1 << FRACTION_BITS)?;
        let step = error.checked_div_euclid(self.half_life.into())?;
        self.clamp(i128::from(controller).checked_add(step)?)
    }

    /// How much easier a late block is. Block 1 is never overdue. None: as `next_controller`.
    pub fn overdue_level(&self, number: u64, block_time_s: i128) -> Option<i64> {
        let target = i128::from(self.target_block_time);
        let late = block_time_s.checked_sub(i128::from(self.overdue_after) * target)?;
        if number < 2 || late <= 0 {
            return Some(0);
        }
        let level = late
            .checked_mul(self.overdue_rate.into())?
            .checked_div_euclid(target)?;
        narrow(level.min(self.overdue_limit.into()))
    }

    /// The offset for everybody's next block: easier while one miner repeats, harder once after its streak ended.
    pub fn streak_offset(&self, streak: u64, ended_streak: u64) -> Option<i64> {
        let counted = |streak: u64| i128::from(streak - 1).min(self.streak_limit.into());
        let rate = i128::from(self.streak_rate);
        match (streak, ended_streak) {
            (2.., _) => narrow(-rate * counted(streak)),
            (1, 2..) => narrow(rate * counted(ended_streak)),
            _ => Some(0),
        }
    }

    /// What a child of `parent` with that timestamp has to prove. None: as `next_controller`, or a level off the ladder.
    pub fn requirements(
        &self,
        ladder: &[Point],
        parent: &Header<'_>,
        context: &Context,
        timestamp: u64,
    ) -> Option<Requirements> {
        let number = parent.number.checked_add(1)?;
        let oldest = context.recent.first()?; // block number - 1 - lag, once there are so many
        let offset = if self.is_lagged(number) {
            self.streak_offset(oldest.streak, oldest.ended_streak)?
        } else {
            0
        };
        let block_time_s = i128::from(timestamp) - i128::from(parent.timestamp);
        let overdue = self.overdue_level(number, block_time_s)?;
        let eased = i128::from(context.next_controller) + i128::from(offset) - i128::from(overdue);
        let level = self.clamp(eased)?;
        Some(Requirements {
            number,
            level,
            work: work(u32::try_from(level).ok()?)?,
            margin: margin_at(ladder, level)?,
            controller: context.next_controller,
            offset,
            overdue,
        })
    }

    /// The context of `header`, a lawful child of `parent`. None: as `next_controller`.
    pub fn child_context(
        &self,
        parent: &Header<'_>,
        context: &Context,
        header: &Header<'_>,
    ) -> Option<Context> {
        let before = context.recent.last()?;
        let repeated = before.streak > 0 && header.miner_id() == parent.miner_id();
        let own = Recent {
            timestamp: header.timestamp,
            ommers: header.ommers().unwrap_or(0).into(),
            streak: if repeated {
                before.streak.checked_add(1)?
            } else {
                1
            },
            ended_streak: if repeated {
                before.ended_streak
            } else {
                before.streak
            },
        };
        let mut recent = Vec::with_capacity(context.recent.len() + 1);
        recent.extend_from_slice(&context.recent);
        recent.push(own);
        let (older, lagged) = (recent[0], recent[1]); // blocks n - lag - 1 and n - lag, once there are so many
        let block_time_s = i128::from(lagged.timestamp) - i128::from(older.timestamp);
        let kept = usize::try_from(self.lag).ok()?.checked_add(1)?;
        recent.drain(..recent.len().saturating_sub(kept));
        let difficulty = Total::from(header.difficulty);
        Some(Context {
            total_difficulty: context.total_difficulty.checked_add(difficulty)?,
            controller: context.next_controller,
            next_controller: self.next_controller(
                context.next_controller,
                header.number,
                block_time_s,
                lagged.ommers,
            )?,
            recent,
        })
    }
}
