//! The best far-apart configurations of an instance, and how they are chosen.

use crate::cancel::Pace;
use crate::transpose::row_words;

/// Elites at most: one per bit of a word, and far more than a proof needs.
pub const MAX_ELITES: usize = 64;

/// One configuration.
#[derive(Debug, Clone)]
pub struct Elite {
    pub energy: i32,
    /// Bit i: spin i is +1; `row_words(n)` words, zero above n.
    pub row: Vec<u64>,
}

impl Elite {
    fn new(row: &[u64], energy: i32) -> Self {
        Elite {
            energy,
            row: row.to_vec(),
        }
    }
}

/// A run's replicas as recruiting reads them.
pub struct Replicas<'a> {
    /// As `transpose::by_replica` makes them; empty where nobody is to join.
    pub rows: &'a [u64],
    pub energies: &'a [i32],
}

impl Replicas<'_> {
    /// By energy, equal ones by number.
    fn ranked(&self) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..self.energies.len()).collect();
        ranked.sort_by_key(|&r| (self.energies[r], r));
        ranked
    }
}

/// Bits in which two rows differ.
#[inline(always)]
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

    /// Sorts by energy (equal ones keep their order) and drops all but the first `keep`; then replicas by energy (equal
    /// ones by number) join where they lie at least `slack` from all members, until there are `most`. `None`: cancelled,
    /// and nothing has changed.
    pub fn recruit(
        &mut self,
        keep: usize,
        most: usize,
        slack: usize,
        replicas: &Replicas,
        pace: &mut Pace,
    ) -> Option<()> {
        let width = row_words(self.n);
        let mut kept: Vec<usize> = (0..self.members.len()).collect();
        kept.sort_by_key(|&a| self.members[a].energy);
        kept.truncate(keep);
        let mut joined: Vec<Elite> = Vec::new();
        // Of each that joins, to those before it.
        let mut to_joined: Vec<Vec<i32>> = Vec::new();
        for r in replicas.ranked() {
            if kept.len() + joined.len() >= most.min(MAX_ELITES) {
                break;
            }
            let row = &replicas.rows[r * width..][..width];
            let mut distances = Vec::with_capacity(MAX_ELITES);
            for elite in kept.iter().map(|&a| &self.members[a]).chain(&joined) {
                pace.step(width)?;
                let d = hamming(&elite.row, row) as i32;
                if (self.folded(d) as usize) < slack {
                    break;
                }
                distances.push(d);
            }
            if distances.len() == kept.len() + joined.len() {
                joined.push(Elite::new(row, replicas.energies[r]));
                to_joined.push(distances);
            }
        }
        self.replace(&kept, joined, &to_joined);
        Some(())
    }

    /// Members become those of `kept`, in this order, and those that join.
    fn replace(&mut self, kept: &[usize], joined: Vec<Elite>, to_joined: &[Vec<i32>]) {
        let old = std::mem::replace(&mut self.distances, vec![0; MAX_ELITES * MAX_ELITES]);
        for (a, &one) in kept.iter().enumerate() {
            for (b, &other) in kept.iter().enumerate() {
                self.distances[a * MAX_ELITES + b] = old[one * MAX_ELITES + other];
            }
        }
        for (k, distances) in to_joined.iter().enumerate() {
            for (b, &d) in distances.iter().enumerate() {
                self.distances[(kept.len() + k) * MAX_ELITES + b] = d;
                self.distances[b * MAX_ELITES + kept.len() + k] = d;
            }
        }
        let mut before: Vec<Option<Elite>> = self.members.drain(..).map(Some).collect();
        let staying = kept.iter().map(|&a| before[a].take().expect("kept once"));
        self.members = staying.collect();
        self.members.extend(joined);
    }
}
