//! The best far-apart configurations of an instance, and how they are chosen.

use crate::transpose::row_words;
use crate::{MAX_SPINS, REPLICAS};

/// Elites at most: one per bit of a word, and far more than a proof needs.
pub const MAX_ELITES: usize = 64;

/// One configuration.
#[derive(Debug, Clone)]
pub struct Elite {
    pub energy: i32,
    /// Bit i: spin i is +1; `row_words(n)` words, zero above n.
    pub row: Vec<u64>,
    /// 2 s_i, for the crossing: it marks the spins of a difference in here while it works on them. As long as an
    /// index can be, so that it needs no bounds check.
    pub cells: Box<[i8; MAX_SPINS]>,
}

impl Elite {
    /// Spin i: +1 or -1.
    #[inline]
    pub fn spin(&self, i: usize) -> i32 {
        2 * ((self.row[i / 64] >> (i % 64)) & 1) as i32 - 1
    }

    /// Writes 2 s_i back into cell i.
    #[inline]
    pub fn restore(&mut self, i: usize) {
        self.cells[i] = 2 * self.spin(i) as i8;
    }

    fn new(row: &[u64], energy: i32, n: usize) -> Self {
        let cells = vec![0i8; MAX_SPINS].into_boxed_slice();
        let mut elite = Elite {
            energy,
            row: row.to_vec(),
            cells: cells.try_into().expect("MAX_SPINS cells"),
        };
        (0..n).for_each(|i| elite.restore(i));
        elite
    }
}

/// Bits in which two rows differ.
pub fn hamming(a: &[u64], b: &[u64]) -> usize {
    let ones = |(x, y): (&u64, &u64)| (x ^ y).count_ones() as usize;
    a.iter().zip(b).map(ones).sum()
}

/// A set of elites with all their distances.
#[derive(Debug, Clone)]
pub struct Elites {
    pub n: usize,
    /// Whether a configuration and its flip count as one: d is then min(d, n - d).
    pub fold: bool,
    pub members: Vec<Elite>,
    /// Hamming distances, not folded: of members a and b at a * `MAX_ELITES` + b.
    pub distances: Vec<i32>,
}

impl Elites {
    /// None yet.
    pub fn new(n: usize, fold: bool) -> Self {
        Elites {
            n,
            fold,
            members: Vec::new(),
            distances: vec![0; MAX_ELITES * MAX_ELITES],
        }
    }

    /// The distance that the rule means, of a Hamming distance.
    #[inline]
    pub fn folded(&self, d: i32) -> i32 {
        if self.fold {
            d.min(self.n as i32 - d)
        } else {
            d
        }
    }

    /// Sorts by energy (equal ones keep their order) and drops all but the first `count`.
    pub fn keep(&mut self, count: usize) {
        self.members.sort_by_key(|elite| elite.energy);
        self.members.truncate(count);
        self.measure();
    }

    /// Greedy diverse recruiting: replicas by energy (equal ones by number) join where they lie at least `slack` from
    /// all members, until there are `most`. `rows`: as `transpose::by_replica` makes them.
    pub fn recruit(&mut self, rows: &[u64], energies: &[i32], most: usize, slack: usize) {
        let width = row_words(self.n);
        let mut ranked: Vec<usize> = (0..REPLICAS).collect();
        ranked.sort_by_key(|&r| (energies[r], r));
        for r in ranked {
            if self.members.len() >= most.min(MAX_ELITES) {
                break;
            }
            let row = &rows[r * width..][..width];
            let far =
                |elite: &Elite| self.folded(hamming(&elite.row, row) as i32) as usize >= slack;
            if self.members.iter().all(far) {
                self.members.push(Elite::new(row, energies[r], self.n));
            }
        }
        self.measure();
    }

    fn measure(&mut self) {
        for (a, one) in self.members.iter().enumerate() {
            for (b, other) in self.members.iter().enumerate() {
                self.distances[a * MAX_ELITES + b] = hamming(&one.row, &other.row) as i32;
            }
        }
    }
}
