//! secp256k1 ECDSA over libsecp256k1: RFC 6979 nonces, recoverable signatures r || s || v, low s only.
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey, SecretKey};

/// n / 2, big-endian: a larger s is the other half of a malleable pair (EIP-2).
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

fn sized<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], String> {
    let sized = bytes.try_into();
    sized.map_err(|_| format!("{what}: {} bytes, want {N}", bytes.len()))
}

fn fixed<const N: usize>(bytes: &[u8], what: &str) -> PyResult<[u8; N]> {
    sized(bytes, what).map_err(PyValueError::new_err)
}

fn secret_key(bytes: &[u8]) -> PyResult<SecretKey> {
    SecretKey::from_secret_bytes(fixed(bytes, "secret key")?)
        .map_err(|_| PyValueError::new_err("secret key: zero or not below the group order"))
}

#[pyfunction]
fn ecdsa_public_key<'py>(py: Python<'py>, secret: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(
        py,
        &secret_key(secret)?.public_key().serialize(),
    ))
}

#[pyfunction]
fn ecdsa_uncompressed<'py>(py: Python<'py>, public_key: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let compressed: [u8; 33] = fixed(public_key, "public key")?;
    let key = PublicKey::from_slice(&compressed)
        .map_err(|_| PyValueError::new_err("public key: not on the curve"))?;
    Ok(PyBytes::new(py, &key.serialize_uncompressed()[1..]))
}

#[pyfunction]
fn ecdsa_sign<'py>(py: Python<'py>, secret: &[u8], digest: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let message = Message::from_digest(fixed(digest, "digest")?);
    let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &secret_key(secret)?);
    let (id, rs) = signature.serialize_compact();
    let mut out = [0u8; 65];
    out[..64].copy_from_slice(&rs);
    out[64] = u8::from(id);
    if out[64] > 1 {
        // r + n < p: one nonce in 2^127, and such a signature has no v in {0, 1}.
        return Err(PyValueError::new_err(
            "signature: r overflowed the group order",
        ));
    }
    Ok(PyBytes::new(py, &out))
}

/// Recovers the compressed key; Err says which rule is broken, as `rule: text`.
pub fn recover_key(signature: &[u8], digest: &[u8]) -> Result<[u8; 33], String> {
    let signature: [u8; 65] = sized(signature, "ECDSA signature")?;
    let message = Message::from_digest(sized(digest, "digest")?);
    if signature[64] > 1 {
        return Err(format!("v: {}, want 0 or 1", signature[64]));
    }
    if signature[32..64] > HALF_ORDER[..] {
        return Err("high s: above half the group order".into());
    }
    let id = RecoveryId::try_from(i32::from(signature[64])).expect("0 and 1 are recovery ids");
    let key = RecoverableSignature::from_compact(&signature[..64], id)
        .and_then(|parsed| parsed.recover(message))
        .map_err(|_| "ECDSA signature: recovers no key")?;
    Ok(key.serialize())
}

#[pyfunction]
fn ecdsa_recover<'py>(
    py: Python<'py>,
    signature: &[u8],
    digest: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let key = recover_key(signature, digest).map_err(PyValueError::new_err)?;
    Ok(PyBytes::new(py, &key))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(ecdsa_public_key, module)?)?;
    module.add_function(wrap_pyfunction!(ecdsa_uncompressed, module)?)?;
    module.add_function(wrap_pyfunction!(ecdsa_sign, module)?)?;
    module.add_function(wrap_pyfunction!(ecdsa_recover, module)?)?;
    Ok(())
}
