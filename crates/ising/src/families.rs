//! Families: many good, far-apart configurations of one instance, refined together.
//!
//! A few far-apart configurations ("elites") are kept. In a round every replica of the kernel becomes a noisy copy of
//! one elite, is annealed from a medium temperature, and is crossed with that elite (`crossing`): the replicas of one
//! elite are a family. What to do in which order is the caller's plan.
//!
//! Draws are counter-based (see `threshold`). Anneal number t of an object, from 1 on, has the key of seed + t. Under
//! that key, block 2^32 - 2 - d holds the d-th words of the noise (word 8 i + j: spin i, replicas 64 j to 64 j + 63), and
//! block 2^32 - 10 the order in which replicas are crossed.

use crate::anneal::{self, Prepared};
use crate::crossing::{Apart, Crossing, Neighbours};
use crate::elites::{Elites, MAX_ELITES};
use crate::energy;
use crate::lanes::Path;
use crate::model::Model;
use crate::threshold::{counter_key, counter_word, Cutoffs, Draws};
use crate::transpose::{by_replica, by_spin, packed_of, row_of, row_words};
use crate::{invalid, Invalid, REPLICAS, WORDS};
use std::sync::atomic::{AtomicBool, Ordering};

/// A flip probability is a number of this many parts: eight words of draws a spin at most.
const NOISE_BITS: u32 = 8;
const NOISE_BLOCK: u32 = u32::MAX - 1;
const ORDER_BLOCK: u32 = NOISE_BLOCK - NOISE_BITS;

/// What a proof asks of its solutions' distances.
#[derive(Debug, Clone, Copy)]
pub struct DistanceRule {
    pub least: usize,
    /// Whether a configuration and its flip are one.
    pub fold: bool,
}

/// The state of one attempt at one instance. Bounded: 512 replicas and `MAX_ELITES` elites.
pub struct Families {
    model: Model,
    prepared: Prepared,
    neighbours: Neighbours,
    rule: DistanceRule,
    seed: u64,
    /// Anneals so far.
    anneals: u64,
    /// The replicas by spin, and their energies where they are known.
    words: Vec<u64>,
    energies: Option<Vec<i32>>,
    /// Elite of each replica; empty before `spread`.
    family: Vec<usize>,
    elites: Elites,
}

impl Families {
    /// Without replicas or elites yet.
    pub fn new(model: &Model, rule: DistanceRule, seed: u64, path: Path) -> Result<Self, Invalid> {
        let n = model.graph().n();
        if rule.fold && model.fields().iter().any(|&h| h != 0) {
            return invalid("with fields a configuration and its flip differ in energy");
        }
        if rule.least > n {
            return invalid(format!(
                "no two of {n} spins' configurations lie {} apart",
                rule.least
            ));
        }
        Ok(Families {
            prepared: Prepared::new(model, path),
            neighbours: Neighbours::new(model),
            elites: Elites::new(n, rule.fold),
            model: model.clone(),
            rule,
            seed,
            anneals: 0,
            words: vec![0; n * WORDS],
            energies: None,
            family: Vec::new(),
        })
    }

    /// Number of spins.
    pub fn n(&self) -> usize {
        self.model.graph().n()
    }

    /// The replicas become those of a finished run.
    pub fn load(&mut self, run: &anneal::Outcome) -> Result<(), Invalid> {
        if run.words.len() != self.words.len() {
            return invalid("a run of another number of spins");
        }
        self.words.clone_from(&run.words);
        self.energies = Some(run.energies.clone());
        self.family.clear();
        Ok(())
    }

    /// The replicas become these packed configurations, again and again until all are filled.
    pub fn load_packed(&mut self, packed: &[Vec<u8>]) -> Result<(), Invalid> {
        if packed.is_empty() || packed.len() > REPLICAS {
            return invalid(format!(
                "1 to {REPLICAS} configurations, not {}",
                packed.len()
            ));
        }
        if packed.iter().any(|one| one.len() != self.n().div_ceil(8)) {
            return invalid("a configuration has the wrong length");
        }
        let rows: Vec<Vec<u64>> = packed.iter().map(|one| row_of(one)).collect();
        let filled: Vec<&[u64]> = rows
            .iter()
            .cycle()
            .take(REPLICAS)
            .map(Vec::as_slice)
            .collect();
        self.words = by_spin(&filled, self.n());
        self.energies = None;
        self.family.clear();
        Ok(())
    }

