//! The kernel: one Metropolis sweep of many replicas, and the memory it works on.
//!
//! Every spin has two rows in memory, its word and the complement, so that a coupling's sign is an address and costs
//! no operation. Rows follow the graph's schedule; behind them lies a constant row (0 and 1) that fields refer to.

use crate::adder::planes;
use crate::cancel::Pace;
use crate::lanes::{Lanes, FIELD};
use crate::model::Model;
use crate::WORDS;

/// A model laid out for words of `bytes` bytes.
#[derive(Debug)]
pub struct Layout {
    /// Inputs of every spin beside itself: even. An odd number of bonds is filled up with the spin itself, a bond that
    /// is always satisfied. A spin of fewer bonds gets pairs of constants, each a satisfied and an unsatisfied bond: a
    /// uniform loop costs less than mispredicted branches, and the code comes out as 17 + c whatever the degree.
    inputs: usize,
    /// Per spin of the schedule: canonical index, then the offsets of its input rows in units of 8 bytes; three to a
    /// word, `FIELD` bits each. (Loads are the kernel's bottleneck; a word costs one where three numbers cost three.)
    records: Vec<u64>,
    bytes: usize,
    spins: usize,
}

impl Layout {
    /// The layout of a model for words of `bytes` bytes. `None`: cancelled.
    pub fn new(model: &Model, bytes: usize, pace: &mut Pace) -> Option<Self> {
        let graph = model.graph();
        let n = graph.n();
        let most = model.bonds().into_iter().max().unwrap_or(0);
        let inputs = usize::from(most).next_multiple_of(2);
        let mut records = Vec::with_capacity((inputs + 1).div_ceil(3) * n);
        let mut fields = Vec::with_capacity(inputs + 1);
        for place in 0..n {
            pace.step(4 * (inputs + 1))?;
            fields.clear();
            fields.push(u64::from(graph.schedule()[place]));
            push_inputs(model, place, inputs, bytes as u64 / 8, &mut fields);
            records.extend(fields.chunks(3).map(|three| {
                let packed = three.iter().enumerate();
                packed.fold(0, |word, (k, field)| word | field << (k as u32 * FIELD))
            }));
        }
        Some(Layout {
            inputs,
            records,
            bytes,
            spins: n,
        })
    }

    /// Memory for `passes` narrow runs, filled from `words` (canonical order, `WORDS` a spin). `None`: cancelled.
    pub fn fill(&self, model: &Model, words: &[u64], pace: &mut Pace) -> Option<Rows> {
        let per = self.bytes / 8;
        let passes = WORDS / per;
        let mut rows = Rows::new(passes, (2 * self.spins + 2) * per);
        for pass in 0..passes {
            let memory = rows.pass_mut(pass);
            for (place, &v) in model.graph().schedule().iter().enumerate() {
                let from = v as usize * WORDS + pass * per;
                pace.step(4 * per)?;
                for k in 0..per {
                    let word = words[from + k];
                    memory[2 * place * per + k] = word;
                    memory[(2 * place + 1) * per + k] = !word;
                }
            }
            memory[2 * self.spins * per..(2 * self.spins + 1) * per].fill(0);
            memory[(2 * self.spins + 1) * per..].fill(!0);
        }
        Some(rows)
    }

    /// The reverse of `fill`.
    pub fn read(&self, model: &Model, rows: &Rows, pace: &mut Pace) -> Option<Vec<u64>> {
        let per = self.bytes / 8;
        let mut words = vec![0u64; self.spins * WORDS];
        for pass in 0..WORDS / per {
            let memory = rows.pass(pass);
            for (place, &v) in model.graph().schedule().iter().enumerate() {
                let to = v as usize * WORDS + pass * per;
                pace.step(2 * per)?;
                words[to..to + per].copy_from_slice(&memory[2 * place * per..][..per]);
            }
        }
        Some(words)
    }
}

/// Appends the offsets of a spin's `inputs` rows, `row` units apart.
fn push_inputs(model: &Model, place: usize, inputs: usize, row: u64, fields: &mut Vec<u64>) {
    let graph = model.graph();
    let v = graph.schedule()[place] as usize;
    let zero = 2 * graph.n() as u64 * row;
    let first = fields.len();
    // J = +1 is unsatisfied by equal spins: its input is the neighbour's complement.
    for bond in graph.bonds(v) {
        let complement = u64::from(1 - model.negative()[bond.coupler as usize]);
        fields.push((2 * u64::from(graph.position(bond.neighbour)) + complement) * row);
    }
    match model.field(v) {
        0 => {}
        // Unsatisfied iff h s = +1: the input XOR the spin must be the spin (h = 1) or its complement.
        h => fields.push(zero + u64::from(h < 0) * row),
    }
    if !(fields.len() - first).is_multiple_of(2) {
        fields.push(2 * place as u64 * row); // the spin itself: a bond that is always satisfied
    }
    while fields.len() - first < inputs {
        fields.extend([zero, zero + row]);
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

    /// The rows of one pass.
    pub fn pass(&self, pass: usize) -> &[u64] {
        let lines = &self.cells[pass * self.lines_per_pass..][..self.lines_per_pass];
        // SAFETY: `Line` is eight u64 without padding, and words_per_pass <= 8 * lines_per_pass.
        unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), self.words_per_pass) }
    }

    /// The rows of one pass, to be written.
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
unsafe fn update<W: Lanes, const N: usize>(
    base: *mut u8,
    records: *const u64,
    spins: usize,
    codes: *const u8,
) {
    let mut own = base;
    let mut record = records;
    for _ in 0..spins {
        let spin = W::load(own);
        let mut input = [spin; N];
        let mut index = 0;
        for k in 0..N.div_ceil(3) {
            let word = *record.add(k);
            let fields = [
                W::field::<0>(word),
                W::field::<1>(word),
                W::field::<2>(word),
            ];
            for (j, field) in fields.into_iter().enumerate() {
                match 3 * k + j {
                    0 => index = field,
                    i if i < N => input[i - 1] = W::load(base.add(8 * field)),
                    _ => {}
                }
            }
        }
        let code = usize::from(*codes.add(index));
        let plane = planes::<W, N>(input);
        let mut q = spin;
        for (weight, &p) in plane[..4].iter().enumerate() {
            let row = own.add(((code >> (6 - weight)) & 1) * W::BYTES);
            q = p.majority(W::load(row), q);
        }
        q = plane[4].majority(spin.not(), q);
        q.store(own);
        q.not().store(own.add(W::BYTES));
        own = own.add(2 * W::BYTES);
        record = record.add(N.div_ceil(3));
    }
}

/// One sweep of one pass.
///
/// # Safety
/// `W` must be runnable here (see `Lanes`), `layout.bytes` must be `W::BYTES`, `memory` must come from `layout.fill`
/// for that layout, and `codes` must hold one code per spin.
#[inline(always)]
pub unsafe fn sweep<W: Lanes>(layout: &Layout, memory: *mut u8, codes: *const u8) {
    let record = layout.records.as_ptr();
    let spins = layout.spins;
    macro_rules! run {
        ($($n:literal)*) => {
            match layout.inputs {
                $(n if n == $n - 1 => update::<W, $n>(memory, record, spins, codes),)*
                other => unreachable!("a spin has an even number of inputs up to 26, not {other}"),
            }
        };
    }
    run!(1 3 5 7 9 11 13 15 17 19 21 23 25 27);
}
