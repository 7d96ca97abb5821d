//! `quip._native.evm`: transactions and blocks run on the store's states.
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, Bytes, B256, U256};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use quip_evm::{BuildLimits, HeaderSource, IsingEnergy, Lineage, Precompiles, Signed};
use quip_state::{TrieState, View};
use quip_store::StoreError;

use crate::ising::{cancelled, CancelFlag, PyGraph};
use crate::state::{
    address_of, balance_of, balance_to_python, hash_of, PyStagedStates, PyStateUpdate, PyStates,
};
use crate::store::raised;

/// The store's table of headers: block hash -> RLP.
const HEADERS: &str = "headers";

mod exceptions {
    use pyo3::create_exception;
    use pyo3::exceptions::PyException;

    create_exception!(quip._native.evm, InvalidTransaction, PyException);
    create_exception!(quip._native.evm, Cancelled, PyException);
}

/// The Python exception for a block that cannot be run.
fn failed(py: Python<'_>, error: quip_evm::ExecutionError) -> PyErr {
    let message = error.to_string();
    match error {
        quip_evm::ExecutionError::Transaction { index, error } => {
            let raised = exceptions::InvalidTransaction::new_err(error.to_string());
            let named = raised.value(py).setattr("index", index);
            named.err().unwrap_or(raised)
        }
        quip_evm::ExecutionError::Environment(_) => PyValueError::new_err(message),
        quip_evm::ExecutionError::Cancelled => exceptions::Cancelled::new_err(message),
        quip_evm::ExecutionError::Store(error) => raised(py, error),
    }
}

#[pyclass(frozen, module = "quip._native.evm")]
pub(crate) struct Rules {
    pub(crate) rules: quip_evm::Rules,
    precompiles: Precompiles,
}

#[pymethods]
impl Rules {
    #[new]
    #[pyo3(signature = (fork, chain_id, graph=None, ternary=false))]
    fn new(
        py: Python<'_>,
        fork: &str,
        chain_id: u64,
        graph: Option<&PyGraph>,
        ternary: bool,
    ) -> PyResult<Self> {
        let fork = fork.parse().map_err(|error| failed(py, error))?;
        let precompiles = graph.map_or(Precompiles::Ethereum, |graph| {
            let graph = Arc::clone(&graph.inner);
            Precompiles::Quip(IsingEnergy { graph, ternary })
        });
        Ok(Self {
            rules: quip_evm::Rules { fork, chain_id },
            precompiles,
        })
    }
}

#[pyclass(frozen, module = "quip._native.evm")]
struct Environment {
    environment: quip_evm::BlockEnvironment,
}

/// (number, parent hash, beneficiary, timestamp, gas limit, base fee, PREVRANDAO)
type PyEnvironment<'py> = (
    u64,
    PyBackedBytes,
    PyBackedBytes,
    u64,
    u64,
    Bound<'py, PyAny>,
    PyBackedBytes,
);

#[pymethods]
impl Environment {
    #[new]
    fn new(fields: PyEnvironment<'_>) -> PyResult<Self> {
        let (number, parent, beneficiary, timestamp, gas_limit, base_fee, randomness) = fields;
        let base_fee = u64::try_from(balance_of(&base_fee)?)
            .map_err(|_| PyValueError::new_err("a base fee of 2^64 wei or more"))?;
        Ok(Self {
            environment: quip_evm::BlockEnvironment {
                number,
                parent_hash: hash_of(&parent, "a parent's hash")?,
                beneficiary: address_of(&beneficiary)?,
                timestamp,
                gas_limit,
                base_fee,
                randomness: hash_of(&randomness, "PREVRANDAO")?,
            },
        })
    }
}

/// A signed transaction and its sender.
#[pyclass(frozen, module = "quip._native.evm")]
pub struct Transaction {
    signed: Arc<Signed>,
}

