//! Component crossing: an elite takes from a replica what lowers its energy, and nothing else.
//!
//! The spins in which the two differ fall into connected components of the graph. Flipping one component changes the
//! elite's energy by a sum over that component's own boundary, whatever becomes of the others: so each is judged alone.
//! (Partition crossover: Whitley, Hains, Howe 2009; for spin glasses also cluster-exact moves, Houdayer 1999.)
//!
//! Sets of spins are bit sets of 64 spins a word. A spin's neighbours lie in a few words (in the canonical order of
//! Zephyr graphs in five of twenty neighbours), so a word's mask looks at several of them at a time.

use crate::cancel::Pace;
use crate::elites::{hamming, Elites, MAX_ELITES};
use crate::lanes::Path;
use crate::model::Model;
use crate::MAX_SPINS;

/// The distance rule of a crossing, in Hamming distance (folded where the elites are).
#[derive(Debug, Clone, Copy)]
pub struct Apart {
    /// No pair comes nearer than this, or than it is already.
    pub least: i32,
    /// A component of zero cost is taken if it brings the elite no nearer, in sum, to the elites nearer than this.
    pub near: i32,
}

/// The neighbours of a spin that lie in one word.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    mask: u64,
    /// Those of `mask` whose coupling is -1.
    negative: u64,
    word: u16,
}

/// A model's couplings as crossing reads them.
#[derive(Debug)]
pub struct Neighbours {
    /// Parts a spin, filled up with empty ones.
    width: usize,
    parts: Vec<Part>,
    field: Vec<i8>,
}

impl Neighbours {
    /// Of a model. `None`: cancelled.
    pub fn new(model: &Model, pace: &mut Pace) -> Option<Self> {
        let graph = model.graph();
        let mut width = 1;
        for v in 0..graph.n() {
            let bonds = graph.bonds(v);
            pace.step(2 * bonds.len() + 1)?;
            let changes = bonds
                .windows(2)
                .filter(|two| word_of(two[0].neighbour) != word_of(two[1].neighbour));
            width = width.max(1 + changes.count());
        }
        let mut out = Neighbours {
            width,
            parts: Vec::with_capacity(graph.n() * width),
            field: (0..graph.n()).map(|v| model.field(v)).collect(),
        };
        for v in 0..graph.n() {
            pace.step(8 * width)?;
            let first = out.parts.len();
            // Neighbours ascend: those of a word come together.
            for bond in graph.bonds(v) {
                let word = word_of(bond.neighbour);
                if out.parts.len() == first || out.parts[out.parts.len() - 1].word != word {
                    out.parts.push(Part {
                        word,
                        ..Part::default()
                    });
                }
                let part = out.parts.last_mut()?;
                let bit = 1 << (bond.neighbour % 64);
                part.mask |= bit;
                part.negative |= if model.negative()[bond.coupler as usize] == 1 {
                    bit
                } else {
                    0
                };
            }
            out.parts.resize(first + width, Part::default());
        }
        Some(out)
    }
}

fn word_of(spin: u32) -> u16 {
    (spin / 64) as u16
}

/// Words of the largest bit set.
const MAX_WORDS: usize = MAX_SPINS / 64;

/// A component: how many spins, and by how much half the energy falls if they flip.
struct Found {
    size: usize,
    gain: i32,
}

/// Memory of a crossing, kept from one replica to the next. As long as an index can be: no index needs a check.
struct Crossing {
    /// The spins in which elite and replica differ, and those of them that no component has yet.
    differing: Box<[u64; MAX_WORDS]>,
    fresh: Box<[u64; MAX_WORDS]>,
    /// The component: its spins as they were found (and one place that is written in vain), ...
    list: Vec<u16>,
    /// ... and as a bit set, zero between two components, with the words in which there are any.
    set: Box<[u64; MAX_WORDS]>,
    touched: Vec<u16>,
    moved: [i32; MAX_ELITES],
}

/// Crosses elite `family[r]` with replica r for all r of `order`.
pub struct Job<'a> {
    pub neighbours: &'a Neighbours,
    /// As `transpose::by_replica` makes them.
    pub rows: &'a [u64],
    pub family: &'a [usize],
    pub order: &'a [usize],
    pub apart: Apart,
}

impl Job<'_> {
    /// With `elites.fold`, a replica or its flip, whichever is nearer to the elite. All paths do the same. `None`:
    /// cancelled; components that were taken stay.
    pub fn run(&self, elites: &mut Elites, path: Path, pace: &mut Pace) -> Option<()> {
        match path {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a path's CPU has these (`Path::available`).
            Path::Avx512 | Path::Avx2 => unsafe { self.counting(elites, pace) },
            _ => self.all(elites, pace),
        }
    }

    /// With instructions that count bits and find the lowest.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "popcnt,bmi1")]
    unsafe fn counting(&self, elites: &mut Elites, pace: &mut Pace) -> Option<()> {
        self.all(elites, pace)
    }

    #[inline(always)]
    fn all(&self, elites: &mut Elites, pace: &mut Pace) -> Option<()> {
        let width = self.rows.len() / self.order.len();
        let mut crossing = Crossing::new();
        for &r in self.order {
            pace.look()?;
            let replica = &self.rows[r * width..][..width];
            crossing.cross(elites, self.family[r], replica, self, pace)?;
        }
        Some(())
    }
}

impl Crossing {
    fn new() -> Self {
        let words = || vec![0u64; MAX_WORDS].into_boxed_slice().try_into();
        let words = || words().expect("so many words");
        Crossing {
            differing: words(),
            fresh: words(),
            list: vec![0; MAX_SPINS + 1],
            set: words(),
            touched: Vec::with_capacity(MAX_WORDS),
            moved: [0; MAX_ELITES],
        }
    }

