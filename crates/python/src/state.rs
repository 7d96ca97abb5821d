//! `quip._native.state`: tries and the account state over a store.
use alloy_primitives::{Address, B256, U256};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use quip_state::{Account, Committed, Empty, StagedNodes, StoreNodes, Trie, Walked, EMPTY_ROOT};
use quip_store::StoreError;

use crate::store::{raised, settled, PyStore};

/// (nonce, balance, storage root, code hash)
type PyAccount<'py> = (
    u64,
    Bound<'py, PyAny>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);
/// (address, nonce, balance, storage root, code hash)
type PyChange<'py> = (
    PyBackedBytes,
    u64,
    Bound<'py, PyAny>,
    PyBackedBytes,
    PyBackedBytes,
);
/// (root, [(keccak256, RLP)])
type PyCommitted<'py> = (
    Bound<'py, PyBytes>,
    Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)>,
);

pub fn hash_of(bytes: &[u8], name: &str) -> PyResult<B256> {
    let sized = B256::try_from(bytes);
    sized.map_err(|_| PyValueError::new_err(format!("{name} has {} bytes, not 32", bytes.len())))
}

pub fn address_of(bytes: &[u8]) -> PyResult<Address> {
    let sized = Address::try_from(bytes);
    sized
        .map_err(|_| PyValueError::new_err(format!("an address has {} bytes, not 20", bytes.len())))
}

pub fn balance_of(number: &Bound<'_, PyAny>) -> PyResult<U256> {
    let bytes: Vec<u8> = number.call_method1("to_bytes", (32, "big"))?.extract()?;
    Ok(U256::from_be_slice(&bytes))
}

pub fn balance_to_python<'py>(py: Python<'py>, balance: U256) -> PyResult<Bound<'py, PyAny>> {
    let bytes = PyBytes::new(py, &balance.to_be_bytes::<32>());
    py.get_type::<pyo3::types::PyInt>()
        .call_method1("from_bytes", (bytes, "big"))
}

fn change_of(change: &PyChange<'_>) -> PyResult<(Address, Account)> {
    let (address, nonce, balance, storage_root, code_hash) = change;
    let account = Account {
        nonce: *nonce,
        balance: balance_of(balance)?,
        storage_root: hash_of(storage_root, "a storage root")?,
        code_hash: hash_of(code_hash, "a code hash")?,
    };
    Ok((address_of(address)?, account))
}

fn committed_to_python<'py>(py: Python<'py>, committed: &Committed) -> PyCommitted<'py> {
    let nodes = committed.nodes.iter();
    let nodes = nodes
        .map(|(hash, node)| (PyBytes::new(py, hash.as_slice()), PyBytes::new(py, node)))
        .collect();
    (PyBytes::new(py, committed.root.as_slice()), nodes)
}

/// Trie nodes between their making and their commit: updates on top of each other before anything is written.
#[pyclass(frozen, name = "StagedNodes", module = "quip._native.state")]
pub struct PyStagedNodes {
    pub nodes: StagedNodes,
}

#[pymethods]
impl PyStagedNodes {
    #[new]
    fn new() -> Self {
        Self {
            nodes: StagedNodes::default(),
        }
    }

    fn put(&self, nodes: Vec<(PyBackedBytes, PyBackedBytes)>) -> PyResult<()> {
        for (hash, node) in &nodes {
            self.nodes.put(hash_of(hash, "a node's hash")?, node);
        }
        Ok(())
    }
}

/// Accounts or keys that are read or changed without giving up the GIL: some 10 microseconds each.
const QUICK: usize = 4;

/// As `on_nodes`, for a few keys: with the GIL held, for to wait for it again would take longer than the work.
fn on_few_nodes<T: Send>(
    py: Python<'_>,
    store: &PyStore,
    staged: Option<&PyStagedNodes>,
    work: impl Fn(&StoreNodes<'_>) -> Result<T, StoreError> + Send + Sync,
) -> PyResult<T> {
    let cache = store.nodes.as_ref();
    let nodes = staged.map(|staged| &staged.nodes);
    let done = store.store.read_now(|snapshot| {
        work(&StoreNodes {
            snapshot,
            cache,
            staged: nodes,
        })
    });
    match done {
        Some(done) => settled(py, &store.store, done).map_err(|error| raised(py, error)),
        None => on_nodes(py, store, staged, work),
    }
}

/// Runs `work` on the store's nodes of this moment (and those staged on top), with the GIL released.
fn on_nodes<T: Send>(
    py: Python<'_>,
    store: &PyStore,
    staged: Option<&PyStagedNodes>,
    work: impl FnOnce(&StoreNodes<'_>) -> Result<T, StoreError> + Send,
) -> PyResult<T> {
    let cache = store.nodes.as_ref();
    let staged = staged.map(|staged| &staged.nodes);
    let outcome = py.detach(|| {
        store.store.read(|snapshot| {
            work(&StoreNodes {
                snapshot,
                cache,
                staged,
            })
        })
    });
    outcome.map_err(|error| raised(py, error))
}

#[pyfunction]
#[pyo3(signature = (store, root, address, staged=None))]
fn account<'py>(
    py: Python<'py>,
    store: &PyStore,
    root: &[u8],
    address: &[u8],
    staged: Option<&PyStagedNodes>,
) -> PyResult<Option<PyAccount<'py>>> {
    let (root, address) = (hash_of(root, "a state root")?, address_of(address)?);
    let Some(account) = on_few_nodes(py, store, staged, |nodes| {
        quip_state::account(nodes, root, address)
    })?
    else {
        return Ok(None);
    };
    let hash = |hash: B256| PyBytes::new(py, hash.as_slice());
    let balance = balance_to_python(py, account.balance)?;
    Ok(Some((
        account.nonce,
        balance,
        hash(account.storage_root),
        hash(account.code_hash),
    )))
}

