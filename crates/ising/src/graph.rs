//! The graph, its visiting order, and a memory layout that makes any visiting order fast.
//!
//! A sweep visits spins in a fixed order, and only the relative order of *neighbours* matters to the result. So the
//! kernel may walk any linear extension of that partial order. `Graph::new` finds one with locality: breadth-first
//! positions, but coupled spins a few places apart so that a CPU can work on several updates at once. Spins lie in
//! memory in that order.

use crate::{invalid, Invalid, MAX_DEGREE, MAX_SPINS};
use std::collections::BTreeSet;

/// Places that the schedule keeps between coupled spins where it can: updates in flight on today's widest cores.
const SPACING: usize = 8;

/// One bond of a spin: the neighbour and the coupler's canonical number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond {
    pub neighbour: u32,
    pub coupler: u32,
}

/// An undirected simple graph with spins 0..n, couplers in canonical order, and a visiting order.
#[derive(Debug, Clone)]
pub struct Graph {
    n: usize,
    couplers: Vec<(u32, u32)>,
    start: Vec<u32>,
    bonds: Vec<Bond>,
    /// Spins in the order in which the kernel walks (and stores) them.
    schedule: Vec<u32>,
    /// Inverse of `schedule`.
    position: Vec<u32>,
    max_degree: usize,
}

impl Graph {
    /// `couplers`: pairs u < v, strictly ascending. `order`: the visiting order, a permutation of 0..n.
    pub fn new(n: usize, couplers: Vec<(u32, u32)>, order: &[u32]) -> Result<Self, Invalid> {
        if n == 0 || n > MAX_SPINS {
            return invalid(format!("a graph has 1 to {MAX_SPINS} spins, not {n}"));
        }
        if let Some(&(u, v)) = couplers.iter().find(|&&(u, v)| u >= v || v as usize >= n) {
            return invalid(format!("coupler ({u}, {v}) is not u < v < {n}"));
        }
        if couplers.windows(2).any(|w| w[0] >= w[1]) {
            return invalid("couplers must ascend strictly");
        }
        let rank = ranks(n, order)?;
        let (start, bonds) = adjacency(n, &couplers);
        let max_degree = (0..n)
            .map(|v| (start[v + 1] - start[v]) as usize)
            .max()
            .unwrap_or(0);
        if max_degree > MAX_DEGREE {
            return invalid(format!(
                "degree {max_degree} is above the limit of {MAX_DEGREE}"
            ));
        }
        let mut graph = Graph {
            n,
            couplers,
            start,
            bonds,
            schedule: Vec::new(),
            position: vec![0; n],
            max_degree,
        };
        graph.schedule = graph.local_extension(&rank);
        for (place, &v) in graph.schedule.iter().enumerate() {
            graph.position[v as usize] = place as u32;
        }
        Ok(graph)
    }

    /// Number of spins.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Pairs u < v, ascending: the canonical order.
    pub fn couplers(&self) -> &[(u32, u32)] {
        &self.couplers
    }

    /// Most couplers of a spin.
    pub fn max_degree(&self) -> usize {
        self.max_degree
    }

    /// Bonds of a spin, neighbours ascending.
    pub fn bonds(&self, v: usize) -> &[Bond] {
        &self.bonds[self.start[v] as usize..self.start[v + 1] as usize]
    }

    /// The spins in the order in which the kernel visits them.
    pub fn schedule(&self) -> &[u32] {
        &self.schedule
    }

    /// Where a spin lies in the kernel's order.
    pub fn position(&self, v: u32) -> u32 {
        self.position[v as usize]
    }

