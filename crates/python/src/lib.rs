//! The one extension module, `quip._native`: PyO3 bindings only, one file per crate that is bound.
//! The typed stub `src/quip/_native.pyi` is the documentation of every name here.
use pyo3::prelude::*;

mod ecdsa;
mod ising;
mod mnemonic;
mod primitives;
mod seals;
mod signatures;
mod state;
mod store;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    primitives::register(module)?;
    ecdsa::register(module)?;
    ising::register(module)?;
    signatures::register(module)?;
    seals::register(module)?;
    mnemonic::register(module)?;
    state::register(module)?;
    store::register(module)?;
    Ok(())
}
