//! Component crossing: an elite takes from a replica what lowers its energy, and nothing else.
//!
//! The spins in which the two differ fall into connected components of the graph. Flipping one component changes the
//! elite's energy by a sum over that component's own boundary, whatever becomes of the others: so each is judged alone.
//! (Partition crossover: Whitley, Hains, Howe 2009; for spin glasses also cluster-exact moves, Houdayer 1999.)

use crate::cancel::Pace;
use crate::elites::{Elite, Elites, MAX_ELITES};
use crate::model::Model;
use crate::{MAX_DEGREE, MAX_SPINS};

/// Neighbours are handled so many at a time; a spin of fewer is its own neighbour with weight 0.
const STEP: usize = 4;

/// The distance rule of a crossing, in Hamming distance (folded where the elites are).
#[derive(Debug, Clone, Copy)]
pub struct Apart {
    /// No pair comes nearer than this, or than it is already.
    pub least: i32,
    /// A component of zero cost is taken if it brings the elite no nearer, in sum, to the elites nearer than this.
    pub near: i32,
}

/// A model's couplings as crossing reads them.
#[derive(Debug)]
pub struct Neighbours {
    /// Per spin, a multiple of `STEP`.
    width: usize,
    neighbour: Vec<u16>,
    weight: Vec<i8>,
    field: Vec<i8>,
}

impl Neighbours {
    /// Of a model. `None`: cancelled.
    pub fn new(model: &Model, pace: &mut Pace) -> Option<Self> {
        let graph = model.graph();
        let width = graph.max_degree().max(1).next_multiple_of(STEP);
        debug_assert!(width <= MAX_DEGREE);
        let mut out = Neighbours {
            width,
            neighbour: Vec::with_capacity(graph.n() * width),
            weight: vec![0; graph.n() * width],
            field: (0..graph.n()).map(|v| model.field(v)).collect(),
        };
        for v in 0..graph.n() {
            pace.step(4 * width)?;
            let bonds = graph.bonds(v);
            for (slot, bond) in out.weight[v * width..].iter_mut().zip(bonds) {
                *slot = 1 - 2 * model.negative()[bond.coupler as usize] as i8;
            }
            let neighbours = bonds.iter().map(|bond| bond.neighbour as u16);
            let own = std::iter::repeat(v as u16);
            out.neighbour.extend(neighbours.chain(own).take(width));
        }
        Some(out)
    }
}

/// A component: how many spins, and by how much half the energy falls if they flip.
struct Found {
    size: usize,
    gain: i32,
}

/// Memory of a crossing, kept from one replica to the next.
#[derive(Debug)]
pub struct Crossing {
    differing: Vec<u16>,
    /// The component's spins, breadth first; `MAX_DEGREE` more than a component can have.
    component: Vec<u16>,
    moved: [i32; MAX_ELITES],
}

impl Default for Crossing {
    fn default() -> Self {
        Crossing {
            differing: Vec::new(),
            component: vec![0; MAX_SPINS + MAX_DEGREE],
            moved: [0; MAX_ELITES],
        }
    }
}

impl Crossing {
    /// Crosses elite `a` with a replica. With `elites.fold`, with the nearer of the replica and its flip. `None`:
    /// cancelled; components that were taken stay.
    pub fn cross(
        &mut self,
        elites: &mut Elites,
        a: usize,
        replica: &[u64],
        neighbours: &Neighbours,
        apart: Apart,
        pace: &mut Pace,
    ) -> Option<()> {
        self.mark(elites, a, replica);
        let done = self.judge(elites, a, neighbours, apart, pace);
        for &i in &self.differing {
            elites.members[a].restore(usize::from(i));
        }
        done
    }

    fn judge(
        &mut self,
        elites: &mut Elites,
        a: usize,
        neighbours: &Neighbours,
        apart: Apart,
        pace: &mut Pace,
    ) -> Option<()> {
        for k in 0..self.differing.len() {
            let root = self.differing[k];
            if elites.members[a].cells[usize::from(root)] != FRESH {
                continue;
            }
            let (size, gain) = self.explore(&mut elites.members[a], root, neighbours, pace)?;
            if gain < 0 {
                continue;
            }
            let found = Found { size, gain };
            if self.lawful(elites, a, &found, apart, pace)? {
                self.take(elites, a, &found);
            }
        }
        Some(())
    }