    /// Breadth-first order of every component, from its first spin of least degree.
    fn breadth_first(&self) -> Vec<u32> {
        let mut seen = vec![false; self.n];
        let mut queue: Vec<u32> = Vec::with_capacity(self.n);
        let mut roots: Vec<u32> = (0..self.n as u32).collect();
        roots.sort_by_key(|&v| self.bonds(v as usize).len());
        for root in roots {
            if seen[root as usize] {
                continue;
            }
            let mut head = queue.len();
            seen[root as usize] = true;
            queue.push(root);
            while head < queue.len() {
                let v = queue[head];
                head += 1;
                for bond in self.bonds(v as usize) {
                    if !std::mem::replace(&mut seen[bond.neighbour as usize], true) {
                        queue.push(bond.neighbour);
                    }
                }
            }
        }
        queue
    }

    /// A linear extension of "lower-ranked neighbours first": of the spins whose lower-ranked neighbours are done,
    /// always the first in breadth-first order that has no neighbour among the last `SPACING` spins.
    fn local_extension(&self, rank: &[u32]) -> Vec<u32> {
        let breadth = self.breadth_first();
        let mut place = vec![0u32; self.n];
        for (k, &v) in breadth.iter().enumerate() {
            place[v as usize] = k as u32;
        }
        let lower = |v: u32, bond: &&Bond| rank[bond.neighbour as usize] < rank[v as usize];
        let mut waiting: Vec<usize> = (0..self.n as u32)
            .map(|v| {
                self.bonds(v as usize)
                    .iter()
                    .filter(|b| lower(v, b))
                    .count()
            })
            .collect();
        let mut ready: BTreeSet<u32> = (0..self.n)
            .filter(|&v| waiting[v] == 0)
            .map(|v| place[v])
            .collect();
        let mut schedule: Vec<u32> = Vec::with_capacity(self.n);
        while let Some(&first) = ready.first() {
            let recent = &schedule[schedule.len().saturating_sub(SPACING)..];
            let apart = |v: u32| {
                let bonds = self.bonds(v as usize);
                bonds.iter().all(|b| !recent.contains(&b.neighbour))
            };
            let chosen = ready
                .iter()
                .take(4 * SPACING)
                .copied()
                .find(|&k| apart(breadth[k as usize]))
                .unwrap_or(first);
            ready.remove(&chosen);
            let v = breadth[chosen as usize];
            schedule.push(v);
            for bond in self.bonds(v as usize) {
                let u = bond.neighbour as usize;
                if rank[u] > rank[v as usize] {
                    waiting[u] -= 1;
                    if waiting[u] == 0 {
                        ready.insert(place[u]);
                    }
                }
            }
        }
        schedule
    }
}

fn ranks(n: usize, order: &[u32]) -> Result<Vec<u32>, Invalid> {
    let mut rank = vec![u32::MAX; n];
    for (place, &v) in order.iter().enumerate() {
        match rank.get_mut(v as usize) {
            Some(slot) if *slot == u32::MAX => *slot = place as u32,
            _ => return invalid("the visiting order is not a permutation of the spins"),
        }
    }
    if order.len() != n {
        return invalid("the visiting order is not a permutation of the spins");
    }
    Ok(rank)
}

fn adjacency(n: usize, couplers: &[(u32, u32)]) -> (Vec<u32>, Vec<Bond>) {
    let mut start = vec![0u32; n + 1];
    for &(u, v) in couplers {
        start[u as usize + 1] += 1;
        start[v as usize + 1] += 1;
    }
    for v in 0..n {
        start[v + 1] += start[v];
    }
    let mut fill = start.clone();
    let empty = Bond {
        neighbour: 0,
        coupler: 0,
    };
    let mut bonds = vec![empty; couplers.len() * 2];
    for (number, &(u, v)) in couplers.iter().enumerate() {
        for (from, to) in [(u, v), (v, u)] {
            let slot = &mut fill[from as usize];
            bonds[*slot as usize] = Bond {
                neighbour: to,
                coupler: number as u32,
            };
            *slot += 1;
        }
    }
    for v in 0..n {
        bonds[start[v] as usize..start[v + 1] as usize].sort_by_key(|bond| bond.neighbour);
    }
    (start, bonds)
}