    #[inline(always)]
    fn cross(
        &mut self,
        elites: &mut Elites,
        a: usize,
        replica: &[u64],
        job: &Job,
        pace: &mut Pace,
    ) -> Option<()> {
        self.compare(elites, a, replica);
        for word in 0..replica.len() {
            // Components come in the order of their lowest spins.
            while self.fresh[word] != 0 {
                let root = 64 * word + self.fresh[word].trailing_zeros() as usize;
                let found = self.explore(&elites.members[a].row, root, job.neighbours, pace)?;
                if found.gain < 0 {
                    continue;
                }
                self.collect(found.size);
                let lawful = self.lawful(elites, a, &found, job.apart, pace);
                if lawful == Some(true) {
                    self.take(elites, a, &found);
                }
                for &word in &self.touched {
                    self.set[usize::from(word)] = 0;
                }
                lawful?;
            }
        }
        Some(())
    }

    /// The spins that differ.
    #[inline(always)]
    fn compare(&mut self, elites: &Elites, a: usize, replica: &[u64]) {
        let n = elites.n;
        let row = &elites.members[a].row;
        let d = hamming(row, replica);
        let flip = if elites.fold && 2 * d > n { !0u64 } else { 0 };
        for (word, (x, y)) in row.iter().zip(replica).enumerate() {
            let rest = n - 64 * word;
            let within = if rest < 64 { (1u64 << rest) - 1 } else { !0 };
            let differing = (x ^ y ^ flip) & within;
            self.differing[word] = differing;
            self.fresh[word] = differing;
        }
    }

    /// Walks the component of `root`, breadth first: `gain` is the sum over its spins of
    /// s_i (h_i + sum over neighbours outside of J s).
    #[inline(always)]
    fn explore(
        &mut self,
        row: &[u64],
        root: usize,
        neighbours: &Neighbours,
        pace: &mut Pace,
    ) -> Option<Found> {
        let width = neighbours.width;
        self.list[0] = root as u16;
        self.fresh[root / 64] &= !(1 << (root % 64));
        let (mut size, mut at, mut gain) = (1, 0, 0);
        while at < size {
            let i = usize::from(self.list[at]);
            at += 1;
            pace.step(4 * width)?;
            // Neighbours outside, and those of them with J s = +1.
            let (mut outside, mut high) = (0, 0);
            for part in &neighbours.parts[i * width..][..width] {
                let word = usize::from(part.word) % MAX_WORDS;
                let beyond = part.mask & !self.differing[word];
                outside += beyond.count_ones();
                high += (beyond & (row[word] ^ part.negative)).count_ones();
                let mut new = part.mask & self.fresh[word];
                self.fresh[word] ^= new;
                // Mostly there are no more than two: written without asking.
                for _ in 0..2 {
                    self.list[size] = (64 * word) as u16 | (new.trailing_zeros() % 64) as u16;
                    size += usize::from(new != 0);
                    new &= new.wrapping_sub(1);
                }
                while new != 0 {
                    self.list[size] = (64 * word) as u16 | new.trailing_zeros() as u16;
                    size += 1;
                    new &= new - 1;
                }
            }
            let sum = 2 * high as i32 - outside as i32 + i32::from(neighbours.field[i]);
            gain += if row[i / 64] >> (i % 64) & 1 == 1 {
                sum
            } else {
                -sum
            };
        }
        Some(Found { size, gain })
    }

    /// The component as a set.
    #[inline(always)]
    fn collect(&mut self, size: usize) {
        self.touched.clear();
        for &i in &self.list[..size] {
            let word = usize::from(i / 64);
            if self.set[word] == 0 {
                self.touched.push(i / 64);
            }
            self.set[word] |= 1 << (i % 64);
        }
    }

    /// Whether the distance rule admits the component; `moved` then holds the distances to all elites after it.
    #[inline(always)]
    fn lawful(
        &mut self,
        elites: &Elites,
        a: usize,
        found: &Found,
        apart: Apart,
        pace: &mut Pace,
    ) -> Option<bool> {
        let mut room = 0;
        let own = &elites.members[a].row;
        for (c, other) in elites.members.iter().enumerate() {
            if c == a {
                continue;
            }
            pace.step(2 * self.touched.len())?;
            let differ = |&word: &u16| {
                let word = usize::from(word);
                ((own[word] ^ other.row[word]) & self.set[word]).count_ones() as i32
            };
            let differing: i32 = self.touched.iter().map(differ).sum();
            let before = elites.distances[a * MAX_ELITES + c];
            let after = before + found.size as i32 - 2 * differing;
            self.moved[c] = after;
            let (before, after) = (elites.folded(before), elites.folded(after));
            if after < apart.least.min(before) {
                return Some(false);
            }
            if before < apart.near {
                room += after - before;
            }
        }
        Some(found.gain > 0 || room >= 0)
    }

    #[inline(always)]
    fn take(&mut self, elites: &mut Elites, a: usize, found: &Found) {
        let elite = &mut elites.members[a];
        for &word in &self.touched {
            elite.row[usize::from(word)] ^= self.set[usize::from(word)];
        }
        elite.energy -= 2 * found.gain;
        for c in (0..elites.members.len()).filter(|&c| c != a) {
            elites.distances[a * MAX_ELITES + c] = self.moved[c];
            elites.distances[c * MAX_ELITES + a] = self.moved[c];
        }
    }
}
