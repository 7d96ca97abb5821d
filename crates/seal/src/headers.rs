//! Gate and header rules of a run of headers: the twin of `check_gate` and `check_header` in `quip.consensus.rules`.
use alloy_primitives::B256;
use quip_ising::blake;

use crate::difficulty::{Context, Levels, Requirements};
use crate::gas;
use crate::header::Header;
use crate::ladder::Point;

/// keccak256(RLP([])).
const EMPTY_OMMERS_HASH: [u8; 32] = [
    0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5, 0x67, 0xb6, 0xcc, 0xd4, 0x1a,
    0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a, 0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47,
];

/// What a chain spec says about headers.
#[derive(Debug, Clone)]
pub struct HeaderRules {
    pub gate_bits: u32,
    /// Lowest and highest gas limit.
    pub gas_limits: (u64, u64),
    pub levels: Levels,
    pub ladder: Vec<Point>,
    /// The most ommers that a block may show.
    pub ommer_limit: u8,
}

/// A lawful header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub hash: B256,
    /// What its seal has to prove.
    pub required: Requirements,
    /// What its child is judged by.
    pub context: Context,
}

/// Each of `headers`, in RLP, as the child of the one before it, the first as that of `parent`, at Unix time `now`.
/// What is returned is lawful; where it is shorter than `headers`, the first that is missing is unlawful, too early, no
/// child of the one before it, or not for this twin to decide.
pub fn check_headers(
    rules: &HeaderRules,
    parent: (&[u8], Context),
    headers: &[&[u8]],
    now: i64,
) -> Vec<Checked> {
    let mut checked = Vec::with_capacity(headers.len());
    let (encoded, mut context) = parent;
    let Some(mut parent) = Header::decode(encoded) else {
        return checked;
    };
    let mut parent_hash = parent.hash();
    for encoded in headers {
        let Some(header) = Header::decode(encoded) else {
            break;
        };
        if header.parent_hash() != parent_hash {
            break;
        }
        let Some((required, next)) = rules.judge(&parent, &context, &header, now) else {
            break;
        };
        parent_hash = header.hash();
        (parent, context) = (header, next.clone());
        checked.push(Checked {
            hash: parent_hash,
            required,
            context: next,
        });
    }
    checked
}

impl HeaderRules {
    /// Whether the header shows its gate work. Needs no parent.
    pub fn is_gate_open(&self, header: &Header<'_>) -> bool {
        let nonce = header.nonce().try_into().expect("a nonce has eight bytes");
        let seed = blake::seed(&header.sealing_hash().0, nonce);
        header.mix_hash() == seed && blake::gate_open(&seed, self.gate_bits)
    }

    /// Whether the number of ommers is within the limit, and zero where ommersHash is that of none.
    fn names_its_ommers(&self, header: &Header<'_>) -> bool {
        header.ommers().is_some_and(|count| {
            count <= self.ommer_limit && (count == 0) == (header.ommers_hash() == EMPTY_OMMERS_HASH)
        })
    }

    fn judge(
        &self,
        parent: &Header<'_>,
        context: &Context,
        header: &Header<'_>,
        now: i64,
    ) -> Option<(Requirements, Context)> {
        let shaped = Some(header.number) == parent.number.checked_add(1)
            && self.names_its_ommers(header)
            && header.timestamp > parent.timestamp
            && i128::from(header.timestamp)
                <= i128::from(now) + i128::from(self.levels.future_limit)
            && gas::is_lawful(self.gas_limits, parent, header)
            && self.is_gate_open(header);
        if !shaped {
            return None;
        }
        let required = self
            .levels
            .requirements(&self.ladder, parent, context, header.timestamp)?;
        if header.difficulty != required.work {
            return None;
        }
        Some((
            required,
            self.levels.child_context(parent, context, header)?,
        ))
    }
}
