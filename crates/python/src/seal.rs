//! `quip._native.seal`: bindings of `quip_seal`, the fast twins of `quip.consensus.rules`.
use std::sync::Arc;

use alloy_primitives::U256;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyInt, PyTuple};
use quip_seal::difficulty::Total;
use quip_seal::{
    check_headers, Context, Header, HeaderRules, Levels, Proofs, Recent, Seal, Signed,
};

use crate::ising::{PyGraph, PySchedule};

/// (block hash, miner id, seed, margin, RLP of the seal)
type PySealed = (
    PyBackedBytes,
    PyBackedBytes,
    PyBackedBytes,
    i64,
    PyBackedBytes,
);
/// (timestamp, ommers, streak, ended streak)
type PyRecent = (u64, u64, u64, u64);
/// (total difficulty, controller, next controller, recent blocks)
type PyContext<'py> = (Bound<'py, PyAny>, i64, i64, Vec<PyRecent>);
/// As the context, with the newest of its recent blocks only
type PyNextContext<'py> = (Bound<'py, PyAny>, i64, i64, PyRecent);
/// (number, level, work, margin, controller, offset, overdue)
type PyRequirements<'py> = (u64, i64, Bound<'py, PyAny>, i64, i64, i64, i64);
/// (block hash, requirements, context)
type PyChecked<'py> = (Bound<'py, PyBytes>, PyRequirements<'py>, PyNextContext<'py>);

/// Bytes of a total difficulty.
const TOTAL_BYTES: usize = 64;

fn integer<'py>(py: Python<'py>, big_endian: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let zeros = big_endian.iter().take_while(|&&byte| byte == 0).count();
    let digits = &big_endian[zeros..];
    if digits.len() <= 8 {
        let number = digits.iter().fold(0, |n: u64, &b| n << 8 | u64::from(b));
        return Ok(PyInt::new(py, number).into_any());
    }
    py.get_type::<PyInt>()
        .call_method1("from_bytes", (PyBytes::new(py, digits), "big"))
}

fn integer_256<'py>(py: Python<'py>, number: U256) -> PyResult<Bound<'py, PyAny>> {
    integer(py, &number.to_be_bytes::<32>())
}

/// The 16 fields of a header in RLP, integers as int; None where the bytes are not exactly one well-formed header.
#[pyfunction]
fn decode_header<'py>(py: Python<'py>, encoded: &[u8]) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Some(header) = Header::decode(encoded) else {
        return Ok(None);
    };
    let fields = &header.fields;
    let bytes = |index: usize| PyBytes::new(py, fields[index]).into_any();
    let short = |number: u64| PyInt::new(py, number).into_any();
    let items = [
        bytes(0),
        bytes(1),
        bytes(2),
        bytes(3),
        bytes(4),
        bytes(5),
        bytes(6),
        integer_256(py, header.difficulty)?,
        short(header.number),
        short(header.gas_limit),
        short(header.gas_used),
        short(header.timestamp),
        bytes(12),
        bytes(13),
        bytes(14),
        integer_256(py, header.base_fee)?,
    ];
    PyTuple::new(py, items).map(Some)
}

/// (suite, ECDSA key, XMSS key, solutions, ECDSA signature, XMSS signature) of a seal in RLP; None where it is none.
#[pyfunction]
fn decode_seal<'py>(py: Python<'py>, encoded: &[u8]) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Some(seal) = Seal::decode(encoded) else {
        return Ok(None);
    };
    let bytes = |part: &[u8]| PyBytes::new(py, part);
    let solutions = PyTuple::new(py, seal.solutions.iter().map(|packed| bytes(packed)))?;
    let parts = (
        seal.suite,
        bytes(seal.ecdsa_key),
        bytes(seal.xmss_key),
        solutions,
        bytes(seal.ecdsa_signature),
        bytes(seal.xmss_signature),
    );
    parts.into_pyobject(py).map(Some)
}

