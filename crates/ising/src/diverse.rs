//! The best diverse set among a run's replicas.

use std::collections::HashSet;

use crate::anneal::Outcome;
use crate::bits;
use crate::cancel::{Cancel, Pace};
use crate::select::{Compatible, MAX_CANDIDATES};

/// What a set has to be.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// No replica of a higher energy counts.
    pub max_energy: i32,
    pub count: usize,
    pub min_distance: usize,
    /// Whether a configuration and its flip are one.
    pub fold: bool,
}

/// The lowest energy bound under which there is such a set among the best distinct replicas, and its packed
/// configurations, ascending. `None`: there is none, or cancelled.
pub fn diverse(
    run: &Outcome,
    n: usize,
    wanted: &Wanted,
    cancel: &dyn Cancel,
) -> Option<(i32, Vec<Vec<u8>>)> {
    let pace = &mut Pace::new(cancel);
    let (energies, packed) = candidates(run, n, wanted, pace)?;
    if packed.len() < wanted.count {
        return None;
    }
    let apart = |a: usize, b: usize| bits::distance(&packed[a], &packed[b], n, wanted.fold);
    let graph = Compatible::new(packed.len(), wanted.min_distance, apart, pace)?;
    let (size, chosen) = graph.shortest(wanted.count, pace)?;
    let mut set: Vec<Vec<u8>> = chosen.iter().map(|&k| packed[k].clone()).collect();
    set.sort();
    Some((energies[size - 1], set))
}

/// Distinct configurations with their energies, best first (ties by number).
fn candidates(
    run: &Outcome,
    n: usize,
    wanted: &Wanted,
    pace: &mut Pace,
) -> Option<(Vec<i32>, Vec<Vec<u8>>)> {
    let mut ranked: Vec<usize> = (0..run.energies.len()).collect();
    ranked.sort_by_key(|&r| (run.energies[r], r));
    let mut energies = Vec::new();
    let mut packed: Vec<Vec<u8>> = Vec::new();
    let mut seen = HashSet::new();
    for r in ranked {
        if run.energies[r] > wanted.max_energy || packed.len() == MAX_CANDIDATES {
            break;
        }
        pace.step(n)?;
        let configuration = bits::replica(&run.words, n, r, wanted.fold);
        if seen.insert(configuration.clone()) {
            energies.push(run.energies[r]);
            packed.push(configuration);
        }
    }
    Some((energies, packed))
}
