//! The kernel: one Metropolis sweep of many replicas, and the memory it works on.
//!
//! Every spin has two rows in memory, its word and the complement, so that a coupling's sign is an address and costs
//! no operation. Rows follow the graph's schedule; behind them lies a constant row (0 and 1) that fields refer to.

use crate::adder::planes;
use crate::lanes::Lanes;
use crate::model::Model;
use crate::WORDS;

/// Spins of equal input count that follow each other in the schedule.
#[derive(Debug, Clone, Copy)]
struct Segment {
    inputs: u8,
    spins: u32,
}

/// A model laid out for words of `bytes` bytes.
#[derive(Debug)]
pub struct Layout {
    segments: Vec<Segment>,
    /// Per spin of the schedule: canonical index, then byte offsets of its input rows.
    records: Vec<u32>,
    bytes: usize,
    spins: usize,
}

impl Layout {
    pub fn new(model: &Model, bytes: usize) -> Self {
        let graph = model.graph();
        let n = graph.n();
        let row = bytes as u32;
        let mut segments: Vec<Segment> = Vec::new();
        let mut records = Vec::with_capacity(graph.couplers().len() * 2 + 3 * n);
        let negative = model.negative();
        for (place, &v) in graph.schedule().iter().enumerate() {
            records.push(v);
            let first = records.len();
            // J = +1 is unsatisfied by equal spins: its input is the neighbour's complement.
            for bond in graph.bonds(v as usize) {
                let complement = 1 - u32::from(negative[bond.coupler as usize]);
                records.push((2 * graph.position(bond.neighbour) + complement) * row);
            }
            match model.field(v as usize) {
                0 => {}
                // Unsatisfied iff h s = +1: the input XOR the spin must be the spin (h = 1) or its complement.
                h => records.push((2 * n as u32 + u32::from(h < 0)) * row),
            }
            if (records.len() - first) % 2 == 0 {
                records.push(2 * place as u32 * row); // the spin itself: a bond that is always satisfied
            }
            let inputs = (records.len() - first) as u8;
            match segments.last_mut() {
                Some(last) if last.inputs == inputs => last.spins += 1,
                _ => segments.push(Segment { inputs, spins: 1 }),
            }
        }
        Layout {
            segments,
            records,
            bytes,
            spins: n,
        }
    }

    /// Memory for `passes` narrow runs, filled from `words` (canonical order, `WORDS` a spin).
    pub fn fill(&self, model: &Model, words: &[u64]) -> Rows {
        let per = self.bytes / 8;
        let passes = WORDS / per;
        let mut rows = Rows::new(passes, (2 * self.spins + 2) * per);
        for pass in 0..passes {
            let memory = rows.pass_mut(pass);
            for (place, &v) in model.graph().schedule().iter().enumerate() {
                let from = v as usize * WORDS + pass * per;
                for k in 0..per {
                    let word = words[from + k];
                    memory[2 * place * per + k] = word;
                    memory[(2 * place + 1) * per + k] = !word;
                }
            }
            memory[2 * self.spins * per..(2 * self.spins + 1) * per].fill(0);
            memory[(2 * self.spins + 1) * per..].fill(!0);
        }
        rows
    }

    /// The reverse of `fill`.
    pub fn read(&self, model: &Model, rows: &Rows) -> Vec<u64> {
        let per = self.bytes / 8;
        let mut words = vec![0u64; self.spins * WORDS];
        for pass in 0..WORDS / per {
            let memory = rows.pass(pass);
            for (place, &v) in model.graph().schedule().iter().enumerate() {
                let to = v as usize * WORDS + pass * per;
                words[to..to + per].copy_from_slice(&memory[2 * place * per..][..per]);
            }
        }
        words
    }
}

/// Row memory of all passes, each aligned to 64 bytes.
pub struct Rows {
    cells: Vec<Line>,
    lines_per_pass: usize,
    words_per_pass: usize,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u64; 8]);

impl Rows {
    fn new(passes: usize, words_per_pass: usize) -> Self {
        let lines_per_pass = words_per_pass.div_ceil(8);
        Rows {
            cells: vec![Line([0; 8]); passes * lines_per_pass],
            lines_per_pass,
            words_per_pass,
        }
    }

    pub fn pass(&self, pass: usize) -> &[u64] {
        let lines = &self.cells[pass * self.lines_per_pass..][..self.lines_per_pass];
        // SAFETY: `Line` is eight u64 without padding, and words_per_pass <= 8 * lines_per_pass.
        unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), self.words_per_pass) }
    }

    pub fn pass_mut(&mut self, pass: usize) -> &mut [u64] {
        let lines = &mut self.cells[pass * self.lines_per_pass..][..self.lines_per_pass];
        // SAFETY: as in `pass`.
        unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), self.words_per_pass) }
    }
}

/// Updates `spins` spins of N inputs each; `codes` as made by `threshold::codes`.
///
/// "Unsatisfied >= threshold" is the carry out of adding the code to the planes. With q = carry XOR spin carried
/// instead, a step is MAJ(plane, spin or complement by the code's bit, q), and the last q is the new spin.
#[inline(always)]
unsafe fn segment<W: Lanes, const N: usize>(
    base: *mut u8,
    mut own: *mut u8,
    records: *const u32,
    spins: usize,
    codes: *const u8,
) {
    let mut record = records;
    for _ in 0..spins {
        let code = usize::from(*codes.add(*record as usize));
        let mut input = [W::splat(false); N];
        for (k, slot) in input.iter_mut().enumerate() {
            *slot = W::load(base.add(*record.add(1 + k) as usize));
        }
        let plane = planes::<W, N>(input);
        let mut q = W::load(own);
        for (weight, &p) in plane.iter().enumerate() {
            let row = own.add(((code >> weight) & 1) * W::BYTES);
            q = p.majority(W::load(row), q);
        }
        q.store(own);
        q.not().store(own.add(W::BYTES));
        own = own.add(2 * W::BYTES);
        record = record.add(1 + N);
    }
}

/// One sweep of one pass.
///
/// # Safety
/// `W` must be runnable here (see `Lanes`), `layout.bytes` must be `W::BYTES`, `memory` must come from `layout.fill`
/// for that layout, and `codes` must hold one code per spin.
#[inline(always)]
pub unsafe fn sweep<W: Lanes>(layout: &Layout, memory: *mut u8, codes: *const u8) {
    let mut own = memory;
    let mut record = layout.records.as_ptr();
    for part in &layout.segments {
        let spins = part.spins as usize;
        macro_rules! run {
            ($($n:literal)*) => {
                match part.inputs {
                    $($n => segment::<W, $n>(memory, own, record, spins, codes),)*
                    other => unreachable!("a spin has an odd number of inputs up to 25, not {other}"),
                }
            };
        }
        run!(1 3 5 7 9 11 13 15 17 19 21 23 25);
        own = own.add(2 * W::BYTES * spins);
        record = record.add((usize::from(part.inputs) + 1) * spins);
    }
}
