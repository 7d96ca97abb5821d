//! Energies of many replicas at once, bit-sliced: E = 2 * (unsatisfied terms) - (terms).

use crate::cancel::{Never, Pace};
use crate::lanes::Lanes;
use crate::model::Model;
use crate::{REPLICAS, WORDS};

/// Planes of a replica's count of unsatisfied terms: 2^24 terms, above any graph that `Graph` admits.
const PLANES: usize = 24;

/// A carry-save counter per replica: words of weight 1, 2, 4 and 8 are folded before they ripple.
struct Counter<W> {
    low: [W; 4],
    high: [W; PLANES],
}

impl<W: Lanes> Counter<W> {
    #[inline(always)]
    unsafe fn new() -> Self {
        let zero = W::splat(false);
        Counter {
            low: [zero; 4],
            high: [zero; PLANES],
        }
    }

    /// Adds sixteen words of weight 1.
    #[inline(always)]
    unsafe fn add(&mut self, words: &[W; 16]) {
        let mut carries = *words;
        let mut count = 16;
        for weight in 0..4 {
            let mut next = [W::splat(false); 16];
            for k in 0..count / 2 {
                let (s, c) = self.low[weight].full_add(carries[2 * k], carries[2 * k + 1]);
                self.low[weight] = s;
                next[k] = c;
            }
            count /= 2;
            carries = next;
        }
        let mut carry = carries[0];
        for plane in &mut self.high[4..] {
            let sum = plane.xor(carry);
            carry = plane.and(carry);
            *plane = sum;
        }
    }

    #[inline(always)]
    unsafe fn planes(mut self) -> [W; PLANES] {
        self.high[..4].copy_from_slice(&self.low);
        self.high
    }
}

/// Energies of the `REPLICAS` replicas in `words` (`WORDS` words a spin, canonical order).
/// `None`: cancelled.
///
/// # Safety
/// As `Lanes`.
#[inline(always)]
pub unsafe fn of_words<W: Lanes>(
    model: &Model,
    words: &[u64],
    pace: &mut Pace,
) -> Option<Vec<i32>> {
    let mut energies = Vec::with_capacity(REPLICAS);
    let per = W::BYTES / 8;
    for pass in 0..WORDS / per {
        let from = words.as_ptr().add(pass * per).cast::<u8>();
        let planes = unsatisfied::<W>(model, from, WORDS * 8, pace)?;
        energies.extend(slice::<W>(model, &planes));
    }
    Some(energies)
}

/// As `of_words`, on the portable path.
pub fn of_run(model: &Model, words: &[u64], pace: &mut Pace) -> Option<Vec<i32>> {
    assert!(words.len() == model.graph().n() * WORDS);
    // SAFETY: plain integers; `WORDS` words per spin.
    unsafe { of_words::<u64>(model, words, pace) }
}

/// Energies of at most 64 configurations, bit k of `words[i]` being spin i of configuration k.
pub fn of_few(model: &Model, words: &[u64], count: usize) -> Vec<i32> {
    // SAFETY: plain integers; one word per spin.
    let mut energies = unsafe {
        let done = unsatisfied::<u64>(model, words.as_ptr().cast(), 8, &mut Pace::new(&Never));
        slice::<u64>(model, &done.expect("never cancelled"))
    };
    energies.truncate(count);
    energies
}

/// Bit planes of the count of unsatisfied terms; spin i's word lies at `from + i * stride`. `None`:
/// cancelled.
#[inline(always)]
unsafe fn unsatisfied<W: Lanes>(
    model: &Model,
    from: *const u8,
    stride: usize,
    pace: &mut Pace,
) -> Option<[W; PLANES]> {
    let mut counter = Counter::<W>::new();
    let ones = W::splat(true);
    let mut block = [W::splat(false); 16];
    let mut filled = 0;
    let word = |v: usize| unaligned::<W>(from.add(v * stride));
    for (&(u, v), &negative) in model.graph().couplers().iter().zip(model.negative()) {
        // J = +1 is unsatisfied by equal spins.
        let sign = W::splat(negative == 0);
        block[filled] = word(u as usize).xor(word(v as usize)).xor(sign);
        filled += 1;
        if filled == 16 {
            pace.step(3 * 16)?;
            counter.add(&block);
            filled = 0;
        }
    }
    for (v, &h) in model.fields().iter().enumerate() {
        if h == 0 {
            continue;
        }
        block[filled] = if h > 0 { word(v) } else { word(v).xor(ones) };
        filled += 1;
        if filled == 16 {
            pace.step(3 * 16)?;
            counter.add(&block);
            filled = 0;
        }
    }
    for slot in &mut block[filled..] {
        *slot = W::splat(false);
    }
    counter.add(&block);
    Some(counter.planes())
}

/// Reads a word from memory aligned to 8 bytes only.
#[inline(always)]
unsafe fn unaligned<W: Lanes>(from: *const u8) -> W {
    std::ptr::read_unaligned(from.cast::<W>())
}

/// Turns planes into one energy per lane.
#[inline(always)]
unsafe fn slice<W: Lanes>(model: &Model, planes: &[W; PLANES]) -> Vec<i32> {
    let terms = model.terms() as i32;
    let bytes: Vec<&[u8]> = planes
        .iter()
        .map(|plane| std::slice::from_raw_parts((plane as *const W).cast::<u8>(), W::BYTES))
        .collect();
    (0..8 * W::BYTES)
        .map(|lane| {
            let count: i32 = bytes
                .iter()
                .enumerate()
                .map(|(weight, plane)| i32::from((plane[lane / 8] >> (lane % 8)) & 1) << weight)
                .sum();
            2 * count - terms
        })
        .collect()
}
