//! Whole runs: the annealer that mines, and the baseline that is law. Both are `run` on one schedule of cutoffs.

use crate::cancel::{Cancel, Pace};
use crate::energy;
use crate::lanes::{Lanes, Path};
use crate::model::{start_words, Expansion, Model};
use crate::sweep::{sweep, Layout};
use crate::threshold::{codes, counter_key, counter_word, Cutoffs, Degrees, Draws};
use crate::{blake, invalid, Invalid, REPLICAS, WORDS};

/// Sweeps whose codes are made at once, at most; every pass of them begins with a look at the cancel flag.
const STRIDE: usize = 8;
/// Visits that those sweeps make at most, where it is not a single sweep: a few milliseconds with their codes.
const STRIDE_SPINS: usize = 40_000;
/// Words of a start that are drawn at once.
const CHUNK: usize = 1 << 10;

/// Where a run's draws come from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// The stream of this seed from this offset on: the draw of sweep s and spin i is little-endian pair s n + i.
    Stream([u8; 32], u64),
    /// Counter-based, with this key: see `threshold::counter_word`.
    Counter(u64),
}

/// Final spins and energies of one run's 512 replicas.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// `WORDS` words a spin, canonical order.
    pub words: Vec<u64>,
    pub energies: Vec<i32>,
}

/// Counter-based start: word j of spin i is word 8 i + j of block 2^32 - 1. `None`: cancelled.
pub fn counter_start(key: u64, n: usize, pace: &mut Pace) -> Option<Vec<u64>> {
    let mut words = Vec::with_capacity(n * WORDS);
    for first in (0..n * WORDS).step_by(CHUNK) {
        pace.step(2 * CHUNK)?;
        let chunk = first..(first + CHUNK).min(n * WORDS);
        words.extend(chunk.map(|index| counter_word(key, u32::MAX, index as u32)));
    }
    Some(words)
}

/// Anneals 512 replicas of `model` from a random start; equal seeds give equal bits on every path.
/// `None`: cancelled.
pub fn anneal(
    model: &Model,
    cutoffs: &Cutoffs,
    seed: u64,
    path: Path,
    cancel: &dyn Cancel,
) -> Option<Outcome> {
    let key = counter_key(seed);
    let mut pace = Pace::new(cancel);
    let start = counter_start(key, model.graph().n(), &mut pace)?;
    let prepared = Prepared::new(model, path, &mut pace)?;
    prepared.run(model, &start, cutoffs, Source::Counter(key), cancel)
}

/// The baseline of a seed's instance: start and draws from the stream. Returns the final replicas, whose energies'
/// sum is B. `None`: cancelled.
pub fn baseline(
    seed: &[u8; 32],
    expansion: &Expansion,
    cutoffs: &Cutoffs,
    path: Path,
    cancel: &dyn Cancel,
) -> Option<Outcome> {
    let model = &expansion.model;
    let n = model.graph().n();
    let mut pace = Pace::new(cancel);
    let start = start_words(seed, expansion.start_offset, n, &mut pace)?;
    let prepared = Prepared::new(model, path, &mut pace)?;
    let after_start = expansion.start_offset + (n * WORDS * 8) as u64;
    prepared.run(
        model,
        &start,
        cutoffs,
        Source::Stream(*seed, after_start),
        cancel,
    )
}

/// One mining attempt's checks of a schedule against a model.
pub fn check(model: &Model, cutoffs: &Cutoffs) -> Result<(), Invalid> {
    let cells = model.graph().n().checked_mul(cutoffs.sweeps());
    match cells {
        Some(cells) if cells <= 1 << 40 && cutoffs.sweeps() < u32::MAX as usize => Ok(()),
        _ => invalid("too many sweeps"),
    }
}

/// A model laid out for one path: what runs on one instance have in common.
pub struct Prepared {
    path: Path,
    layout: Layout,
    degrees: Degrees,
}

impl Prepared {
    /// For runs of `model` on `path`. `None`: cancelled.
    pub fn new(model: &Model, path: Path, pace: &mut Pace) -> Option<Self> {
        Some(Prepared {
            path,
            layout: Layout::new(model, path.bytes(), pace)?,
            degrees: Degrees::new(&model.bonds()),
        })
    }

    /// Anneals from `start` (`WORDS` words a spin, canonical order). `model`: the one that this was made for. `None`:
    /// cancelled.
    pub fn run(
        &self,
        model: &Model,
        start: &[u64],
        cutoffs: &Cutoffs,
        source: Source,
        cancel: &dyn Cancel,
    ) -> Option<Outcome> {
        let path = self.path;
        assert!(path.available(), "this CPU cannot run {}", path.name());
        let job = Job {
            model,
            prepared: self,
            start,
            cutoffs,
            source,
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
}

struct Job<'a> {
    model: &'a Model,
    prepared: &'a Prepared,
    start: &'a [u64],
    cutoffs: &'a Cutoffs,
    source: Source,
    cancel: &'a dyn Cancel,
}

impl Job<'_> {
    #[inline(always)]
    unsafe fn run<W: Lanes>(&self) -> Option<Outcome> {
        let n = self.model.graph().n();
        let layout = &self.prepared.layout;
        let mut pace = Pace::new(self.cancel);
        let mut rows = layout.fill(self.model, self.start, &mut pace)?;
        let passes = REPLICAS / (8 * W::BYTES);
        let stride = (STRIDE_SPINS / n).clamp(1, STRIDE);
        let mut made = vec![0u8; n * stride];
        let mut drawn = match self.source {
            Source::Stream(..) => vec![0u8; 2 * n * stride],
            Source::Counter(_) => Vec::new(),
        };
        let mut first = 0;
        while first < self.cutoffs.sweeps() {
            let count = stride.min(self.cutoffs.sweeps() - first);
            if let Source::Stream(seed, offset) = self.source {
                pace.look()?;
                blake::stream(
                    &seed,
                    offset + (2 * n * first) as u64,
                    &mut drawn[..2 * n * count],
                );
            }
            pace.look()?;
            for (k, out) in made.chunks_exact_mut(n).take(count).enumerate() {
                let draws = match self.source {
                    Source::Stream(..) => Draws::Bytes(&drawn[2 * n * k..][..2 * n]),
                    Source::Counter(key) => Draws::Counter(key, (first + k) as u32),
                };
                codes(self.cutoffs, first + k, draws, &self.prepared.degrees, out);
            }
            for pass in 0..passes {
                pace.look()?;
                let memory = rows.pass_mut(pass).as_mut_ptr().cast::<u8>();
                for out in made.chunks_exact(n).take(count) {
                    sweep::<W>(layout, memory, out.as_ptr());
                }
            }
            first += count;
        }
        let words = layout.read(self.model, &rows, &mut pace)?;
        let energies = energy::of_words::<W>(self.model, &words, &mut pace)?;
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