/// floor(2^(level / 65536)); None where that is not for native code to say.
#[pyfunction]
fn work(py: Python<'_>, level: u64) -> PyResult<Option<Bound<'_, PyAny>>> {
    let made = u32::try_from(level).ok().and_then(quip_seal::work::work);
    made.map(|work| integer_256(py, work)).transpose()
}

/// The difficulty section of a spec: what `quip.consensus.spec` calls DifficultySpec.
#[derive(FromPyObject)]
struct PyLevels {
    start: i64,
    lo: i64,
    hi: i64,
    target_block_time: i64,
    half_life: i64,
    outage_cap: i64,
    lag: i64,
    overdue_after: i64,
    overdue_rate: i64,
    overdue_limit: i64,
    streak_rate: i64,
    streak_limit: i64,
    future_limit: i64,
}

fn recent_of((timestamp, ommers, streak, ended_streak): PyRecent) -> Recent {
    Recent {
        timestamp,
        ommers,
        streak,
        ended_streak,
    }
}

fn context_of(context: PyContext<'_>) -> PyResult<Context> {
    let (total, controller, next_controller, recent) = context;
    let total: Vec<u8> = total
        .call_method1("to_bytes", (TOTAL_BYTES, "big"))?
        .extract()?;
    Ok(Context {
        total_difficulty: Total::from_be_slice(&total),
        controller,
        next_controller,
        recent: recent.into_iter().map(recent_of).collect(),
    })
}

/// Judges runs of headers by the rules of one spec.
#[pyclass(frozen, name = "HeaderRules", module = "quip._native.seal")]
struct PyHeaderRules {
    rules: HeaderRules,
}

#[pymethods]
impl PyHeaderRules {
    #[new]
    fn new(
        gate_bits: u32,
        gas_limits: (u64, u64),
        levels: PyLevels,
        ladder: Vec<(i64, i64)>,
        ommer_limit: u8,
    ) -> Self {
        let levels = Levels {
            start: levels.start,
            lo: levels.lo,
            hi: levels.hi,
            target_block_time: levels.target_block_time,
            half_life: levels.half_life,
            outage_cap: levels.outage_cap,
            lag: levels.lag,
            overdue_after: levels.overdue_after,
            overdue_rate: levels.overdue_rate,
            overdue_limit: levels.overdue_limit,
            streak_rate: levels.streak_rate,
            streak_limit: levels.streak_limit,
            future_limit: levels.future_limit,
        };
        let rules = HeaderRules {
            gate_bits,
            gas_limits,
            levels,
            ladder,
            ommer_limit,
        };
        Self { rules }
    }

    fn check<'py>(
        &self,
        py: Python<'py>,
        parent: (PyBackedBytes, PyContext<'py>),
        headers: Vec<PyBackedBytes>,
        now: i64,
    ) -> PyResult<Vec<PyChecked<'py>>> {
        let (encoded, context) = (parent.0, context_of(parent.1)?);
        let checked = py.detach(|| {
            let headers: Vec<&[u8]> = headers.iter().map(|header| &header[..]).collect();
            check_headers(&self.rules, (&encoded, context), &headers, now)
        });
        let made = checked.iter().map(|one| {
            let (required, context) = (&one.required, &one.context);
            let newest = context.recent[context.recent.len() - 1];
            let required = (
                required.number,
                required.level,
                integer_256(py, required.work)?,
                required.margin,
                required.controller,
                required.offset,
                required.overdue,
            );
            let context = (
                integer(py, &context.total_difficulty.to_be_bytes::<TOTAL_BYTES>())?,
                context.controller,
                context.next_controller,
                (
                    newest.timestamp,
                    newest.ommers,
                    newest.streak,
                    newest.ended_streak,
                ),
            );
            Ok((PyBytes::new(py, one.hash.as_slice()), required, context))
        });
        made.collect()
    }
}

/// A puzzle, and what its proofs have to reach.
#[pyclass(frozen, module = "quip._native.seal")]
struct SealVerifier {
    verifier: quip_seal::SealVerifier,
}

#[pymethods]
impl SealVerifier {
    #[new]
    fn new(
        graph: &PyGraph,
        schedule: &PySchedule,
        ternary: bool,
        bounds: (i64, usize, usize),
    ) -> PyResult<Self> {
        let (cap, min_solutions, min_distance) = bounds;
        if graph.inner.n() == 0 {
            return Err(PyValueError::new_err("a puzzle has at least one spin"));
        }
        let proofs = Proofs {
            cap,
            min_solutions,
            min_distance,
        };
        let schedule = schedule.inner.clone();
        let graph = Arc::clone(&graph.inner);
        let verifier = quip_seal::SealVerifier::new(graph, schedule, ternary, proofs);
        Ok(Self { verifier })
    }

    fn good(&self, py: Python<'_>, chain_id: u64, seals: Vec<PySealed>) -> Vec<bool> {
        let is_good = |(block_hash, miner_id, seed, margin, encoded): &PySealed| {
            let signed = Signed {
                block_hash,
                miner_id,
                seed,
                margin: *margin,
            };
            self.verifier.is_good(chain_id, &signed, encoded)
        };
        py.detach(|| seals.iter().map(is_good).collect())
    }
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyHeaderRules>()?;
    module.add_class::<SealVerifier>()?;
    module.add_function(wrap_pyfunction!(decode_header, module)?)?;
    module.add_function(wrap_pyfunction!(decode_seal, module)?)?;
    module.add_function(wrap_pyfunction!(work, module)?)?;
    Ok(())
}
