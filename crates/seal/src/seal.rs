//! Whole seals: the twin of `quip.consensus.rules.check_seal`. A seal comes as its RLP, as it lies on the wire and on
//! disk, so that nothing of it is copied before it is judged.
use quip_ising::cancel::Never;
use std::sync::Arc;

use alloy_primitives::keccak256;
use quip_hashsig::XMSSMT_SHA2_20_2_256;
use quip_ising::lanes::Path;
use quip_ising::threshold::Cutoffs;
use quip_ising::{anneal, bits, energy, graph, model};
use quip_keys::ecdsa;

/// The only signature suite of protocol version 1.
const SUITE: u8 = 0x02;
const OID: [u8; 4] = [0, 0, 0, 1];
const ECDSA_KEY_BYTES: usize = 33;
const XMSS_KEY_BYTES: usize = 68;
const XMSS_SIGNATURE_BYTES: usize = 4_963;
const INDEX_BYTES: usize = 3;
const LEAVES: u64 = 1 << 20;
const MINER_PREFIX: u8 = 0x52;
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
    let Seal {
        ecdsa_key,
        xmss_key,
        xmss_signature,
        ..
    } = seal;
    let shaped = seal.suite == SUITE
        && ecdsa_key.len() == ECDSA_KEY_BYTES
        && matches!(ecdsa_key[0], 2 | 3)
        && xmss_key.len() == XMSS_KEY_BYTES
        && xmss_key.starts_with(&OID)
        && xmss_signature.len() == XMSS_SIGNATURE_BYTES
        && signed.block_hash.len() == 32;
    if !shaped {
        return None;
    }
    let keys = [&[SUITE], &ecdsa_key[..], &xmss_key[..]].concat();
    if keccak256([&[MINER_PREFIX], &keys[..]].concat())[12..] != signed.miner_id[..] {
        return None;
    }
    let index = xmss_signature[..INDEX_BYTES].iter();
    let leaf = index.fold(0, |leaf: u64, &byte| leaf << 8 | u64::from(byte));
    if leaf >= LEAVES {
        return None;
    }
    let mut message = BLOCK_DOMAIN.to_vec();
    message.extend_from_slice(&[0; 24]);
    message.extend_from_slice(&chain_id.to_be_bytes());
    message.extend_from_slice(&keys);
    message.extend_from_slice(&leaf.to_be_bytes());
    message.extend_from_slice(signed.block_hash);
    let digest = keccak256(&message);
    let key = ecdsa::recover(seal.ecdsa_signature, digest.as_slice()).ok()?;
    if key != ecdsa_key[..] {
        return None;
    }
    quip_hashsig::verify(
        &XMSSMT_SHA2_20_2_256,
        xmss_key,
        digest.as_slice(),
        xmss_signature,
    )
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