    /// Keeps the best `keep` elites and recruits replicas at least `slack` from all, up to `most`. The number then.
    pub fn recruit(&mut self, keep: usize, most: usize, slack: usize) -> Result<usize, Invalid> {
        if slack < self.rule.least || most > MAX_ELITES {
            return invalid(format!(
                "at most {MAX_ELITES} elites, recruited at least {} apart",
                self.rule.least
            ));
        }
        self.elites.keep(keep);
        self.family.clear();
        if self.elites.members.len() < most {
            let rows = by_replica(&self.words, self.n());
            let known = self.energies.take();
            let energies = known.unwrap_or_else(|| energy::of_run(&self.model, &self.words));
            self.elites.recruit(&rows, &energies, most, slack);
            self.energies = Some(energies);
        }
        Ok(self.elites.members.len())
    }

    /// Every replica becomes a copy of an elite, in equal shares of the first `parents` (0: of all), each spin flipped
    /// with probability `noise` / 256.
    pub fn spread(&mut self, parents: usize, noise: u8) -> Result<(), Invalid> {
        let count = self.elites.members.len();
        let parents = if parents == 0 {
            count
        } else {
            parents.min(count)
        };
        if parents == 0 {
            return invalid("no elites to copy");
        }
        self.family = (0..REPLICAS).map(|r| r * parents / REPLICAS).collect();
        let members = &self.elites.members;
        let rows: Vec<&[u64]> = self
            .family
            .iter()
            .map(|&a| members[a].row.as_slice())
            .collect();
        self.words = by_spin(&rows, self.n());
        self.energies = None;
        let key = self.key(self.anneals + 1);
        add_noise(&mut self.words, key, noise);
        Ok(())
    }

    /// Anneals the replicas from where they are. False: cancelled, and the replicas are as before.
    pub fn anneal(&mut self, cutoffs: &Cutoffs, cancel: &AtomicBool) -> bool {
        let draws = Draws::Counter(self.key(self.anneals + 1));
        let Some(run) = self
            .prepared
            .run(&self.model, &self.words, cutoffs, draws, cancel)
        else {
            return false;
        };
        self.anneals += 1;
        self.words = run.words;
        self.energies = Some(run.energies);
        true
    }

    /// Crosses every replica with its elite, in random order. `near`: see `crossing::Apart`. False: cancelled on the way.
    pub fn cross(&mut self, near: usize, cancel: &AtomicBool) -> Result<bool, Invalid> {
        if self.family.is_empty() {
            return invalid("the replicas belong to no elites: spread them first");
        }
        let width = row_words(self.n());
        let rows = by_replica(&self.words, self.n());
        let apart = Apart {
            least: self.rule.least as i32,
            near: near.min(self.n()) as i32,
        };
        let mut crossing = Crossing::default();
        for r in crossing_order(self.key(self.anneals)) {
            if cancel.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let replica = &rows[r * width..][..width];
            crossing.cross(
                &mut self.elites,
                self.family[r],
                replica,
                &self.neighbours,
                apart,
            );
        }
        Ok(true)
    }

    /// Energies and packed configurations of the elites, in the order that `spread` takes them in; with `fold` (no
    /// fields), of the flips that have s_0 = +1.
    pub fn elites(&self, fold: bool) -> Vec<(i32, Vec<u8>)> {
        let members = self.elites.members.iter();
        let packed = |row: &[u64]| packed_of(row, self.n(), fold);
        members
            .map(|elite| (elite.energy, packed(&elite.row)))
            .collect()
    }

    /// Energies of the elites.
    pub fn elite_energies(&self) -> Vec<i32> {
        self.elites
            .members
            .iter()
            .map(|elite| elite.energy)
            .collect()
    }

    /// Packed configurations of the replicas; `fold` as in `elites`.
    pub fn replicas(&self, fold: bool) -> Vec<Vec<u8>> {
        let rows = by_replica(&self.words, self.n());
        rows.chunks(row_words(self.n()))
            .map(|row| packed_of(row, self.n(), fold))
            .collect()
    }

    fn key(&self, anneal: u64) -> u64 {
        counter_key(self.seed.wrapping_add(anneal))
    }
}

/// Flips every bit with probability `noise` / 256: random words are and-ed and or-ed by the digits of that fraction,
/// lowest set digit first.
fn add_noise(words: &mut [u64], key: u64, noise: u8) {
    if noise == 0 {
        return;
    }
    for (index, word) in words.iter_mut().enumerate() {
        let mut flips = 0;
        for (d, digit) in (noise.trailing_zeros()..NOISE_BITS).enumerate() {
            let drawn = counter_word(key, NOISE_BLOCK - d as u32, index as u32);
            flips = if noise >> digit & 1 == 1 {
                flips | drawn
            } else {
                flips & drawn
            };
        }
        *word ^= flips;
    }
}

/// A permutation of the replicas: Fisher-Yates from the front, word r of the block deciding about place r.
fn crossing_order(key: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..REPLICAS).collect();
    for r in 1..REPLICAS {
        let drawn = counter_word(key, ORDER_BLOCK, r as u32);
        order.swap(r, (drawn % (r as u64 + 1)) as usize);
    }
    order
}
