//! `quip._native.ising`: bindings of `quip_ising`.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use quip_ising::cancel::Pace;
use quip_ising::diverse::{diverse, Wanted};
use quip_ising::lanes::Path;
use quip_ising::select::Compatible;
use quip_ising::threshold::Cutoffs;
use quip_ising::{anneal, bits, blake, energy, gate, graph, model};

/// Bytes of the stream that one call may ask for.
const MAX_STREAM: usize = 1 << 30;

pub(crate) fn refused(error: quip_ising::Invalid) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn fixed<const N: usize>(name: &str, bytes: &[u8]) -> PyResult<[u8; N]> {
    bytes.try_into().map_err(|_| {
        PyValueError::new_err(format!("{name} must be {N} bytes, not {}", bytes.len()))
    })
}

fn words_u32(name: &str, bytes: &[u8]) -> PyResult<Vec<u32>> {
    if !bytes.len().is_multiple_of(4) {
        return Err(PyValueError::new_err(format!("{name} must hold u32 words")));
    }
    let word = |chunk: &[u8]| u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
    Ok(bytes.chunks_exact(4).map(word).collect())
}

/// A flag that stops a run from another thread.
#[pyclass(frozen, module = "quip._native.ising")]
#[derive(Default)]
pub(crate) struct CancelFlag {
    pub(crate) raised: AtomicBool,
}

#[pymethods]
impl CancelFlag {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn set(&self) {
        self.raised.store(true, Ordering::Relaxed);
    }

    fn clear(&self) {
        self.raised.store(false, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }
}

#[pyclass(frozen, name = "Graph", module = "quip._native.ising")]
pub struct PyGraph {
    pub inner: Arc<graph::Graph>,
}

#[pymethods]
impl PyGraph {
    #[new]
    fn new(n: usize, couplers: &[u8], order: &[u8]) -> PyResult<Self> {
        let flat = words_u32("couplers", couplers)?;
        if !flat.len().is_multiple_of(2) {
            return Err(PyValueError::new_err("couplers must hold pairs"));
        }
        let pairs = flat.chunks_exact(2).map(|p| (p[0], p[1])).collect();
        let order = words_u32("order", order)?;
        let inner = graph::Graph::new(n, pairs, &order).map_err(refused)?;
        Ok(PyGraph {
            inner: Arc::new(inner),
        })
    }

    #[getter]
    fn n(&self) -> usize {
        self.inner.n()
    }

    #[getter]
    fn max_degree(&self) -> usize {
        self.inner.max_degree()
    }
}

/// A schedule of integer cutoffs.
#[pyclass(frozen, name = "Schedule", module = "quip._native.ising")]
pub struct PySchedule {
    pub inner: Cutoffs,
}

#[pymethods]
impl PySchedule {
    #[new]
    fn new(rows: Vec<Vec<u32>>) -> PyResult<Self> {
        let inner = Cutoffs::new(&rows).map_err(refused)?;
        Ok(PySchedule { inner })
    }

    #[getter]
    fn sweeps(&self) -> usize {
        self.inner.sweeps()
    }
}

/// An instance: couplings and fields on a graph.
#[pyclass(frozen, name = "Model", module = "quip._native.ising")]
pub(crate) struct PyModel {
    pub(crate) inner: model::Model,
    /// Seed and stream offset of the baseline's start, where the model was drawn from a seed.
    origin: Option<([u8; 32], u64)>,
}

pub(crate) fn cancelled(py: Python<'_>, flag: Option<Py<CancelFlag>>) -> Py<CancelFlag> {
    flag.unwrap_or_else(|| Py::new(py, CancelFlag::default()).expect("a new flag"))
}

impl PyModel {
    fn n(&self) -> usize {
        self.inner.graph().n()
    }

    fn check_lengths(&self, solutions: &[Vec<u8>]) -> PyResult<()> {
        let expected = self.n().div_ceil(8);
        match solutions.iter().find(|s| s.len() != expected) {
            Some(bad) => Err(PyValueError::new_err(format!(
                "a configuration of {} spins has {expected} bytes, not {}",
                self.n(),
                bad.len()
            ))),
            None => Ok(()),
        }
    }
}

#[pymethods]
impl PyModel {
    #[staticmethod]
    fn from_seed(py: Python<'_>, graph: &PyGraph, seed: &[u8], ternary: bool) -> PyResult<Self> {
        let seed: [u8; 32] = fixed("seed", seed)?;
        let graph = graph.inner.clone();
        let made = py.detach(|| model::Model::expand(graph, &seed, ternary));
        Ok(PyModel {
            inner: made.model,
            origin: Some((seed, made.start_offset)),
        })
    }

