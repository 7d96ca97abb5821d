//! `quip._native.evm.Decoded`: transactions that are read, but whose signatures nobody has looked at yet.
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use quip_evm::Terms;

use crate::evm::{recovered, Recovered, Rules};
use crate::state::balance_to_python;

/// A well-formed transaction; who signed it is not known.
#[pyclass(frozen, module = "quip._native.evm")]
struct Decoded {
    transaction: Arc<quip_evm::Transaction>,
    terms: Terms,
}

/// A wei amount as a Python integer.
fn wei(py: Python<'_>, amount: u128) -> PyResult<Bound<'_, PyAny>> {
    balance_to_python(py, alloy_primitives::U256::from(amount))
}

#[pymethods]
impl Decoded {
    #[getter]
    fn hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.transaction.hash().as_slice())
    }

    #[getter]
    fn kind(&self) -> u8 {
        self.transaction.kind()
    }

    #[getter]
    fn size(&self) -> usize {
        self.transaction.encoded().len()
    }

    #[getter]
    fn chain_id(&self) -> Option<u64> {
        self.terms.chain_id
    }

    #[getter]
    fn nonce(&self) -> u64 {
        self.terms.nonce
    }

    #[getter]
    fn gas_limit(&self) -> u64 {
        self.terms.gas_limit
    }

    #[getter]
    fn max_fee_per_gas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        wei(py, self.terms.max_fee_per_gas)
    }

    #[getter]
    fn max_priority_fee_per_gas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        wei(py, self.terms.max_priority_fee_per_gas)
    }

    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        balance_to_python(py, self.terms.value)
    }

    #[getter]
    fn data_size(&self) -> usize {
        self.terms.data_size
    }

    #[getter]
    fn creates(&self) -> bool {
        self.terms.creates
    }

    #[getter]
    fn authorizations(&self) -> usize {
        self.terms.authorizations
    }

    fn initial_gas(&self, rules: &Rules) -> (u64, u64) {
        let gas = self.transaction.initial_gas(&rules.rules);
        (gas.intrinsic, gas.floor)
    }
}

/// A transaction, or why the bytes are none.
#[derive(IntoPyObject)]
enum Read {
    Lawful(Decoded),
    Refused(String),
}

#[pyfunction]
fn decode(py: Python<'_>, encoded: Vec<PyBackedBytes>) -> Vec<Read> {
    let read = |bytes: &PyBackedBytes| match quip_evm::Transaction::decode(bytes) {
        Ok(transaction) => Read::Lawful(Decoded {
            terms: transaction.terms(),
            transaction: Arc::new(transaction),
        }),
        Err(error) => Read::Refused(error.to_string()),
    };
    py.detach(|| encoded.iter().map(read).collect())
}

#[pyfunction]
fn recover_decoded(py: Python<'_>, decoded: Vec<PyRef<'_, Decoded>>) -> Vec<Recovered> {
    let transactions = decoded.iter().map(|one| Arc::clone(&one.transaction));
    let transactions: Vec<_> = transactions.collect();
    drop(decoded);
    recovered(py.detach(|| quip_evm::recover_decoded(&transactions)))
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Decoded>()?;
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(recover_decoded, module)?)
}
