//! Whole seals: the twin of `quip.consensus.rules.check_seal`. A seal comes as its RLP, as it lies on the wire and on
//! disk, so that nothing of it is copied before it is judged.
use quip_ising::cancel::Never;
use std::sync::Arc;

use alloy_primitives::keccak256;
use quip_hybrid::{HybridKeys, SUITE_MINING};
use quip_ising::lanes::Path;
use quip_ising::threshold::Cutoffs;
use quip_ising::{anneal, bits, energy, graph, model};

const BLOCK_DOMAIN: &[u8] = b"quip/block/v1";
const REPLICAS: i128 = 512;
/// Configurations whose energies are computed at once.
const LANES: usize = 64;
/// More than any chain spec may ask for.
const MAX_SOLUTIONS: usize = 1_024;

/// A well-formed seal. Lengths of keys, solutions and signatures are judged later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal<'a> {
    pub suite: u8,
    pub ecdsa_key: &'a [u8],
    pub xmss_key: &'a [u8],
    pub solutions: Vec<&'a [u8]>,
    pub ecdsa_signature: &'a [u8],
    pub xmss_signature: &'a [u8],
}

/// The contents of the next item, which is a list, or is none.
fn item<'a>(rest: &mut &'a [u8], list: bool) -> Option<&'a [u8]> {
    let header = alloy_rlp::Header::decode(rest).ok()?;
    let (contents, after) = rest.split_at_checked(header.payload_length)?;
    *rest = after;
    (header.list == list).then_some(contents)
}

impl<'a> Seal<'a> {
    /// The seal in its RLP; None where the bytes are not exactly one well-formed seal.
    pub fn decode(encoded: &'a [u8]) -> Option<Self> {
        let mut after = encoded;
        let mut rest = item(&mut after, true)?;
        let suite = item(&mut rest, false)?;
        let mut keys = item(&mut rest, true)?;
        let mut packed = item(&mut rest, true)?;
        let (ecdsa_key, xmss_key) = (item(&mut keys, false)?, item(&mut keys, false)?);
        let mut solutions = Vec::new();
        while !packed.is_empty() && solutions.len() <= MAX_SOLUTIONS {
            solutions.push(item(&mut packed, false)?);
        }
        let seal = Seal {
            suite: *suite.first()?,
            ecdsa_key,
            xmss_key,
            solutions,
            ecdsa_signature: item(&mut rest, false)?,
            xmss_signature: item(&mut rest, false)?,
        };
        let whole = after.is_empty() && rest.is_empty() && keys.is_empty() && packed.is_empty();
        (whole && suite.len() == 1 && seal.suite != 0 && seal.solutions.len() <= MAX_SOLUTIONS)
            .then_some(seal)
    }
}

/// What a header says that its seal has to bear out.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub block_hash: &'a [u8],
    pub miner_id: &'a [u8],
    pub seed: &'a [u8],
    /// By how much every solution has to be below the baseline, in 1/512 energy.
    pub margin: i64,
}

/// What a puzzle's proofs have to reach.
#[derive(Debug, Clone, Copy)]
pub struct Proofs {
    /// B_cap, in 1/512 energy.
    pub cap: i64,
    pub min_solutions: usize,
    pub min_distance: usize,
}

/// Judges the seals of one puzzle.
pub struct SealVerifier {
    graph: Arc<graph::Graph>,
    schedule: Cutoffs,
    ternary: bool,
    proofs: Proofs,
    path: Path,
}

/// Both signatures are by the miner whom the header names. None: no.
fn is_signed(chain_id: u64, signed: &Signed<'_>, seal: &Seal<'_>) -> Option<()> {
    let keys = HybridKeys::new(seal.suite, seal.ecdsa_key, seal.xmss_key).ok()?;
    if keys.suite() != SUITE_MINING
        || keys.miner_id()[..] != *signed.miner_id
        || signed.block_hash.len() != 32
    {
        return None;
    }
    let leaf = keys.leaf_of(seal.xmss_signature).ok()?;
    let message = [
        BLOCK_DOMAIN,
        &[0; 24],
        &chain_id.to_be_bytes(),
        &[keys.suite()],
        keys.ecdsa(),
        keys.xmss(),
        &leaf.to_be_bytes(),
        signed.block_hash,
    ]
    .concat();
    let ecdsa_signature = seal.ecdsa_signature.try_into().ok()?;
    keys.verify(keccak256(message), ecdsa_signature, seal.xmss_signature)
        .ok()
}

impl SealVerifier {
    /// A verifier for the puzzle on `graph`, with fields where `ternary`, whose baseline runs under `schedule`.
    pub fn new(graph: Arc<graph::Graph>, schedule: Cutoffs, ternary: bool, proofs: Proofs) -> Self {
        SealVerifier {
            graph,
            schedule,
            ternary,
            proofs,
            path: Path::best(),
        }
    }

    fn is_canonical(&self, solutions: &[&[u8]]) -> bool {
        let n = self.graph.n();
        let fold = !self.ternary;
        let shaped = |packed: &&[u8]| {
            packed.len() == n.div_ceil(8)
                && (n.is_multiple_of(8) || packed[packed.len() - 1] >> (n % 8) == 0)
                && (!fold || packed[0] & 1 == 1)
        };
        solutions.len() == self.proofs.min_solutions
            && solutions.iter().all(shaped)
            && solutions.is_sorted_by(|low, high| low < high)
            && (solutions.len() < 2
                || bits::minimum_distance(solutions, n, fold) >= self.proofs.min_distance)
    }

    fn is_proof(&self, seed: &[u8], margin: i64, solutions: &[&[u8]]) -> Option<()> {
        let seed: [u8; 32] = seed.try_into().ok()?;
        if !self.is_canonical(solutions) {
            return None;
        }
        let expansion = model::Model::expand(self.graph.clone(), &seed, self.ternary);
        let worst = solutions.chunks(LANES).flat_map(|few| {
            let words = bits::transpose(few, self.graph.n());
            energy::of_few(&expansion.model, &words, few.len())
        });
        let claimed = REPLICAS * i128::from(worst.max()?) + i128::from(margin);
        if claimed > i128::from(self.proofs.cap) {
            return None;
        }
        let run = anneal::baseline(&seed, &expansion, &self.schedule, self.path, &Never)?;
        let baseline: i128 = run.energies.iter().map(|&energy| i128::from(energy)).sum();
        (claimed <= baseline).then_some(())
    }

    /// Whether `encoded` is a seal that proves the work and the miner of a header.
    pub fn is_good(&self, chain_id: u64, signed: &Signed<'_>, encoded: &[u8]) -> bool {
        let Some(seal) = Seal::decode(encoded) else {
            return false;
        };
        is_signed(chain_id, signed, &seal).is_some()
            && self
                .is_proof(signed.seed, signed.margin, &seal.solutions)
                .is_some()
    }
}
