//! `quip._native.store`: one file of checksummed tables.
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use quip_state::States;
use quip_store::{Changes, FaultyDisk, Row, ScanRange, Store, StoreError};

/// Rows between two calls of a progress callback.
const PROGRESS_STEP: u64 = 10_000;

mod exceptions {
    use pyo3::create_exception;
    use pyo3::exceptions::PyException;

    create_exception!(quip._native.store, StoreError, PyException);
    create_exception!(quip._native.store, StoreCorrupt, StoreError);
    create_exception!(quip._native.store, StoreLocked, StoreError);
    create_exception!(quip._native.store, StoreFull, StoreError);
    create_exception!(quip._native.store, StoreVersion, StoreError);
    create_exception!(quip._native.store, StateMissing, StoreError);
}

/// The Python exception for an error of the store.
pub fn raised(py: Python<'_>, error: StoreError) -> PyErr {
    let message = error.to_string();
    match error {
        StoreError::Corrupt { table, key, .. } => {
            let raised = exceptions::StoreCorrupt::new_err(message);
            let value = raised.value(py);
            let named = value
                .setattr("table", table)
                .and_then(|()| value.setattr("key", PyBytes::new(py, &key)));
            named.err().unwrap_or(raised)
        }
        StoreError::Locked(_) => exceptions::StoreLocked::new_err(message),
        StoreError::Full(_) => exceptions::StoreFull::new_err(message),
        StoreError::Version { .. } => exceptions::StoreVersion::new_err(message),
        StoreError::Missing(_) => exceptions::StateMissing::new_err(message),
        StoreError::ReadOnly | StoreError::Io(_) => exceptions::StoreError::new_err(message),
    }
}

#[pyclass(frozen, name = "Store", module = "quip._native.store")]
pub struct PyStore {
    pub store: Arc<Store>,
    /// One for all who ask: they share what waits in memory.
    pub states: OnceLock<Arc<States>>,
}

impl PyStore {
    fn opened(
        py: Python<'_>,
        open: impl FnOnce() -> Result<Store, StoreError> + Send,
    ) -> PyResult<Self> {
        let store = py.detach(open).map_err(|error| raised(py, error))?;
        Ok(Self {
            store: Arc::new(store),
            states: OnceLock::new(),
        })
    }
}

/// What a read with the GIL held came to; an error is settled without it.
pub fn settled<T>(
    py: Python<'_>,
    store: &Store,
    done: Result<T, StoreError>,
) -> Result<T, StoreError> {
    if let Err(error) = &done {
        py.detach(|| store.settle(error));
    }
    done
}

/// Rows as Python gives them: (table, key, value).
pub type PyPut = (String, PyBackedBytes, PyBackedBytes);
/// (table, key)
pub type PyDelete = (String, PyBackedBytes);

/// Rows to be changed.
pub fn changes_of(puts: Vec<PyPut>, deletes: Vec<PyDelete>) -> Changes {
    let puts = puts.into_iter();
    let deletes = deletes.into_iter();
    Changes {
        puts: puts
            .map(|(table, key, value)| (table, key.to_vec(), value.to_vec()))
            .collect(),
        deletes: deletes.map(|(table, key)| (table, key.to_vec())).collect(),
    }
}

/// Calls back now and then with the number of rows; keeps the first exception.
struct Progress {
    callback: Option<Py<PyAny>>,
    raised: Option<PyErr>,
}

impl Progress {
    fn report(&mut self, rows: u64) {
        if !rows.is_multiple_of(PROGRESS_STEP) || self.raised.is_some() {
            return;
        }
        if let Some(callback) = &self.callback {
            self.raised = Python::attach(|py| callback.call1(py, (rows,)).err());
        }
    }
}

#[pymethods]
impl PyStore {
    #[staticmethod]
    #[pyo3(signature = (path, read_only=false))]
    fn open(py: Python<'_>, path: PathBuf, read_only: bool) -> PyResult<Self> {
        Self::opened(py, || {
            if read_only {
                Store::open_read_only(&path)
            } else {
                Store::open(&path)
            }
        })
    }

    #[staticmethod]
    fn salvage(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Self::opened(py, || Store::salvage(&path))
    }

    #[staticmethod]
    fn in_memory(py: Python<'_>) -> PyResult<Self> {
        Self::opened(py, Store::in_memory)
    }

    #[staticmethod]
    fn open_on(py: Python<'_>, disk: &PyFaultyDisk) -> PyResult<Self> {
        let disk = disk.disk.clone();
        Self::opened(py, || Store::open_on(disk))
    }