    /// Lists the differing spins, ascending, and marks their cells.
    fn mark(&mut self, elites: &mut Elites, a: usize, replica: &[u64]) {
        let n = elites.n;
        let elite = &mut elites.members[a];
        let d = crate::elites::hamming(&elite.row, replica);
        let flip = if elites.fold && 2 * d > n { !0u64 } else { 0 };
        self.differing.clear();
        for (word, (x, y)) in elite.row.iter().zip(replica).enumerate() {
            let rest = n - 64 * word;
            let within = if rest < 64 { (1u64 << rest) - 1 } else { !0 };
            let mut bits = (x ^ y ^ flip) & within;
            while bits != 0 {
                let i = 64 * word + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                self.differing.push(i as u16);
                elite.cells[i] = FRESH;
            }
        }
    }

    /// Walks the component of `root` and marks it seen. Its size, and by how much half the energy falls if it flips:
    /// the sum over its spins of s_i (h_i + sum over neighbours outside of J s).
    fn explore(
        &mut self,
        elite: &mut Elite,
        root: u16,
        neighbours: &Neighbours,
        pace: &mut Pace,
    ) -> Option<(usize, i32)> {
        let width = neighbours.width;
        let list = &mut self.component;
        list[0] = root;
        elite.cells[usize::from(root)] = SEEN;
        let (mut size, mut at, mut gain) = (1, 0, 0);
        while at < size {
            let i = usize::from(list[at]);
            at += 1;
            pace.step(2 * width)?;
            let near = neighbours.neighbour[i * width..][..width].chunks_exact(STEP);
            let weights = neighbours.weight[i * width..][..width].chunks_exact(STEP);
            let mut sum = 0i32;
            for (four, signs) in near.zip(weights) {
                for (&z, &sign) in four.iter().zip(signs) {
                    let cell = &mut elite.cells[usize::from(z)];
                    // Outside +-2, fresh 1, seen 0: the low bit says "to be visited", the rest is the spin.
                    sum += i32::from(sign * (*cell >> 1));
                    list[size] = z;
                    size += usize::from((*cell & FRESH) as u8);
                    *cell &= !FRESH;
                }
            }
            gain += elite.spin(i) * (sum + i32::from(neighbours.field[i]));
        }
        Some((size, gain))
    }

    /// Whether the distance rule admits the component; `moved` then holds the distances to all elites after it.
    fn lawful(
        &mut self,
        elites: &Elites,
        a: usize,
        found: &Found,
        apart: Apart,
        pace: &mut Pace,
    ) -> Option<bool> {
        let size = found.size;
        let mut room = 0;
        let own = &elites.members[a].row;
        for (c, other) in elites.members.iter().enumerate() {
            if c == a {
                continue;
            }
            pace.step(size)?;
            let differ = |&i: &u16| {
                let (word, bit) = (usize::from(i) / 64, usize::from(i) % 64);
                ((own[word] ^ other.row[word]) >> bit & 1) as i32
            };
            let differing: i32 = self.component[..size].iter().map(differ).sum();
            let before = elites.distances[a * MAX_ELITES + c];
            let after = before + size as i32 - 2 * differing;
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

    fn take(&mut self, elites: &mut Elites, a: usize, found: &Found) {
        let elite = &mut elites.members[a];
        for &i in &self.component[..found.size] {
            elite.row[usize::from(i) / 64] ^= 1 << (i % 64);
        }
        elite.energy -= 2 * found.gain;
        for c in (0..elites.members.len()).filter(|&c| c != a) {
            elites.distances[a * MAX_ELITES + c] = self.moved[c];
            elites.distances[c * MAX_ELITES + a] = self.moved[c];
        }
    }
}

/// A cell's mark: the spin differs and was not visited yet; and that it was.
const FRESH: i8 = 1;
const SEEN: i8 = 0;