    #[staticmethod]
    fn from_couplings(graph: &PyGraph, couplings: Vec<i8>, fields: Vec<i8>) -> PyResult<Self> {
        let inner = model::Model::new(graph.inner.clone(), &couplings, &fields).map_err(refused)?;
        Ok(PyModel {
            inner,
            origin: None,
        })
    }

    #[getter]
    fn couplings(&self) -> Vec<i8> {
        let sign = |&negative: &u8| if negative == 1 { -1 } else { 1 };
        self.inner.negative().iter().map(sign).collect()
    }

    #[getter]
    fn fields(&self) -> Vec<i8> {
        self.inner.fields().to_vec()
    }

    #[getter(n)]
    fn spins(&self) -> usize {
        self.n()
    }

    fn packed_couplers<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let pairs = self.inner.graph().couplers().iter();
        let bytes: Vec<u8> = pairs
            .flat_map(|&(u, v)| [u.to_le_bytes(), v.to_le_bytes()].concat())
            .collect();
        PyBytes::new(py, &bytes)
    }

    #[getter]
    fn start_offset(&self) -> Option<u64> {
        self.origin.map(|(_, offset)| offset)
    }

    fn energies(&self, py: Python<'_>, solutions: Vec<Vec<u8>>) -> PyResult<Vec<i32>> {
        self.check_lengths(&solutions)?;
        Ok(py.detach(|| {
            let mut out = Vec::with_capacity(solutions.len());
            for few in solutions.chunks(64) {
                let rows: Vec<&[u8]> = few.iter().map(Vec::as_slice).collect();
                let words = bits::transpose(&rows, self.n());
                out.extend(energy::of_few(&self.inner, &words, few.len()));
            }
            out
        }))
    }

    #[pyo3(signature = (schedule, cancel=None, path=None))]
    fn baseline(
        &self,
        py: Python<'_>,
        schedule: &PySchedule,
        cancel: Option<Py<CancelFlag>>,
        path: Option<&str>,
    ) -> PyResult<Option<PySamples>> {
        let path = Path::named(path).map_err(refused)?;
        let Some((seed, start_offset)) = self.origin else {
            return Err(PyValueError::new_err(
                "only a model drawn from a seed has a baseline",
            ));
        };
        anneal::check(&self.inner, &schedule.inner).map_err(refused)?;
        let flag = cancelled(py, cancel);
        let raised = &flag.get().raised;
        let expansion = model::Expansion {
            model: self.inner.clone(),
            start_offset,
        };
        let outcome =
            py.detach(|| anneal::baseline(&seed, &expansion, &schedule.inner, path, raised));
        Ok(outcome.map(|run| PySamples::new(run, self.n())))
    }

    #[pyo3(signature = (schedule, seed, cancel=None, path=None))]
    fn anneal(
        &self,
        py: Python<'_>,
        schedule: &PySchedule,
        seed: u64,
        cancel: Option<Py<CancelFlag>>,
        path: Option<&str>,
    ) -> PyResult<Option<PySamples>> {
        let path = Path::named(path).map_err(refused)?;
        anneal::check(&self.inner, &schedule.inner).map_err(refused)?;
        let flag = cancelled(py, cancel);
        let raised = &flag.get().raised;
        let outcome =
            py.detach(|| anneal::anneal(&self.inner, &schedule.inner, seed, path, raised));
        Ok(outcome.map(|run| PySamples::new(run, self.n())))
    }
}

/// Final configurations and energies of a run's 512 replicas.
#[pyclass(frozen, name = "Samples", module = "quip._native.ising")]
pub(crate) struct PySamples {
    pub(crate) run: anneal::Outcome,
    n: usize,
}

impl PySamples {
    fn new(run: anneal::Outcome, n: usize) -> Self {
        PySamples { run, n }
    }
}

#[pymethods]
impl PySamples {
    /// Energies of the replicas, by replica.
    #[getter]
    fn energies(&self) -> Vec<i32> {
        self.run.energies.clone()
    }

    #[getter]
    fn total(&self) -> i64 {
        self.run.energies.iter().map(|&e| i64::from(e)).sum()
    }

    #[getter]
    fn best(&self) -> i32 {
        self.run.energies.iter().copied().min().unwrap_or(i32::MAX)
    }

