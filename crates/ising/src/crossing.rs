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

/// A model's couplings as crossing reads them: of every spin, `width` parts, each the neighbours that lie in one word.
#[derive(Debug)]
pub struct Neighbours {
    width: usize,
    /// Of each part; empty ones fill up.
    words: Vec<u16>,
    masks: Vec<u64>,
    /// Those of the mask whose coupling is -1.
    negative: Vec<u64>,
    field: Vec<i8>,
}

impl Neighbours {
    /// Of a model. `None`: cancelled.
    pub fn new(model: &Model, pace: &mut Pace) -> Option<Self> {
        let graph = model.graph();
        let n = graph.n();
        let mut width = 1;
        for v in 0..n {
            let bonds = graph.bonds(v);
            pace.step(2 * bonds.len() + 1)?;
            // Neighbours ascend: those of a word come together.
            let others = bonds
                .windows(2)
                .filter(|two| two[0].neighbour / 64 != two[1].neighbour / 64);
            width = width.max(1 + others.count());
        }
        let mut out = Neighbours {
            width,
            words: vec![0; n * width],
            masks: vec![0; n * width],
            negative: vec![0; n * width],
            field: (0..n).map(|v| model.field(v)).collect(),
        };
        for v in 0..n {
            pace.step(8 * width)?;
            let mut part = v * width;
            for bond in graph.bonds(v) {
                let word = (bond.neighbour / 64) as u16;
                if out.masks[part] != 0 && out.words[part] != word {
                    part += 1;
                }
                out.words[part] = word;
                out.masks[part] |= 1 << (bond.neighbour % 64);
                let negative = u64::from(model.negative()[bond.coupler as usize]);
                out.negative[part] |= negative << (bond.neighbour % 64);
            }
        }
        Some(out)
    }
}

/// Words of the largest bit set: what is so long needs no check of an index below it.
const MAX_WORDS: usize = MAX_SPINS / 64;

/// Some spins of a component, all in one word.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    bits: u64,
    word: usize,
}

/// A component of the differing spins.
#[derive(Debug, Clone, Copy)]
struct Component {
    /// Its pieces: from the first one on up to the next component's.
    first: usize,
    end: usize,
    size: i32,
    /// By how much half the energy falls if it flips.
    gain: i32,
}

/// Memory of a crossing, kept from one replica to the next.
struct Crossing {
    /// The spins in which elite and replica differ, and those of them that no component has yet.
    differing: Box<[u64; MAX_WORDS]>,
    fresh: Box<[u64; MAX_WORDS]>,
    /// Of all components. One more than there can be: one is written in vain.
    pieces: Vec<Piece>,
    components: Vec<Component>,
    moved: [i32; MAX_ELITES],
}

/// Crosses elite `family[r]` with replica r, for every r in `order`.
pub struct Job<'a> {
    pub neighbours: &'a Neighbours,
    /// As `transpose::by_replica` makes them.
    pub rows: &'a [u64],
    pub energies: &'a [i32],
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
    #[target_feature(enable = "avx2,popcnt,bmi1")]
    unsafe fn counting(&self, elites: &mut Elites, pace: &mut Pace) -> Option<()> {
        self.all(elites, pace)
    }

    #[inline(always)]
    fn all(&self, elites: &mut Elites, pace: &mut Pace) -> Option<()> {
        let mut crossing = Crossing::new(elites.n);
        for &r in self.order {
            pace.look()?;
            crossing.cross(elites, r, self, pace)?;
        }
        Some(())
    }
}

impl Crossing {
    fn new(n: usize) -> Self {
        let zeros = || vec![0u64; MAX_WORDS].into_boxed_slice();
        Crossing {
            differing: zeros().try_into().expect("so many words"),
            fresh: zeros().try_into().expect("so many words"),
            pieces: vec![Piece::default(); n + 1],
            components: Vec::new(),
            moved: [0; MAX_ELITES],
        }
    }