#[pyfunction]
#[pyo3(signature = (store, root, changes, staged=None))]
fn update<'py>(
    py: Python<'py>,
    store: &PyStore,
    root: &[u8],
    changes: Vec<PyChange<'py>>,
    staged: Option<&PyStagedNodes>,
) -> PyResult<PyCommitted<'py>> {
    let root = hash_of(root, "a state root")?;
    let changes = changes
        .iter()
        .map(change_of)
        .collect::<PyResult<Vec<_>>>()?;
    let updated = |nodes: &StoreNodes<'_>| quip_state::update_accounts(nodes, root, &changes);
    let committed = if changes.len() <= QUICK {
        on_few_nodes(py, store, staged, updated)?
    } else {
        on_nodes(py, store, staged, updated)?
    };
    Ok(committed_to_python(py, &committed))
}

#[pyfunction]
#[pyo3(signature = (store, root, payments, staged=None))]
fn credit<'py>(
    py: Python<'py>,
    store: &PyStore,
    root: &[u8],
    payments: Vec<(PyBackedBytes, Bound<'py, PyAny>)>,
    staged: Option<&PyStagedNodes>,
) -> PyResult<PyCommitted<'py>> {
    let root = hash_of(root, "a state root")?;
    let payments = payments
        .iter()
        .map(|(address, amount)| Ok((address_of(address)?, balance_of(amount)?)))
        .collect::<PyResult<Vec<_>>>()?;
    let credited = |nodes: &StoreNodes<'_>| quip_state::credit_accounts(nodes, root, &payments);
    let committed = if payments.len() <= QUICK {
        on_few_nodes(py, store, staged, credited)?
    } else {
        on_nodes(py, store, staged, credited)?
    };
    Ok(committed_to_python(py, &committed))
}

#[pyfunction]
fn check(
    py: Python<'_>,
    store: &PyStore,
    roots: Vec<PyBackedBytes>,
) -> PyResult<(u64, Vec<String>)> {
    let roots = roots
        .iter()
        .map(|root| hash_of(root, "a state root"))
        .collect::<PyResult<Vec<_>>>()?;
    let mut walked = Walked::default();
    on_nodes(py, store, None, |nodes| {
        roots
            .iter()
            .for_each(|root| quip_state::walk(nodes, *root, &mut walked));
        Ok(())
    })?;
    Ok((
        walked.nodes(),
        walked.problems.iter().map(StoreError::to_string).collect(),
    ))
}

#[pyfunction]
fn trie_get<'py>(
    py: Python<'py>,
    store: &PyStore,
    root: &[u8],
    key: &[u8],
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let root = hash_of(root, "a root")?;
    let value = on_nodes(py, store, None, |nodes| Trie::new(root, nodes).get(key))?;
    Ok(value.map(|value| PyBytes::new(py, &value)))
}

#[pyfunction]
fn trie_update<'py>(
    py: Python<'py>,
    store: &PyStore,
    root: &[u8],
    changes: Vec<(PyBackedBytes, PyBackedBytes)>,
) -> PyResult<PyCommitted<'py>> {
    let root = hash_of(root, "a root")?;
    let committed = on_nodes(py, store, None, |nodes| {
        let mut trie = Trie::new(root, nodes);
        changes
            .iter()
            .try_for_each(|(key, value)| trie.set(key, value))?;
        Ok(trie.commit())
    })?;
    Ok(committed_to_python(py, &committed))
}

#[pyfunction]
fn trie_root<'py>(
    py: Python<'py>,
    pairs: Vec<(PyBackedBytes, PyBackedBytes)>,
) -> PyResult<Bound<'py, PyBytes>> {
    let root = py.detach(|| {
        let mut trie = Trie::new(EMPTY_ROOT, &Empty);
        pairs
            .iter()
            .try_for_each(|(key, value)| trie.set(key, value))?;
        Ok(trie.commit().root)
    });
    let root: B256 = root.map_err(|error| raised(py, error))?;
    Ok(PyBytes::new(py, root.as_slice()))
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyStagedNodes>()?;
    module.add_function(wrap_pyfunction!(account, module)?)?;
    module.add_function(wrap_pyfunction!(update, module)?)?;
    module.add_function(wrap_pyfunction!(credit, module)?)?;
    module.add_function(wrap_pyfunction!(check, module)?)?;
    module.add_function(wrap_pyfunction!(trie_get, module)?)?;
    module.add_function(wrap_pyfunction!(trie_update, module)?)?;
    module.add_function(wrap_pyfunction!(trie_root, module)?)?;
    Ok(())
}
