//! Choosing `count` configurations that all lie at least `min_distance` apart.
//!
//! A clique of the graph "far enough apart". Candidates come best energy first. A depth-first search with bit sets
//! takes the candidate with the most compatible candidates left first, and gives up after `BUDGET` nodes, so that it is
//! exact on small sets and quick on large ones. It is deterministic.

use crate::cancel::Pace;
use crate::MAX_SPINS;

/// Search nodes at most; one costs some 0.1 us at 64 candidates.
const BUDGET: usize = 20_000;
/// Candidates looked at, best first: a quarter of a run's replicas.
pub const MAX_CANDIDATES: usize = 128;

/// What a search may still do.
struct Search<'a, 'b> {
    budget: usize,
    pace: &'a mut Pace<'b>,
}

/// Candidates compatible with each candidate.
pub struct Compatible {
    rows: Vec<u128>,
}

impl Compatible {
    /// `distance(a, b)` of the candidates 0..size, size <= `MAX_CANDIDATES`. `None`: cancelled.
    pub fn new(
        size: usize,
        min_distance: usize,
        distance: impl Fn(usize, usize) -> usize,
        pace: &mut Pace,
    ) -> Option<Self> {
        let size = size.min(MAX_CANDIDATES);
        let mut rows = vec![0u128; size];
        for a in 0..size {
            for b in a + 1..size {
                pace.step(MAX_SPINS / 64)?;
                if distance(a, b) >= min_distance {
                    rows[a] |= 1 << b;
                    rows[b] |= 1 << a;
                }
            }
        }
        Some(Compatible { rows })
    }

    /// `count` mutually compatible candidates among the first `size`, ascending; `None`: none found, or cancelled.
    pub fn choose(&self, size: usize, count: usize, pace: &mut Pace) -> Option<Vec<usize>> {
        let size = size.min(self.rows.len());
        if count > size {
            return None;
        }
        let all = if size == 128 { !0 } else { (1u128 << size) - 1 };
        let mut chosen = Vec::with_capacity(count);
        let mut search = Search {
            budget: BUDGET,
            pace,
        };
        if !self.extend(all, count, &mut chosen, &mut search)? {
            return None;
        }
        chosen.sort_unstable();
        Some(chosen)
    }

    /// The least size whose first candidates hold `count` compatible ones, with them. `None`: there are none, or cancelled.
    pub fn shortest(&self, count: usize, pace: &mut Pace) -> Option<(usize, Vec<usize>)> {
        if count == 0 {
            return None;
        }
        let (mut low, mut high) = (count, self.rows.len());
        let mut best = self.choose(high, count, pace)?;
        while low < high {
            let middle = (low + high) / 2;
            match self.choose(middle, count, pace) {
                Some(chosen) => {
                    best = chosen;
                    high = middle;
                }
                None => low = middle + 1,
            }
            pace.look()?;
        }
        Some((high, best))
    }

    fn extend(
        &self,
        mut open: u128,
        count: usize,
        chosen: &mut Vec<usize>,
        search: &mut Search,
    ) -> Option<bool> {
        if count == 0 {
            return Some(true);
        }
        while open.count_ones() as usize >= count && search.budget > 0 {
            search.budget -= 1;
            search.pace.step(4 * MAX_CANDIDATES)?;
            let next = self.most_compatible(open);
            chosen.push(next);
            if self.extend(open & self.rows[next], count - 1, chosen, search)? {
                return Some(true);
            }
            chosen.pop();
            open &= !(1 << next);
        }
        Some(false)
    }

    fn most_compatible(&self, open: u128) -> usize {
        let mut rest = open;
        let (mut best, mut most) = (0, 0);
        while rest != 0 {
            let k = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let degree = (open & self.rows[k]).count_ones() + 1;
            if degree > most {
                (best, most) = (k, degree);
            }
        }
        best
    }
}
