//! `quip._native.hybrid`: bindings of `quip_hybrid`. Transactions go in and out as their bytes.
use alloy_primitives::U256;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use quip_hybrid::{HybridError, HybridTransaction, LeafRefused, LeafWindow, Payload};

fn value_error(error: HybridError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

#[pyfunction]
fn check_transaction(encoded: &[u8]) -> PyResult<()> {
    HybridTransaction::decode(encoded)
        .map(|_| ())
        .map_err(value_error)
}

#[pyfunction]
fn verify_transaction(py: Python<'_>, encoded: &[u8]) -> PyResult<bool> {
    py.detach(|| {
        let transaction = HybridTransaction::decode(encoded)?;
        transaction.verify()?;
        Ok(transaction.payload.keys_name_sender())
    })
    .map_err(value_error)
}

#[pyfunction]
fn payload_digest<'py>(py: Python<'py>, encoded: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let payload = Payload::decode(encoded).map_err(value_error)?;
    Ok(PyBytes::new(py, payload.digest().as_slice()))
}

#[pyfunction]
fn burn_leaf<'py>(
    py: Python<'py>,
    window: (u64, [u8; 32]),
    leaf: u64,
    leaves: u64,
) -> PyResult<(u64, Bound<'py, PyBytes>)> {
    let before = LeafWindow {
        next: window.0,
        used: U256::from_be_bytes(window.1),
    };
    let after = before.burn(leaf, leaves);
    let after = after.map_err(|refused: LeafRefused| PyValueError::new_err(refused.to_string()))?;
    Ok((
        after.next,
        PyBytes::new(py, &after.used.to_be_bytes::<32>()),
    ))
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_transaction, module)?)?;
    module.add_function(wrap_pyfunction!(verify_transaction, module)?)?;
    module.add_function(wrap_pyfunction!(payload_digest, module)?)?;
    module.add_function(wrap_pyfunction!(burn_leaf, module)?)
}