    #[pyo3(signature = (replica, fold=false))]
    fn replica<'py>(
        &self,
        py: Python<'py>,
        replica: usize,
        fold: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if replica >= self.run.energies.len() {
            return Err(PyValueError::new_err("no such replica"));
        }
        let packed = bits::replica(&self.run.words, self.n, replica, fold);
        Ok(PyBytes::new(py, &packed))
    }

    /// The lowest energy bound under which `count` replicas lie `min_distance` apart, and those replicas' packed
    /// configurations in ascending order; only replicas of at most `max_energy` count. `None`: none, or cancelled.
    #[pyo3(signature = (max_energy, count, min_distance, fold, cancel=None))]
    fn diverse<'py>(
        &self,
        py: Python<'py>,
        max_energy: i32,
        count: usize,
        min_distance: usize,
        fold: bool,
        cancel: Option<Py<CancelFlag>>,
    ) -> Option<(i32, Vec<Bound<'py, PyBytes>>)> {
        let flag = cancelled(py, cancel);
        let wanted = Wanted {
            max_energy,
            count,
            min_distance,
            fold,
        };
        let found = py.detach(|| diverse(&self.run, self.n, &wanted, &flag.get().raised))?;
        let set = found.1.iter().map(|s| PyBytes::new(py, s)).collect();
        Some((found.0, set))
    }
}

#[pyfunction]
fn seed<'py>(py: Python<'py>, sealing_hash: &[u8], nonce: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let seed = blake::seed(
        &fixed("sealing hash", sealing_hash)?,
        &fixed("nonce", nonce)?,
    );
    Ok(PyBytes::new(py, &seed))
}

#[pyfunction]
fn gate_open(seed: &[u8], bits: u32) -> PyResult<bool> {
    Ok(blake::gate_open(&fixed("seed", seed)?, bits))
}

#[pyfunction]
fn search_gate<'py>(
    py: Python<'py>,
    sealing_hash: &[u8],
    start: u64,
    limit: u64,
    bits: u32,
) -> PyResult<Option<(u64, Bound<'py, PyBytes>)>> {
    let hash = fixed("sealing hash", sealing_hash)?;
    let found = py.detach(|| gate::search(&hash, start, limit, bits, Path::best()));
    Ok(found.map(|(nonce, seed)| (nonce, PyBytes::new(py, &seed))))
}

#[pyfunction]
fn stream<'py>(
    py: Python<'py>,
    seed: &[u8],
    offset: u64,
    length: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    if length > MAX_STREAM {
        return Err(PyValueError::new_err(format!(
            "{length} bytes of the stream at once, at most {MAX_STREAM}"
        )));
    }
    let mut out = vec![0u8; length];
    blake::stream(&fixed("seed", seed)?, offset, &mut out);
    Ok(PyBytes::new(py, &out))
}

#[pyfunction]
fn minimum_distance(solutions: Vec<Vec<u8>>, n: usize, fold: bool) -> PyResult<usize> {
    if solutions.iter().any(|s| s.len() != n.div_ceil(8)) {
        return Err(PyValueError::new_err(
            "a configuration has the wrong length",
        ));
    }
    let rows: Vec<&[u8]> = solutions.iter().map(Vec::as_slice).collect();
    Ok(bits::minimum_distance(&rows, n, fold))
}

/// Indices of `count` packed configurations at least `min_distance` apart, among those given best first; or None
/// (also if cancelled).
#[pyfunction]
#[pyo3(signature = (solutions, n, fold, count, min_distance, cancel=None))]
fn choose(
    py: Python<'_>,
    solutions: Vec<Vec<u8>>,
    n: usize,
    fold: bool,
    count: usize,
    min_distance: usize,
    cancel: Option<Py<CancelFlag>>,
) -> PyResult<Option<Vec<usize>>> {
    if solutions.iter().any(|s| s.len() != n.div_ceil(8)) {
        return Err(PyValueError::new_err(
            "a configuration has the wrong length",
        ));
    }
    let apart = |a: usize, b: usize| bits::distance(&solutions[a], &solutions[b], n, fold);
    let flag = cancelled(py, cancel);
    let raised = &flag.get().raised;
    Ok(py.detach(|| {
        let pace = &mut Pace::new(raised);
        Compatible::new(solutions.len(), min_distance, apart, pace)?.choose(
            solutions.len(),
            count,
            pace,
        )
    }))
}

#[pyfunction]
fn paths() -> Vec<&'static str> {
    let here = Path::ALL.into_iter().filter(|path| path.available());
    here.map(Path::name).collect()
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<CancelFlag>()?;
    module.add_class::<PyGraph>()?;
    module.add_class::<PySchedule>()?;
    module.add_class::<PyModel>()?;
    module.add_class::<PySamples>()?;
    module.add_class::<crate::families::PyFamilies>()?;
    module.add_function(wrap_pyfunction!(seed, module)?)?;
    module.add_function(wrap_pyfunction!(gate_open, module)?)?;
    module.add_function(wrap_pyfunction!(search_gate, module)?)?;
    module.add_function(wrap_pyfunction!(stream, module)?)?;
    module.add_function(wrap_pyfunction!(minimum_distance, module)?)?;
    module.add_function(wrap_pyfunction!(choose, module)?)?;
    module.add_function(wrap_pyfunction!(paths, module)?)?;
    Ok(())
}
