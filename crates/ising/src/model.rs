//! One instance: a graph with couplings and fields, expanded from a seed's stream.

use crate::blake::stream;
use crate::cancel::Pace;
use crate::graph::Graph;
use crate::{invalid, Invalid, WORDS};
use std::sync::Arc;

/// E(s) = sum h_i s_i + sum J_uv s_u s_v with every J in {-1, +1} and every h in {-1, 0, +1}.
#[derive(Debug, Clone)]
pub struct Model {
    graph: Arc<Graph>,
    /// One byte a coupler, canonical order: 1 where J = -1.
    negative: Vec<u8>,
    /// Empty (no fields) or one entry per spin.
    fields: Vec<i8>,
}

/// What the stream holds after the model: the baseline's start and draws.
pub struct Expansion {
    pub model: Model,
    /// Stream offset of the baseline's start: the next multiple of 64 after couplers and fields.
    pub start_offset: u64,
}

impl Model {
    /// `couplings`: one +-1 per coupler in canonical order. `fields`: empty, or one of -1, 0, +1 per spin.
    pub fn new(graph: Arc<Graph>, couplings: &[i8], fields: &[i8]) -> Result<Self, Invalid> {
        if couplings.len() != graph.couplers().len() {
            return invalid(format!(
                "{} couplings for {} couplers",
                couplings.len(),
                graph.couplers().len()
            ));
        }
        if couplings.iter().any(|j| j.abs() != 1) {
            return invalid("couplings are -1 or +1");
        }
        if !fields.is_empty() && fields.len() != graph.n() {
            return invalid(format!("{} fields for {} spins", fields.len(), graph.n()));
        }
        if fields.iter().any(|&h| !(-1..=1).contains(&h)) {
            return invalid("fields are -1, 0 or +1");
        }
        Ok(Model {
            graph,
            negative: couplings.iter().map(|&j| u8::from(j < 0)).collect(),
            fields: fields.to_vec(),
        })
    }

    /// The instance that `seed` draws on `graph`.
    pub fn expand(graph: Arc<Graph>, seed: &[u8; 32], ternary: bool) -> Expansion {
        let m = graph.couplers().len();
        let mut bits = vec![0u8; m.div_ceil(8)];
        stream(seed, 0, &mut bits);
        let mut negative = Vec::with_capacity(bits.len() * 8);
        for byte in &bits {
            negative.extend((0..8).map(|k| (byte >> k) & 1));
        }
        negative.truncate(m);
        let mut offset = bits.len() as u64;
        let mut fields = Vec::new();
        if ternary {
            offset = draw_fields(seed, offset, graph.n(), &mut fields);
        }
        Expansion {
            model: Model {
                graph,
                negative,
                fields,
            },
            start_offset: offset.next_multiple_of(64),
        }
    }

    /// The graph that it lies on.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// 1 where J = -1, canonical order.
    pub fn negative(&self) -> &[u8] {
        &self.negative
    }

    /// Field of a spin, 0 without fields.
    #[inline]
    pub fn field(&self, v: usize) -> i8 {
        self.fields.get(v).copied().unwrap_or(0)
    }

    /// Fields, canonical order; empty without fields.
    pub fn fields(&self) -> &[i8] {
        &self.fields
    }

    /// Bonds per spin, canonical order: degree plus one where a field acts.
    pub fn bonds(&self) -> Vec<u8> {
        (0..self.graph.n())
            .map(|v| (self.graph.bonds(v).len() + usize::from(self.field(v) != 0)) as u8)
            .collect()
    }

    /// Couplers plus non-zero fields: E = 2 * (unsatisfied ones) - this.
    pub fn terms(&self) -> usize {
        self.negative.len() + self.fields.iter().filter(|&&h| h != 0).count()
    }
}

/// One byte per node, bytes >= 252 skipped, value mod 3 - 1. Returns the stream offset after the last byte read.
fn draw_fields(seed: &[u8; 32], mut offset: u64, n: usize, fields: &mut Vec<i8>) -> u64 {
    let mut block = [0u8; 256];
    while fields.len() < n {
        stream(seed, offset, &mut block);
        for &byte in &block {
            offset += 1;
            if byte < 252 {
                fields.push((byte % 3) as i8 - 1);
                if fields.len() == n {
                    break;
                }
            }
        }
    }
    offset
}

/// The baseline's start: `WORDS` words a spin, canonical order; bit r of a spin's 512-bit word is its spin in replica r.
/// `None`: cancelled.
pub fn start_words(seed: &[u8; 32], offset: u64, n: usize, pace: &mut Pace) -> Option<Vec<u64>> {
    let mut words = Vec::with_capacity(n * WORDS);
    let mut bytes = [0u8; 1 << 12];
    let mut at = offset;
    while words.len() < n * WORDS {
        let count = (n * WORDS - words.len()).min(bytes.len() / 8);
        pace.step(8 * count)?;
        let drawn = &mut bytes[..8 * count];
        stream(seed, at, drawn);
        at += drawn.len() as u64;
        let each = drawn.chunks_exact(8);
        words.extend(each.map(|one| u64::from_le_bytes(one.try_into().expect("eight bytes"))));
    }
    Some(words)
}
