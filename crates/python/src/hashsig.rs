//! `quip._native.hashsig`: XMSS, verification, and the key that signs with whatever leaf it is told (src/quip/wallet keeps the state).
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use quip_hashsig::{
    Parameters, Seeds, SigningError, SigningKey, Tree, XMSSMT_SHA2_20_2_256, XMSS_SHA2_10_256,
};
use std::sync::Mutex;

/// Leaves between two calls of a progress callback.
const PROGRESS_STEP: u32 = 32;

fn parameters(suite: u8) -> PyResult<Parameters> {
    match suite {
        0x01 => Ok(XMSS_SHA2_10_256),
        0x02 => Ok(XMSSMT_SHA2_20_2_256),
        _ => Err(PyValueError::new_err(format!(
            "suite 0x{suite:02x} has no XMSS parameters"
        ))),
    }
}

/// True if the signature leads to the key's root; ValueError if a length, the OID or the leaf index is impossible.
#[pyfunction]
fn verify(
    py: Python<'_>,
    suite: u8,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> PyResult<bool> {
    let parameters = parameters(suite)?;
    match py.detach(|| quip_hashsig::verify(&parameters, public_key, message, signature)) {
        Ok(()) => Ok(true),
        Err(quip_hashsig::VerifyError::RootMismatch) => Ok(false),
        Err(error) => Err(PyValueError::new_err(error.to_string())),
    }
}

/// Calls `progress(leaves done, leaves in all)` now and then, and keeps what it raised.
struct Progress {
    callback: Option<Py<PyAny>>,
    total: u32,
    raised: Option<PyErr>,
}

impl Progress {
    fn new(callback: Option<Py<PyAny>>, parameters: &Parameters) -> Self {
        Self {
            callback,
            total: parameters.tree_leaves(),
            raised: None,
        }
    }

    fn report(&mut self, done: u32) -> bool {
        if !done.is_multiple_of(PROGRESS_STEP) {
            return true;
        }
        let outcome = Python::attach(|py| match &self.callback {
            Some(callback) => callback.call1(py, (done, self.total)).map(|_| ()),
            None => py.check_signals(),
        });
        self.raised = outcome.err();
        self.raised.is_none()
    }

    fn error(self, error: SigningError) -> PyErr {
        self.raised.unwrap_or_else(|| signing_error(error))
    }
}

fn signing_error(error: SigningError) -> PyErr {
    match error {
        SigningError::LeafOutOfRange(_) => PyValueError::new_err(error.to_string()),
        SigningError::Stopped | SigningError::Damaged(_) => {
            PyRuntimeError::new_err(error.to_string())
        }
    }
}

fn seeds(bytes: &[u8]) -> PyResult<Seeds> {
    let all: &[u8; 96] = bytes.try_into().map_err(|_| {
        PyValueError::new_err(format!(
            "seeds of {} bytes, want 96: sk_seed, sk_prf, pub_seed",
            bytes.len()
        ))
    })?;
    let part = |i: usize| std::array::from_fn(|j| all[32 * i + j]);
    Ok(Seeds {
        sk_seed: part(0),
        sk_prf: part(1),
        pub_seed: part(2),
    })
}

fn tree(parameters: &Parameters, nodes: &[u8]) -> PyResult<Tree> {
    Tree::from_bytes(parameters.tree_height, nodes)
        .ok_or_else(|| PyValueError::new_err(format!("{} bytes are no stored tree", nodes.len())))
}

/// An XMSS secret key. It has no memory of the leaves it signed with.
#[pyclass(frozen, module = "quip._native.hashsig")]
struct XmssKey(Mutex<SigningKey>);

impl XmssKey {
    fn locked<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut SigningKey) -> T + Send) -> T {
        py.detach(|| {
            work(
                &mut self
                    .0
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner()),
            )
        })
    }
}

#[pymethods]
impl XmssKey {
    #[staticmethod]
    #[pyo3(signature = (suite, seed_bytes, progress = None))]
    fn generate(
        py: Python<'_>,
        suite: u8,
        seed_bytes: &[u8],
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let (parameters, seeds) = (parameters(suite)?, seeds(seed_bytes)?);
        let mut progress = Progress::new(progress, &parameters);
        let made = py
            .detach(|| SigningKey::generate(parameters, seeds, &mut |done| progress.report(done)));
        made.map(|key| Self(Mutex::new(key)))
            .map_err(|error| progress.error(error))
    }

    #[staticmethod]
    fn restore(suite: u8, seed_bytes: &[u8], top_tree: &[u8]) -> PyResult<Self> {
        let parameters = parameters(suite)?;
        let key = SigningKey::restore(parameters, seeds(seed_bytes)?, tree(&parameters, top_tree)?);
        Ok(Self(Mutex::new(key)))
    }

    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.locked(py, |key| key.public_key()))
    }

    #[pyo3(signature = (leaf, progress = None))]
    fn prepare(&self, py: Python<'_>, leaf: u64, progress: Option<Py<PyAny>>) -> PyResult<()> {
        let mut progress = self.locked(py, |key| Progress::new(progress, key.parameters()));
        let outcome = self.locked(py, |key| {
            key.prepare(leaf, &mut |done| progress.report(done))
        });
        outcome.map_err(|error| progress.error(error))
    }

    fn sign<'py>(
        &self,
        py: Python<'py>,
        leaf: u64,
        message: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let signature = self
            .locked(py, |key| key.sign(leaf, message))
            .map_err(signing_error)?;
        Ok(PyBytes::new(py, &signature))
    }

    fn tree<'py>(&self, py: Python<'py>, layer: u32) -> Option<(u64, Bound<'py, PyBytes>)> {
        let stored = self.locked(py, |key| {
            key.tree(layer)
                .map(|(number, tree)| (number, tree.to_bytes()))
        });
        stored.map(|(number, nodes)| (number, PyBytes::new(py, &nodes)))
    }

    fn put_tree(&self, py: Python<'_>, layer: u32, number: u64, nodes: &[u8]) -> PyResult<()> {
        self.locked(py, |key| {
            let tree = tree(key.parameters(), nodes)?;
            let fits = key.put_tree(layer, number, tree);
            fits.then_some(()).ok_or_else(|| {
                PyValueError::new_err(format!("no tree {number} below the top in layer {layer}"))
            })
        })
    }
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(verify, module)?)?;
    module.add_class::<XmssKey>()
}
