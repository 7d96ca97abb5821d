//! Families: many good, far-apart configurations of one instance, refined together.
//!
//! A few far-apart configurations ("elites") are kept. In a round every replica of the kernel becomes a noisy copy of
//! one elite, is annealed from a medium temperature, and is crossed with that elite (`crossing`): the replicas of one
//! elite are a family. What to do in which order is the caller's plan.
//!
//! Draws are counter-based (see `threshold`). Anneal number t of an object, from 1 on, has the key of seed + t. Under
//! that key, block 2^32 - 2 - d holds the d-th words of the noise (word 8 i + j: spin i, replicas 64 j to 64 j + 63), and
//! block 2^32 - 10 the order in which replicas are crossed.

use crate::anneal::{self, Prepared, Source};
use crate::cancel::{Cancel, Never, Pace};
use crate::crossing::{Apart, Job, Neighbours};
use crate::elites::{Elites, Replicas, MAX_ELITES};
use crate::energy;
use crate::lanes::Path;
use crate::model::Model;
use crate::threshold::{counter_key, counter_word, Cutoffs};
use crate::transpose::{by_replica, by_spin, packed_of, row_of, row_words};
use crate::{invalid, Invalid, REPLICAS, WORDS};

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
    path: Path,
    /// Made when they are first needed.
    prepared: Option<Prepared>,
    neighbours: Option<Neighbours>,
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
            path,
            prepared: None,
            neighbours: None,
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

    /// The replicas become these packed configurations, again and again until all are filled. False: cancelled.
    pub fn load_packed(
        &mut self,
        packed: &[Vec<u8>],
        cancel: &dyn Cancel,
    ) -> Result<bool, Invalid> {
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
        let Some(words) = by_spin(&filled, self.n(), &mut Pace::new(cancel)) else {
            return Ok(false);
        };
        self.words = words;
        self.energies = None;
        self.family.clear();
        Ok(true)
    }

    /// Keeps the best `keep` elites and recruits replicas at least `slack` from all, up to `most`. The number then;
    /// `None`: cancelled, and the elites are as before.
    pub fn recruit(
        &mut self,
        keep: usize,
        most: usize,
        slack: usize,
        cancel: &dyn Cancel,
    ) -> Result<Option<usize>, Invalid> {
        if slack < self.rule.least || most > MAX_ELITES {
            return invalid(format!(
                "at most {MAX_ELITES} elites, recruited at least {} apart",
                self.rule.least
            ));
        }
        let mut pace = Pace::new(cancel);
        let done = self.recruited(keep, most, slack, &mut pace);
        Ok(done.map(|()| self.elites.members.len()))
    }

    fn know_energies(&mut self, pace: &mut Pace) -> Option<()> {
        if self.energies.is_none() {
            self.energies = Some(energy::of_run(&self.model, &self.words, pace)?);
        }
        Some(())
    }

    fn recruited(&mut self, keep: usize, most: usize, slack: usize, pace: &mut Pace) -> Option<()> {
        pace.look()?;
        let mut rows = Vec::new();
        if self.elites.members.len().min(keep) < most {
            self.know_energies(pace)?;
            rows = by_replica(&self.words, self.n(), pace)?;
        }
        let replicas = Replicas {
            rows: &rows,
            energies: self.energies.as_deref().unwrap_or_default(),
        };
        self.elites.recruit(keep, most, slack, &replicas, pace)?;
        self.family.clear();
        Some(())
    }

    /// Every replica becomes a copy of an elite, in equal shares of the first `parents` (0: of all), each spin flipped
    /// with probability `noise` / 256. False: cancelled, and the replicas are as before.
    pub fn spread(
        &mut self,
        parents: usize,
        noise: u8,
        cancel: &dyn Cancel,
    ) -> Result<bool, Invalid> {
        let count = self.elites.members.len();
        let parents = if parents == 0 {
            count
        } else {
            parents.min(count)
        };
        if parents == 0 {
            return invalid("no elites to copy");
        }
        let family: Vec<usize> = (0..REPLICAS).map(|r| r * parents / REPLICAS).collect();
        let members = &self.elites.members;
        let rows: Vec<&[u64]> = family.iter().map(|&a| members[a].row.as_slice()).collect();
        let key = self.key(self.anneals + 1);
        let mut pace = Pace::new(cancel);
        let copies = by_spin(&rows, self.n(), &mut pace)
            .and_then(|words| with_noise(words, key, noise, &mut pace));
        let Some(words) = copies else {
            return Ok(false);
        };
        self.words = words;
        self.family = family;
        self.energies = None;
        Ok(true)
    }

    /// Anneals the replicas from where they are. False: cancelled, and the replicas are as before.
    pub fn anneal(&mut self, cutoffs: &Cutoffs, cancel: &dyn Cancel) -> bool {
        if self.prepared.is_none() {
            self.prepared = Prepared::new(&self.model, self.path, &mut Pace::new(cancel));
        }
        let draws = Source::Counter(self.key(self.anneals + 1));
        let run = |ready: &Prepared| ready.run(&self.model, &self.words, cutoffs, draws, cancel);
        let Some(run) = self.prepared.as_ref().and_then(run) else {
            return false;
        };
        self.anneals += 1;
        self.words = run.words;
        self.energies = Some(run.energies);
        true
    }

    /// Crosses every replica with its elite, in random order. `near`: see `crossing::Apart`. False: cancelled on the way.
    pub fn cross(&mut self, near: usize, cancel: &dyn Cancel) -> Result<bool, Invalid> {
        if self.family.is_empty() {
            return invalid("the replicas belong to no elites: spread them first");
        }
        let apart = Apart {
            least: self.rule.least as i32,
            near: near.min(self.n()) as i32,
        };
        Ok(self.crossed(apart, &mut Pace::new(cancel)).is_some())
    }

    fn crossed(&mut self, apart: Apart, pace: &mut Pace) -> Option<()> {
        if self.neighbours.is_none() {
            self.neighbours = Some(Neighbours::new(&self.model, pace)?);
        }
        self.know_energies(pace)?;
        let rows = by_replica(&self.words, self.n(), pace)?;
        let job = Job {
            neighbours: self.neighbours.as_ref()?,
            rows: &rows,
            energies: self.energies.as_deref()?,
            family: &self.family,
            order: &crossing_order(self.key(self.anneals)),
            apart,
        };
        job.run(&mut self.elites, self.path, pace)
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
        let rows = by_replica(&self.words, self.n(), &mut Pace::new(&Never)).unwrap_or_default();
        rows.chunks(row_words(self.n()))
            .map(|row| packed_of(row, self.n(), fold))
            .collect()
    }

    fn key(&self, anneal: u64) -> u64 {
        counter_key(self.seed.wrapping_add(anneal))
    }
}

/// Flips every bit with probability `noise` / 256: random words are and-ed and or-ed by the digits of that fraction,
/// lowest set digit first. `None`: cancelled.
fn with_noise(mut words: Vec<u64>, key: u64, noise: u8, pace: &mut Pace) -> Option<Vec<u64>> {
    if noise == 0 {
        return Some(words);
    }
    for (i, spin) in words.chunks_exact_mut(WORDS).enumerate() {
        pace.step(2 * WORDS * NOISE_BITS as usize)?;
        for (j, word) in spin.iter_mut().enumerate() {
            let mut flips = 0;
            for (d, digit) in (noise.trailing_zeros()..NOISE_BITS).enumerate() {
                let drawn = counter_word(key, NOISE_BLOCK - d as u32, (i * WORDS + j) as u32);
                flips = if noise >> digit & 1 == 1 {
                    flips | drawn
                } else {
                    flips & drawn
                };
            }
            *word ^= flips;
        }
    }
    Some(words)
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
