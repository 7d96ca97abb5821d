//! The one extension module, `quip._native`: PyO3 bindings only, one file per submodule.
//! The typed stubs in `src/quip/_native/` are the documentation of every name here.
use pyo3::prelude::*;

mod decoded;
mod evm;
mod families;
mod hashes;
mod hashsig;
mod hybrid;
mod ising;
mod keys;
mod rlp;
mod seal;
mod simulate;
mod state;
mod store;

type Register = fn(&Bound<'_, PyModule>) -> PyResult<()>;
const SUBMODULES: [(&str, Register); 11] = [
    ("evm", evm::register),
    ("hashes", hashes::register),
    ("hashsig", hashsig::register),
    ("hybrid", hybrid::register),
    ("ising", ising::register),
    ("keys", keys::register),
    ("rlp", rlp::register),
    ("seal", seal::register),
    ("simulate", simulate::register),
    ("state", state::register),
    ("store", store::register),
];

/// Submodules also enter `sys.modules`: one file holds them all, so that the import system would not find them.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let modules = py.import("sys")?.getattr("modules")?;
    for (name, register) in SUBMODULES {
        let full = format!("quip._native.{name}");
        let submodule = PyModule::new(py, &full)?;
        register(&submodule)?;
        module.add(name, &submodule)?;
        modules.set_item(full, submodule)?;
    }
    Ok(())
}