    fn get<'py>(
        &self,
        py: Python<'py>,
        table: &str,
        key: &[u8],
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        // A few microseconds: giving up the GIL and waiting for it again may take a thousand times as long.
        let value = match self.store.read_now(|snapshot| snapshot.get(table, key)) {
            Some(done) => settled(py, &self.store, done).map_err(|error| error.at(table, key)),
            None => py.detach(|| self.store.get(table, key)),
        };
        let value = value.map_err(|error| raised(py, error))?;
        Ok(value.map(|value| PyBytes::new(py, &value)))
    }

    #[pyo3(signature = (table, start, end, limit, reverse=false))]
    fn scan<'py>(
        &self,
        py: Python<'py>,
        table: &str,
        start: &[u8],
        end: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> PyResult<Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>> {
        let range = ScanRange {
            start: start.to_vec(),
            end: end.map(<[u8]>::to_vec),
            limit,
            reverse,
        };
        let rows = py
            .detach(|| self.store.scan(table, &range))
            .map_err(|error| raised(py, error))?;
        let row = |(key, value): Row| (PyBytes::new(py, &key), PyBytes::new(py, &value));
        Ok(rows.into_iter().map(row).collect())
    }

    fn keys<'py>(
        &self,
        py: Python<'py>,
        table: &str,
        start: &[u8],
        limit: usize,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let keys = py.detach(|| self.store.keys(table, start, limit));
        let keys = keys.map_err(|error| raised(py, error))?;
        Ok(keys.iter().map(|key| PyBytes::new(py, key)).collect())
    }

    fn tables(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        py.detach(|| self.store.tables())
            .map_err(|error| raised(py, error))
    }

    fn commit(&self, py: Python<'_>, puts: Vec<PyPut>, deletes: Vec<PyDelete>) -> PyResult<()> {
        let changes = changes_of(puts, deletes);
        py.detach(|| self.store.commit(&changes))
            .map_err(|error| raised(py, error))
    }

    /// Gives the file's free pages back to the disk. Some minutes for a large one.
    fn compact(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.store.compact())
            .map_err(|error| raised(py, error))
    }

    #[pyo3(signature = (progress=None))]
    fn check(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<(u64, Vec<String>)> {
        let mut progress = Progress {
            callback: progress,
            raised: None,
        };
        let report = py.detach(|| self.store.check(|rows| progress.report(rows)));
        let report = report.map_err(|error| raised(py, error))?;
        match progress.raised {
            Some(error) => Err(error),
            None => Ok((
                report.rows,
                report.problems.iter().map(StoreError::to_string).collect(),
            )),
        }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.store.close())
            .map_err(|error| raised(py, error))
    }
}

#[pyclass(frozen, name = "FaultyDisk", module = "quip._native.store")]
struct PyFaultyDisk {
    disk: FaultyDisk,
}

#[pymethods]
impl PyFaultyDisk {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self {
            disk: FaultyDisk::new(&path).map_err(|error| raised(py, error))?,
        })
    }

    #[pyo3(signature = (kill_at=None))]
    fn arm(&self, py: Python<'_>, kill_at: Option<u64>) -> PyResult<()> {
        self.disk.arm(kill_at).map_err(|error| raised(py, error))
    }

    fn log_to(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.disk.log_to(&path).map_err(|error| raised(py, error))
    }

    #[getter]
    fn operations(&self) -> u64 {
        self.disk.operations()
    }

    fn set_full(&self, full: bool) {
        self.disk.set_full(full);
    }

    #[pyo3(signature = (keep_seed=None))]
    fn cut_power(&self, py: Python<'_>, keep_seed: Option<u64>) -> PyResult<()> {
        self.disk
            .cut_power(keep_seed)
            .map_err(|error| raised(py, error))
    }

    #[pyo3(signature = (operations, keep_seed=None))]
    fn cut_power_after(&self, operations: u64, keep_seed: Option<u64>) {
        self.disk.cut_power_after(operations, keep_seed);
    }

    #[getter]
    fn has_power(&self) -> bool {
        self.disk.has_power()
    }
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("StoreError", py.get_type::<exceptions::StoreError>())?;
    module.add("StoreCorrupt", py.get_type::<exceptions::StoreCorrupt>())?;
    module.add("StoreLocked", py.get_type::<exceptions::StoreLocked>())?;
    module.add("StoreFull", py.get_type::<exceptions::StoreFull>())?;
    module.add("StoreVersion", py.get_type::<exceptions::StoreVersion>())?;
    module.add("StateMissing", py.get_type::<exceptions::StateMissing>())?;
    module.add_class::<PyStore>()?;
    module.add_class::<PyFaultyDisk>()?;
    Ok(())
}
