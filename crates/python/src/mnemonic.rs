//! From a mnemonic to keys: BIP-39 words, BIP-32 derivation, HKDF-SHA256. English word list, empty passphrase.
use bip32::{DerivationPath, ExtendedPrivateKey};
use bip39::{Language, Mnemonic};
use hkdf::Hkdf;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use secp256k1::SecretKey;
use sha2::Sha256;

fn bad(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

#[pyfunction]
fn bip39_phrase(entropy: &[u8]) -> PyResult<String> {
    Ok(Mnemonic::from_entropy_in(Language::English, entropy)
        .map_err(bad)?
        .to_string())
}

#[pyfunction]
fn bip39_seed<'py>(
    py: Python<'py>,
    phrase: &str,
    passphrase: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let mnemonic = Mnemonic::parse_in(Language::English, phrase).map_err(bad)?;
    Ok(PyBytes::new(
        py,
        &py.detach(|| mnemonic.to_seed(passphrase)),
    ))
}

#[pyfunction]
fn bip32_secret<'py>(py: Python<'py>, seed: &[u8], path: &str) -> PyResult<Bound<'py, PyBytes>> {
    let path: DerivationPath = path.parse().map_err(bad)?;
    let key = ExtendedPrivateKey::<SecretKey>::derive_from_path(seed, &path).map_err(bad)?;
    Ok(PyBytes::new(py, &key.to_bytes()))
}

/// RFC 5869: 255 blocks.
const MAX_HKDF: usize = 255 * 32;

#[pyfunction]
fn hkdf_sha256<'py>(
    py: Python<'py>,
    key: &[u8],
    info: &[u8],
    length: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    if length > MAX_HKDF {
        return Err(PyValueError::new_err(format!(
            "{length} bytes, HKDF-SHA256 gives at most {MAX_HKDF}"
        )));
    }
    let mut out = vec![0; length];
    Hkdf::<Sha256>::new(None, key)
        .expand(info, &mut out)
        .map_err(bad)?;
    Ok(PyBytes::new(py, &out))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(bip39_phrase, module)?)?;
    module.add_function(wrap_pyfunction!(bip39_seed, module)?)?;
    module.add_function(wrap_pyfunction!(bip32_secret, module)?)?;
    module.add_function(wrap_pyfunction!(hkdf_sha256, module)?)?;
    Ok(())
}