#[pymethods]
impl Transaction {
    #[getter]
    fn hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.signed.transaction.hash().as_slice())
    }

    #[getter]
    fn sender<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.signed.sender.as_slice())
    }

    #[getter]
    fn encoded<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.signed.transaction.encoded())
    }

    #[getter]
    fn kind(&self) -> u8 {
        self.signed.transaction.kind()
    }

    #[getter]
    fn authorities<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let authorities = self.signed.authorities();
        authorities
            .map(|who| PyBytes::new(py, who.as_slice()))
            .collect()
    }

    fn intrinsic_gas(&self, rules: &Rules) -> PyResult<u64> {
        let gas = self.signed.intrinsic_gas(&rules.rules);
        gas.map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

/// A transaction, or why it is none.
#[derive(IntoPyObject)]
pub(crate) enum Recovered {
    Lawful(Transaction),
    Refused(String),
}

pub(crate) fn recovered(signed: Vec<Result<Signed, quip_evm::TransactionError>>) -> Vec<Recovered> {
    let recovered = signed.into_iter().map(|signed| match signed {
        Ok(signed) => Recovered::Lawful(Transaction {
            signed: Arc::new(signed),
        }),
        Err(error) => Recovered::Refused(error.to_string()),
    });
    recovered.collect()
}

#[pyfunction]
fn recover(py: Python<'_>, encoded: Vec<PyBackedBytes>) -> Vec<Recovered> {
    recovered(py.detach(|| quip_evm::recover_all(&encoded)))
}

/// What a block's outcome follows from, beside its parent's state and its transactions.
#[pyclass(frozen, module = "quip._native.evm")]
pub struct Block {
    rules: Py<Rules>,
    environment: Py<Environment>,
    payments: Vec<(Address, U256)>,
}

#[pymethods]
impl Block {
    #[new]
    fn new(
        rules: Py<Rules>,
        environment: Py<Environment>,
        payments: Vec<(PyBackedBytes, Bound<'_, PyAny>)>,
    ) -> PyResult<Self> {
        let payments = payments.iter();
        let payments = payments
            .map(|(address, amount)| Ok((address_of(address)?, balance_of(amount)?)))
            .collect::<PyResult<_>>()?;
        Ok(Self {
            rules,
            environment,
            payments,
        })
    }
}

struct Headers<'a> {
    staged: Option<&'a PyStagedStates>,
    view: &'a View<'a>,
}

impl HeaderSource for Headers<'_> {
    fn load(&self, hash: B256) -> Result<Bytes, StoreError> {
        if let Some(header) = self.staged.and_then(|staged| staged.header(hash)) {
            return Ok(header);
        }
        let header = self.view.row(HEADERS, hash.as_slice())?;
        let missing = || StoreError::corrupt("a header is missing").at(HEADERS, hash.as_slice());
        Ok(header.ok_or_else(missing)?.into())
    }
}

/// The state that a block is run on.
#[pyclass(frozen, module = "quip._native.evm")]
pub struct Parent {
    states: Py<PyStates>,
    root: B256,
    staged: Option<Py<PyStagedStates>>,
}

#[pymethods]
impl Parent {
    #[new]
    #[pyo3(signature = (states, root, staged=None))]
    fn new(
        states: Py<PyStates>,
        root: &[u8],
        staged: Option<Py<PyStagedStates>>,
    ) -> PyResult<Self> {
        Ok(Self {
            states,
            root: hash_of(root, "a root")?,
            staged,
        })
    }
}

impl Parent {
    /// Runs `work` on the block, the GIL released.
    pub fn run<T: Send>(
        &self,
        py: Python<'_>,
        block: &Block,
        work: impl FnOnce(quip_evm::Block<'_>) -> Result<T, quip_evm::ExecutionError> + Send,
    ) -> PyResult<T> {
        let (states, rules) = (self.states.get(), block.rules.get());
        let environment = &block.environment.get().environment;
        let staged = self.staged.as_ref().map(|staged| staged.get());
        let done = states.read(py, staged, self.root, |view| {
            let headers = Headers { staged, view };
            let ancestors = Lineage::new(&headers, environment.number, environment.parent_hash);
            let done = work(quip_evm::Block {
                rules: &rules.rules,
                environment,
                state: &TrieState::new(view, self.root),
                ancestors: &ancestors,
                precompiles: &rules.precompiles,
                payments: &block.payments,
            });
            // Damage must reach the store, which closes; anything else is the block's.
            match done {
                Err(quip_evm::ExecutionError::Store(error)) => Err(error),
                other => Ok(other),
            }
        });
        done?.map_err(|error| failed(py, error))
    }
}

#[pyclass(frozen, module = "quip._native.evm")]
struct Executed {
    executed: quip_evm::Executed,
}

#[pymethods]
impl Executed {
    #[getter]
    fn root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.executed.state.root().as_slice())
    }

    #[getter]
    fn state(&self) -> PyStateUpdate {
        PyStateUpdate {
            update: self.executed.state.clone(),
        }
    }

    #[getter]
    fn receipts_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.executed.receipts.root().as_slice())
    }

    #[getter]
    fn logs_bloom<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.executed.receipts.bloom().as_slice())
    }

    #[getter]
    fn gas_used(&self) -> u64 {
        self.executed.gas_used
    }

    #[getter]
    fn fees<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        balance_to_python(py, self.executed.fees)
    }

    #[getter]
    fn receipts<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.executed.receipts.rlp())
    }
}