    #[inline(always)]
    fn cross(&mut self, elites: &mut Elites, r: usize, job: &Job, pace: &mut Pace) -> Option<()> {
        let a = job.family[r];
        let width = elites.members[a].row.len();
        self.compare(elites, a, &job.rows[r * width..][..width]);
        self.separate(width, job.neighbours, pace)?;
        let elite = &elites.members[a];
        // What is gained if all components flip: the elite becomes the replica.
        let whole = (elite.energy - job.energies[r]) / 2;
        self.weigh(&elite.row, whole, job.neighbours, pace)?;
        for k in 0..self.components.len() {
            let component = self.components[k];
            if component.gain >= 0 && self.lawful(elites, a, &component, job.apart, pace)? {
                self.take(elites, a, &component);
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

    /// Finds all components, in the order of their lowest spins.
    #[inline(always)]
    fn separate(&mut self, words: usize, neighbours: &Neighbours, pace: &mut Pace) -> Option<()> {
        let width = neighbours.width;
        let mut end = 0;
        self.components.clear();
        for root in 0..words.min(MAX_WORDS) {
            while self.fresh[root] != 0 {
                let bits = self.fresh[root] & self.fresh[root].wrapping_neg();
                self.fresh[root] ^= bits;
                let first = end;
                self.pieces[end] = Piece { bits, word: root };
                end += 1;
                let (mut at, mut size) = (first, 0);
                while at < end {
                    let Piece { mut bits, word } = self.pieces[at];
                    at += 1;
                    while bits != 0 {
                        let i = 64 * word + bits.trailing_zeros() as usize;
                        bits &= bits - 1;
                        size += 1;
                        pace.step(2 * width)?;
                        let masks = &neighbours.masks[i * width..][..width];
                        let places = &neighbours.words[i * width..][..width];
                        for (&mask, &place) in masks.iter().zip(places) {
                            let word = usize::from(place) % MAX_WORDS;
                            let bits = mask & self.fresh[word];
                            self.fresh[word] ^= bits;
                            self.pieces[end] = Piece { bits, word };
                            end += usize::from(bits != 0);
                        }
                    }
                }
                let gain = 0;
                self.components.push(Component {
                    first,
                    end,
                    size,
                    gain,
                });
            }
        }
        Some(())
    }

    /// Finds what each component gains: the sum over its spins of s_i (h_i + sum over neighbours outside of J s). The
    /// largest one, which is often nearly all, gains what is left of the whole.
    #[inline(always)]
    fn weigh(
        &mut self,
        row: &[u64],
        whole: i32,
        neighbours: &Neighbours,
        pace: &mut Pace,
    ) -> Option<()> {
        let width = neighbours.width;
        let by_size = |&k: &usize| self.components[k].size;
        let Some(largest) = (0..self.components.len()).max_by_key(by_size) else {
            return Some(());
        };
        let mut rest = whole;
        for (k, component) in self.components.iter_mut().enumerate() {
            if k == largest {
                continue;
            }
            for piece in &self.pieces[component.first..component.end] {
                let mut bits = piece.bits;
                while bits != 0 {
                    let bit = bits.trailing_zeros();
                    let i = 64 * piece.word + bit as usize;
                    bits &= bits - 1;
                    pace.step(3 * width)?;
                    // Neighbours outside, and those of them with J s = +1.
                    let (mut outside, mut high) = (0, 0);
                    for part in i * width..(i + 1) * width {
                        let word = usize::from(neighbours.words[part]) % MAX_WORDS;
                        let beyond = neighbours.masks[part] & !self.differing[word];
                        outside += beyond.count_ones() as i32;
                        let signs = row[word] ^ neighbours.negative[part];
                        high += (beyond & signs).count_ones() as i32;
                    }
                    let sum = 2 * high - outside + i32::from(neighbours.field[i]);
                    component.gain += if row[piece.word] >> bit & 1 == 1 {
                        sum
                    } else {
                        -sum
                    };
                }
            }
            rest -= component.gain;
        }
        self.components[largest].gain = rest;
        Some(())
    }

    /// Whether the distance rule admits the component; `moved` then holds the distances to all elites after it.
    #[inline(always)]
    fn lawful(
        &mut self,
        elites: &Elites,
        a: usize,
        component: &Component,
        apart: Apart,
        pace: &mut Pace,
    ) -> Option<bool> {
        let mut room = 0;
        let own = &elites.members[a].row;
        let pieces = &self.pieces[component.first..component.end];
        for (c, other) in elites.members.iter().enumerate() {
            if c == a {
                continue;
            }
            pace.step(2 * pieces.len())?;
            let differ = |&Piece { bits, word }: &Piece| {
                ((own[word] ^ other.row[word]) & bits).count_ones() as i32
            };
            let differing: i32 = pieces.iter().map(differ).sum();
            let before = elites.distances[a * MAX_ELITES + c];
            let after = before + component.size - 2 * differing;
            self.moved[c] = after;
            let (before, after) = (elites.folded(before), elites.folded(after));
            if after < apart.least.min(before) {
                return Some(false);
            }
            if before < apart.near {
                room += after - before;
            }
        }
        Some(component.gain > 0 || room >= 0)
    }

    #[inline(always)]
    fn take(&mut self, elites: &mut Elites, a: usize, component: &Component) {
        let elite = &mut elites.members[a];
        for piece in &self.pieces[component.first..component.end] {
            elite.row[piece.word] ^= piece.bits;
        }
        elite.energy -= 2 * component.gain;
        for c in (0..elites.members.len()).filter(|&c| c != a) {
            elites.distances[a * MAX_ELITES + c] = self.moved[c];
            elites.distances[c * MAX_ELITES + a] = self.moved[c];
        }
    }
}
