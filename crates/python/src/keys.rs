//! `quip._native.keys`: bindings of `quip_keys`.
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use quip_keys::{derivation, ecdsa, Refused};

fn value_error(refused: Refused) -> PyErr {
    PyValueError::new_err(refused.0)
}

fn bytes<'py, T: AsRef<[u8]>>(
    py: Python<'py>,
    made: quip_keys::Result<T>,
) -> PyResult<Bound<'py, PyBytes>> {
    let made = made.map_err(value_error)?;
    Ok(PyBytes::new(py, made.as_ref()))
}

#[pyfunction]
fn ecdsa_public_key<'py>(py: Python<'py>, secret: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    bytes(py, ecdsa::public_key(secret))
}

#[pyfunction]
fn ecdsa_uncompressed<'py>(py: Python<'py>, public_key: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    bytes(py, ecdsa::uncompressed(public_key))
}

#[pyfunction]
fn ecdsa_sign<'py>(py: Python<'py>, secret: &[u8], digest: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    bytes(py, ecdsa::sign(secret, digest))
}

#[pyfunction]
fn ecdsa_recover<'py>(
    py: Python<'py>,
    signature: &[u8],
    digest: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    bytes(py, ecdsa::recover(signature, digest))
}

#[pyfunction]
fn bip39_phrase(entropy: &[u8]) -> PyResult<String> {
    derivation::phrase(entropy).map_err(value_error)
}

#[pyfunction]
fn bip39_seed<'py>(
    py: Python<'py>,
    phrase: &str,
    passphrase: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    bytes(py, py.detach(|| derivation::seed(phrase, passphrase)))
}

#[pyfunction]
fn bip32_secret<'py>(py: Python<'py>, seed: &[u8], path: &str) -> PyResult<Bound<'py, PyBytes>> {
    bytes(py, derivation::secret_at(seed, path))
}

#[pyfunction]
fn hkdf_sha256<'py>(
    py: Python<'py>,
    key: &[u8],
    info: &[u8],
    length: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    bytes(py, derivation::hkdf_sha256(key, info, length))
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(ecdsa_public_key, module)?)?;
    module.add_function(wrap_pyfunction!(ecdsa_uncompressed, module)?)?;
    module.add_function(wrap_pyfunction!(ecdsa_sign, module)?)?;
    module.add_function(wrap_pyfunction!(ecdsa_recover, module)?)?;
    module.add_function(wrap_pyfunction!(bip39_phrase, module)?)?;
    module.add_function(wrap_pyfunction!(bip39_seed, module)?)?;
    module.add_function(wrap_pyfunction!(bip32_secret, module)?)?;
    module.add_function(wrap_pyfunction!(hkdf_sha256, module)?)?;
    Ok(())
}