pub fn shared(transactions: &[PyRef<'_, Transaction>]) -> Vec<Arc<Signed>> {
    let transactions = transactions.iter();
    transactions
        .map(|transaction| Arc::clone(&transaction.signed))
        .collect()
}

#[pyfunction]
#[pyo3(signature = (parent, block, transactions, cancel=None))]
fn verify(
    py: Python<'_>,
    parent: &Parent,
    block: &Block,
    transactions: Vec<PyRef<'_, Transaction>>,
    cancel: Option<Py<CancelFlag>>,
) -> PyResult<Executed> {
    let (signed, cancel) = (shared(&transactions), cancelled(py, cancel));
    drop(transactions);
    let flag = &cancel.get().raised;
    let executed = parent.run(py, block, |block| quip_evm::verify(block, &signed, flag))?;
    Ok(Executed { executed })
}

/// What was built: the outcome, the places of the candidates that are in it, the root of the body, and the places of
/// those that were refused, each with the reason.
type PyBuilt<'py> = (
    Executed,
    Vec<usize>,
    Bound<'py, PyBytes>,
    Vec<(usize, String)>,
);

/// A candidate and its place in the list.
struct Placed(usize, Arc<Signed>);

impl std::borrow::Borrow<Signed> for Placed {
    fn borrow(&self) -> &Signed {
        &self.1
    }
}

#[pyfunction]
#[pyo3(signature = (parent, block, candidates, max_bytes, limit_ms, cancel=None))]
fn build<'py>(
    py: Python<'py>,
    parent: &Parent,
    block: &Block,
    candidates: Vec<PyRef<'py, Transaction>>,
    max_bytes: usize,
    limit_ms: u64,
    cancel: Option<Py<CancelFlag>>,
) -> PyResult<PyBuilt<'py>> {
    let (signed, cancel) = (shared(&candidates), cancelled(py, cancel));
    drop(candidates);
    let limits = BuildLimits {
        bytes: max_bytes,
        deadline: Instant::now() + Duration::from_millis(limit_ms),
        cancelled: &cancel.get().raised,
    };
    let placed = signed.into_iter().enumerate();
    let placed = placed.map(|(place, signed)| Placed(place, signed));
    let built = parent.run(py, block, |block| quip_evm::build(block, placed, limits))?;
    let root = PyBytes::new(py, built.transactions_root.as_slice());
    let skipped = built.skipped.iter();
    let skipped = skipped
        .map(|skipped| (skipped.candidate.0, skipped.error.to_string()))
        .collect();
    let included = built.transactions.iter().map(|placed| placed.0).collect();
    let executed = Executed {
        executed: built.executed,
    };
    Ok((executed, included, root, skipped))
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add(
        "InvalidTransaction",
        py.get_type::<exceptions::InvalidTransaction>(),
    )?;
    module.add("Cancelled", py.get_type::<exceptions::Cancelled>())?;
    module.add_class::<Rules>()?;
    module.add_class::<Environment>()?;
    module.add_class::<Transaction>()?;
    module.add_class::<Block>()?;
    module.add_class::<Parent>()?;
    module.add_class::<Executed>()?;
    module.add_function(wrap_pyfunction!(recover, module)?)?;
    crate::decoded::register(module)?;
    module.add_function(wrap_pyfunction!(verify, module)?)?;
    module.add_function(wrap_pyfunction!(build, module)?)?;
    Ok(())
}
