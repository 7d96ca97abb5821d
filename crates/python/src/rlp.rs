//! `quip._native.rlp`: RLP of Python objects, by alloy's codec.
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// Lists nested deeper than this are refused: no object of the protocol needs more than 6.
const MAX_RLP_DEPTH: usize = 32;
/// Items in one decoded message: each costs some 60 bytes of Python objects and 0.2 us, whatever its size on the wire. A
/// block at the highest gas limit of the shipped specs (300 million) has 14,000 transactions of ten items.
const MAX_RLP_ITEMS: usize = 1 << 18;

fn encode_item(item: &Bound<'_, PyAny>, out: &mut Vec<u8>, depth: usize) -> PyResult<()> {
    if depth > MAX_RLP_DEPTH {
        return Err(PyValueError::new_err("RLP nested too deeply"));
    }
    if let Ok(bytes) = item.cast::<PyBytes>() {
        alloy_rlp::Encodable::encode(bytes.as_bytes(), out);
        return Ok(());
    }
    if !item.is_instance_of::<PyList>() && !item.is_instance_of::<PyTuple>() {
        return Err(PyTypeError::new_err(
            "RLP encodes bytes, and lists or tuples of them",
        ));
    }
    let mut payload = Vec::new();
    for child in item.try_iter()? {
        encode_item(&child?, &mut payload, depth + 1)?;
    }
    alloy_rlp::Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(out);
    out.extend_from_slice(&payload);
    Ok(())
}

#[pyfunction]
fn encode<'py>(py: Python<'py>, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let mut out = Vec::new();
    encode_item(item, &mut out, 0)?;
    Ok(PyBytes::new(py, &out))
}

/// The next item. Lists `shallow` levels further down are taken apart; what lies deeper stays as it is encoded.
fn decode_item<'py>(
    py: Python<'py>,
    buf: &mut &[u8],
    depth: usize,
    shallow: usize,
    left: &mut usize,
) -> PyResult<Bound<'py, PyAny>> {
    let bad = |e: alloy_rlp::Error| PyValueError::new_err(format!("bad RLP: {e}"));
    if depth > MAX_RLP_DEPTH {
        return Err(PyValueError::new_err("bad RLP: nested too deeply"));
    }
    *left = left
        .checked_sub(1)
        .ok_or_else(|| PyValueError::new_err("bad RLP: too many items"))?;
    let whole = *buf;
    let header = alloy_rlp::Header::decode(buf).map_err(bad)?;
    if header.payload_length > buf.len() {
        return Err(bad(alloy_rlp::Error::InputTooShort));
    }
    let (mut payload, rest) = buf.split_at(header.payload_length);
    *buf = rest;
    if depth == shallow {
        return Ok(PyBytes::new(py, &whole[..whole.len() - rest.len()]).into_any());
    }
    if !header.list {
        return Ok(PyBytes::new(py, payload).into_any());
    }
    let list = PyList::empty(py);
    while !payload.is_empty() {
        list.append(decode_item(py, &mut payload, depth + 1, shallow, left)?)?;
    }
    Ok(list.into_any())
}

#[pyfunction]
#[pyo3(signature = (data, depth=None))]
fn decode<'py>(py: Python<'py>, data: &[u8], depth: Option<usize>) -> PyResult<Bound<'py, PyAny>> {
    let mut buf = data;
    let mut left = MAX_RLP_ITEMS;
    let item = decode_item(py, &mut buf, 0, depth.unwrap_or(usize::MAX), &mut left)?;
    if buf.is_empty() {
        Ok(item)
    } else {
        Err(PyValueError::new_err("bad RLP: bytes after the item"))
    }
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(encode, module)?)?;
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    Ok(())
}
