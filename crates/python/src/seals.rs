//! Whole seals, many in one call with the GIL released: the fast twin of `quip.consensus.rules.check_seal`, which says
//! only whether a seal is good. What is wrong with one that is not, the clear twin finds out.
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

use alloy_primitives::keccak256;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use quip_hashsig::XMSSMT_SHA2_20_2_256;
use quip_ising::lanes::Path;
use quip_ising::{anneal, bits, energy, graph, model};

use crate::ecdsa::recover_key;
use crate::ising::{IsingGraph, IsingSchedule};

const SUITE: u8 = 0x02;
const OID: [u8; 4] = [0, 0, 0, 1];
const XMSS_KEY_BYTES: usize = 68;
const XMSS_SIGNATURE_BYTES: usize = 4_963;
const INDEX_BYTES: usize = 3;
const LEAVES: u64 = 1 << 20;
const MINER_PREFIX: u8 = 0x52;
const BLOCK_DOMAIN: &[u8] = b"quip/block/v1";
const REPLICAS: i128 = 512;
/// Configurations whose energies are computed at once.
const LANES: usize = 64;

/// ((block hash, miner id, seed, margin), (suite, ECDSA key, XMSS key, ECDSA signature, XMSS signature), solutions)
type PySeal = (
    (PyBackedBytes, PyBackedBytes, PyBackedBytes, i64),
    (
        u8,
        PyBackedBytes,
        PyBackedBytes,
        PyBackedBytes,
        PyBackedBytes,
    ),
    Vec<PyBackedBytes>,
);

/// A puzzle, and what its proofs have to reach.
#[pyclass(frozen, module = "quip._native")]
struct SealVerifier {
    graph: Arc<graph::Graph>,
    schedule: Py<IsingSchedule>,
    ternary: bool,
    cap: i64,
    min_solutions: usize,
    min_distance: usize,
    path: Path,
}

fn is_signed(chain_id: u64, seal: &PySeal) -> Option<()> {
    let ((hash, miner_id, _, _), (suite, ecdsa, xmss, ecdsa_signature, xmss_signature), _) = seal;
    let shaped = *suite == SUITE
        && ecdsa.len() == 33
        && matches!(ecdsa[0], 2 | 3)
        && xmss.len() == XMSS_KEY_BYTES
        && xmss.starts_with(&OID)
        && xmss_signature.len() == XMSS_SIGNATURE_BYTES
        && hash.len() == 32;
    if !shaped {
        return None;
    }
    let keys = [&[SUITE], &ecdsa[..], &xmss[..]].concat();
    if keccak256([&[MINER_PREFIX], &keys[..]].concat())[12..] != miner_id[..] {
        return None;
    }
    let index = xmss_signature[..INDEX_BYTES].iter();
    let leaf = index.fold(0, |leaf: u64, &byte| leaf << 8 | u64::from(byte));
    if leaf >= LEAVES {
        return None;
    }
    let mut signed = BLOCK_DOMAIN.to_vec();
    signed.extend_from_slice(&[0; 24]);
    signed.extend_from_slice(&chain_id.to_be_bytes());
    signed.extend_from_slice(&keys);
    signed.extend_from_slice(&leaf.to_be_bytes());
    signed.extend_from_slice(hash);
    let digest = keccak256(&signed);
    let key = recover_key(ecdsa_signature, digest.as_slice()).ok()?;
    if key != ecdsa[..] {
        return None;
    }
    quip_hashsig::verify(
        &XMSSMT_SHA2_20_2_256,
        xmss,
        digest.as_slice(),
        xmss_signature,
    )
    .ok()
}

impl SealVerifier {
    fn is_canonical(&self, solutions: &[&[u8]]) -> bool {
        let n = self.graph.n();
        let fold = !self.ternary;
        let shaped = |packed: &&[u8]| {
            packed.len() == n.div_ceil(8)
                && (n.is_multiple_of(8) || packed[packed.len() - 1] >> (n % 8) == 0)
                && (!fold || packed[0] & 1 == 1)
        };
        solutions.len() == self.min_solutions
            && solutions.iter().all(shaped)
            && solutions.is_sorted_by(|low, high| low < high)
            && (solutions.len() < 2
                || bits::minimum_distance(solutions, n, fold) >= self.min_distance)
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
        if claimed > i128::from(self.cap) {
            return None;
        }
        let never = AtomicBool::new(false);
        let schedule = &self.schedule.get().inner;
        let run = anneal::baseline(&seed, &expansion, schedule, self.path, &never)?;
        let baseline: i128 = run.energies.iter().map(|&energy| i128::from(energy)).sum();
        (claimed <= baseline).then_some(())
    }

    fn is_good(&self, chain_id: u64, seal: &PySeal) -> bool {
        let ((_, _, seed, margin), _, solutions) = seal;
        let solutions: Vec<&[u8]> = solutions.iter().map(|packed| &packed[..]).collect();
        is_signed(chain_id, seal).is_some() && self.is_proof(seed, *margin, &solutions).is_some()
    }
}

#[pymethods]
impl SealVerifier {
    #[new]
    fn new(
        graph: &IsingGraph,
        schedule: Py<IsingSchedule>,
        ternary: bool,
        bounds: (i64, usize, usize),
    ) -> PyResult<Self> {
        let (cap, min_solutions, min_distance) = bounds;
        Ok(Self {
            graph: graph.inner.clone(),
            schedule,
            ternary,
            cap,
            min_solutions,
            min_distance,
            path: Path::named(None).map_err(crate::ising::refused)?,
        })
    }

    fn good(&self, py: Python<'_>, chain_id: u64, seals: Vec<PySeal>) -> Vec<bool> {
        py.detach(|| {
            let verdicts = seals.iter().map(|seal| self.is_good(chain_id, seal));
            verdicts.collect()
        })
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SealVerifier>()
}
