//! Whole runs: the annealer that mines, and the baseline that is law. Both are `run` on one schedule of cutoffs.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::energy;
use crate::lanes::{Lanes, Path};
use crate::model::{start_words, Expansion, Model};
use crate::sweep::{sweep, Layout};
use crate::threshold::{codes, counter_key, counter_word, Cutoffs, Degrees, Draws};
use crate::{blake, invalid, Invalid, REPLICAS, WORDS};

/// Sweeps whose codes are made at once; the cancel flag is polled as often. On the slowest path (portable) eight
/// sweeps of 4,800 spins take some 6 ms.
const STRIDE: usize = 8;

/// Final spins and energies of one run's 512 replicas.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// `WORDS` words a spin, canonical order.
    pub words: Vec<u64>,
    pub energies: Vec<i32>,
}

/// Counter-based start: word j of spin i is word 8 i + j of block 2^32 - 1.
pub fn counter_start(key: u64, n: usize) -> Vec<u64> {
    (0..(n * WORDS) as u32)
        .map(|index| counter_word(key, u32::MAX, index))
        .collect()
}

/// Anneals 512 replicas of `model` from a random start; equal seeds give equal bits on every path.
/// `None`: cancelled.
pub fn anneal(
    model: &Model,
    cutoffs: &Cutoffs,
    seed: u64,
    path: Path,
    cancel: &AtomicBool,
) -> Option<Outcome> {
    let key = counter_key(seed);
    let start = counter_start(key, model.graph().n());
    run(model, start, cutoffs, Draws::Counter(key), path, cancel)
}

/// The baseline of a seed's instance: start and draws from the stream. Returns the final replicas, whose energies'
/// sum is B.
pub fn baseline(
    seed: &[u8; 32],
    expansion: &Expansion,
    cutoffs: &Cutoffs,
    path: Path,
    cancel: &AtomicBool,
) -> Option<Outcome> {
    let model = &expansion.model;
    let n = model.graph().n();
    let start = start_words(seed, expansion.start_offset, n);
    let mut draws = vec![0u8; 2 * n * cutoffs.sweeps()];
    let after_start = expansion.start_offset + (n * WORDS * 8) as u64;
    blake::stream(seed, after_start, &mut draws);
    run(model, start, cutoffs, Draws::Stream(&draws), path, cancel)
}

/// One mining attempt's checks of a schedule against a model.
pub fn check(model: &Model, cutoffs: &Cutoffs) -> Result<(), Invalid> {
    let cells = model.graph().n().checked_mul(cutoffs.sweeps());
    match cells {
        Some(cells) if cells <= 1 << 40 && cutoffs.sweeps() < u32::MAX as usize => Ok(()),
        _ => invalid("too many sweeps"),
    }
}

fn run(
    model: &Model,
    start: Vec<u64>,
    cutoffs: &Cutoffs,
    draws: Draws,
    path: Path,
    cancel: &AtomicBool,
) -> Option<Outcome> {
    assert!(path.available(), "this CPU cannot run {}", path.name());
    let job = Job {
        model,
        start,
        cutoffs,
        draws,
        cancel,
    };
    match path {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the path is available.
        Path::Avx512 => unsafe { x86::avx512(&job) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the path is available.
        Path::Avx2 => unsafe { x86::avx2(&job) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: NEON is part of aarch64.
        Path::Neon => unsafe { job.run::<std::arch::aarch64::uint64x2_t>() },
        // SAFETY: plain integers.
        _ => unsafe { job.run::<u64>() },
    }
}

struct Job<'a> {
    model: &'a Model,
    start: Vec<u64>,
    cutoffs: &'a Cutoffs,
    draws: Draws<'a>,
    cancel: &'a AtomicBool,
}

impl Job<'_> {
    #[inline(always)]
    unsafe fn run<W: Lanes>(&self) -> Option<Outcome> {
        let n = self.model.graph().n();
        let layout = Layout::new(self.model, W::BYTES);
        let mut rows = layout.fill(self.model, &self.start);
        let passes = REPLICAS / (8 * W::BYTES);
        let degrees = Degrees::new(&self.model.bonds());
        let mut made = vec![0u8; n * STRIDE];
        let mut first = 0;
        while first < self.cutoffs.sweeps() {
            if self.cancel.load(Ordering::Relaxed) {
                return None;
            }
            let count = STRIDE.min(self.cutoffs.sweeps() - first);
            for (k, out) in made.chunks_exact_mut(n).take(count).enumerate() {
                codes(self.cutoffs, first + k, self.draws, &degrees, out);
            }
            for pass in 0..passes {
                let memory = rows.pass_mut(pass).as_mut_ptr().cast::<u8>();
                for out in made.chunks_exact(n).take(count) {
                    sweep::<W>(&layout, memory, out.as_ptr());
                }
            }
            first += count;
        }
        let words = layout.read(self.model, &rows);
        let energies = energy::of_words::<W>(self.model, &words);
        Some(Outcome { words, energies })
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Job, Outcome};
    use std::arch::x86_64::{__m256i, __m512i};

    /// SAFETY: the CPU has these features (`Path::available`).
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1")]
    pub unsafe fn avx512(job: &Job) -> Option<Outcome> {
        job.run::<__m512i>()
    }

    /// SAFETY: as `avx512`.
    #[target_feature(enable = "avx2,bmi1")]
    pub unsafe fn avx2(job: &Job) -> Option<Outcome> {
        job.run::<__m256i>()
    }
}
