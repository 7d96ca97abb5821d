//! The cancel flag, and how often it is looked at.
//!
//! Whatever is longer than a moment is done in small steps, and each says how much work it is before it is done: after
//! `PIECE` of work at most the flag is looked at again. The kernel's passes look for themselves (see `anneal`).

use std::sync::atomic::{AtomicBool, Ordering};

/// Work between two looks at most, in words read or written: a fraction of a millisecond.
pub const PIECE: usize = 1 << 18;

/// Something that says whether to stop.
pub trait Cancel {
    /// True from the moment on at which the work is of no use any more.
    fn raised(&self) -> bool;
}

impl Cancel for AtomicBool {
    fn raised(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

/// For work that is always done to the end.
pub struct Never;

impl Cancel for Never {
    fn raised(&self) -> bool {
        false
    }
}

/// Counts work, and looks at a flag after every piece of it.
pub struct Pace<'a> {
    cancel: &'a dyn Cancel,
    left: usize,
}

impl<'a> Pace<'a> {
    /// The first step looks at the flag.
    pub fn new(cancel: &'a dyn Cancel) -> Self {
        Pace { cancel, left: 0 }
    }

    /// Said before a step of so much work, at most `PIECE`. `None`: cancelled.
    #[inline(always)]
    pub fn step(&mut self, work: usize) -> Option<()> {
        #[cfg(test)]
        assert!(work <= PIECE, "a step of {work}");
        if work > self.left {
            self.look()?;
            self.left = PIECE;
        }
        self.left = self.left.saturating_sub(work);
        Some(())
    }

    /// Looks at the flag. `None`: cancelled.
    #[inline(never)]
    pub fn look(&self) -> Option<()> {
        (!self.cancel.raised()).then_some(())
    }
}
