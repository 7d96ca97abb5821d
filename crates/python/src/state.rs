//! `quip._native.state`: the states of a store's blocks.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::{Address, Bytes, B256, U256};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use quip_state::{
    prove, AccountChange, AccountValue, BlockState, Empty, Limits, Mark, NodeSource, Owner, Staged,
    State, StateChanges, StateReader, StateUpdate, States, Trie, TrieState, View, EMPTY_ROOT,
};
use quip_store::StoreError;

use crate::store::{changes_of, raised, settled, PyDelete, PyPut, PyStore};

/// (nonce, balance, storage root, code hash)
type PyAccount<'py> = (
    u64,
    Bound<'py, PyAny>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);
/// (address, nonce, balance, code hash, [(slot, value)]); slots and values are 32 bytes.
type PyChange<'py> = (
    PyBackedBytes,
    u64,
    Bound<'py, PyAny>,
    PyBackedBytes,
    Vec<(PyBackedBytes, PyBackedBytes)>,
);
/// (number, hash, parent's hash, update, is the head)
type PyBlock<'py> = (
    u64,
    PyBackedBytes,
    PyBackedBytes,
    Bound<'py, PyStateUpdate>,
    bool,
);
/// RLP of the nodes on a path.
type PyPath<'py> = Vec<Bound<'py, PyBytes>>;
/// (account, its proof, [(value, proof)] of the slots)
type PyProof<'py> = (
    Option<PyAccount<'py>>,
    PyPath<'py>,
    Vec<(Bound<'py, PyBytes>, PyPath<'py>)>,
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

fn account_to_python(py: Python<'_>, account: quip_state::Account) -> PyResult<PyAccount<'_>> {
    Ok((
        account.nonce,
        balance_to_python(py, account.balance)?,
        PyBytes::new(py, account.storage_root.as_slice()),
        PyBytes::new(py, account.code_hash.as_slice()),
    ))
}

fn slot_of(bytes: &[u8]) -> PyResult<U256> {
    Ok(hash_of(bytes, "a slot or its value")?.into())
}

fn change_of(change: &PyChange<'_>) -> PyResult<(Address, AccountChange)> {
    let (address, nonce, balance, code_hash, slots) = change;
    let value = AccountValue {
        nonce: *nonce,
        balance: balance_of(balance)?,
        code_hash: hash_of(code_hash, "a code hash")?,
    };
    let slots = slots.iter();
    let storage = slots.map(|(slot, value)| Ok((slot_of(slot)?, slot_of(value)?)));
    let change = AccountChange {
        value: Some(value),
        storage: storage.collect::<PyResult<_>>()?,
        wiped: false,
    };
    Ok((address_of(address)?, change))
}

/// The outcome of changes of a state: it stays here until the commit of its block.
#[pyclass(frozen, name = "StateUpdate", module = "quip._native.state")]
pub struct PyStateUpdate {
    pub update: StateUpdate,
}

#[pymethods]
impl PyStateUpdate {
    #[getter]
    fn root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.update.root().as_slice())
    }

    fn nodes<'py>(&self, py: Python<'py>) -> Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let nodes = self.update.nodes();
        nodes
            .map(|(hash, rlp)| (PyBytes::new(py, hash.as_slice()), PyBytes::new(py, rlp)))
            .collect()
    }
}

/// States on top of the head's, before their commit.
#[pyclass(frozen, name = "StagedStates", module = "quip._native.state")]
pub struct PyStagedStates {
    pub staged: Staged,
    /// RLP of the headers of their blocks, by hash.
    headers: Mutex<HashMap<B256, Bytes>>,
}

impl PyStagedStates {
    /// The RLP of the header of a block that is not committed yet.
    pub fn header(&self, hash: B256) -> Option<Bytes> {
        let headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers.get(&hash).cloned()
    }
}

#[pymethods]
impl PyStagedStates {
    fn keep(&self, hash: &[u8], header: &[u8], update: &PyStateUpdate) -> PyResult<()> {
        let hash = hash_of(hash, "a block hash")?;
        let mut headers = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        headers.insert(hash, Bytes::copy_from_slice(header));
        self.staged.keep(&update.update);
        Ok(())
    }
}

/// Accounts that are read or changed without giving up the GIL: some 10 microseconds each.
const QUICK: usize = 4;

/// The states of a store: one object for all who ask for a store's.
#[pyclass(frozen, name = "States", module = "quip._native.state")]
pub struct PyStates {
    pub states: Arc<States>,
    store: Arc<quip_store::Store>,
}

impl PyStates {
    /// Runs `work` on the state of a root, stored or staged, with the GIL released.
    pub fn read<T: Send>(
        &self,
        py: Python<'_>,
        staged: Option<&PyStagedStates>,
        root: B256,
        work: impl FnOnce(&View<'_>) -> Result<T, StoreError> + Send,
    ) -> PyResult<T> {
        let staged = staged.map(|staged| &staged.staged);
        py.detach(|| self.states.read(staged, root, work))
            .map_err(|error| raised(py, error))
    }

    /// As `read`, for a few keys: with the GIL held, for to wait for it again would take longer than the work.
    fn read_few<T: Send>(
        &self,
        py: Python<'_>,
        staged: Option<&PyStagedStates>,
        root: B256,
        work: impl Fn(&View<'_>) -> Result<T, StoreError> + Send + Sync,
    ) -> PyResult<T> {
        let now = staged.map(|one| &one.staged);
        match self.states.read_now(now, root, &work) {
            Some(done) => settled(py, &self.store, done).map_err(|error| raised(py, error)),
            None => self.read(py, staged, root, work),
        }
    }

    fn write(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&States) -> Result<(), StoreError> + Send,
    ) -> PyResult<()> {
        py.detach(|| work(&self.states))
            .map_err(|error| raised(py, error))
    }
}

fn mark_to_python(py: Python<'_>, mark: Option<Mark>) -> Option<(u64, Bound<'_, PyBytes>)> {
    mark.map(|mark| (mark.number, PyBytes::new(py, mark.hash.as_slice())))
}

#[pymethods]
impl PyStates {
    #[new]
    fn open(
        py: Python<'_>,
        store: &PyStore,
        flush_blocks: u64,
        flush_bytes: usize,
        retained: u64,
        archive: bool,
    ) -> PyResult<Self> {
        let limits = Limits {
            flush_blocks,
            flush_bytes,
            retained,
            archive,
            ..Limits::default()
        };
        let file = store.store.clone();
        let states = match store.states.get() {
            Some(states) => states.clone(),
            None => {
                let opened = py.detach(|| States::open(file, limits));
                let opened = Arc::new(opened.map_err(|error| raised(py, error))?);
                store.states.get_or_init(|| opened).clone()
            }
        };
        let store = store.store.clone();
        Ok(Self { states, store })
    }

    #[pyo3(signature = (root, address, staged=None))]
    fn account<'py>(
        &self,
        py: Python<'py>,
        root: &[u8],
        address: &[u8],
        staged: Option<&PyStagedStates>,
    ) -> PyResult<Option<PyAccount<'py>>> {
        let (root, address) = (hash_of(root, "a state root")?, address_of(address)?);
        let account = self.read_few(py, staged, root, |view| {
            TrieState::new(view, root).account(address)
        })?;
        account
            .map(|account| account_to_python(py, account))
            .transpose()
    }

    #[pyo3(signature = (root, address, slot, staged=None))]
    fn storage<'py>(
        &self,
        py: Python<'py>,
        root: &[u8],
        address: &[u8],
        slot: &[u8],
        staged: Option<&PyStagedStates>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (root, address) = (hash_of(root, "a state root")?, address_of(address)?);
        let slot = slot_of(slot)?;
        let value = self.read_few(py, staged, root, |view| {
            TrieState::new(view, root).storage(address, slot)
        })?;
        Ok(PyBytes::new(py, &value.to_be_bytes::<32>()))
    }

    #[pyo3(signature = (hash, staged=None))]
    fn code<'py>(
        &self,
        py: Python<'py>,
        hash: &[u8],
        staged: Option<&PyStagedStates>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let hash = hash_of(hash, "a code hash")?;
        let code = self.read_few(py, staged, EMPTY_ROOT, |view| {
            TrieState::new(view, EMPTY_ROOT).code(hash)
        })?;
        Ok(PyBytes::new(py, &code))
    }

    fn prove<'py>(
        &self,
        py: Python<'py>,
        root: &[u8],
        address: &[u8],
        slots: Vec<PyBackedBytes>,
    ) -> PyResult<PyProof<'py>> {
        let (root, address) = (hash_of(root, "a state root")?, address_of(address)?);
        let slots = slots.iter().map(|slot| slot_of(slot));
        let slots = slots.collect::<PyResult<Vec<_>>>()?;
        let proof = self.read(py, None, root, |view| prove(view, root, address, &slots))?;
        let path = |nodes: &[Vec<u8>]| nodes.iter().map(|rlp| PyBytes::new(py, rlp)).collect();
        let account = proof.account;
        let account = account.map(|account| account_to_python(py, account));
        let slots = proof.slots.iter().map(|slot| {
            let value = PyBytes::new(py, &slot.value.to_be_bytes::<32>());
            (value, path(&slot.nodes))
        });
        Ok((account.transpose()?, path(&proof.nodes), slots.collect()))
    }

    #[pyo3(signature = (root, changes, codes, staged=None))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        root: &[u8],
        changes: Vec<PyChange<'py>>,
        codes: Vec<PyBackedBytes>,
        staged: Option<&PyStagedStates>,
    ) -> PyResult<PyStateUpdate> {
        let root = hash_of(root, "a state root")?;
        let accounts = changes.iter().map(change_of);
        let codes = codes.iter().map(|code| {
            let code = Bytes::copy_from_slice(code);
            (alloy_primitives::keccak256(&code), code)
        });
        let changes = StateChanges {
            accounts: accounts.collect::<PyResult<_>>()?,
            codes: codes.collect(),
        };
        let updated = |view: &View<'_>| TrieState::new(view, root).update(&changes);
        let update = if changes.accounts.len() <= QUICK {
            self.read_few(py, staged, root, updated)?
        } else {
            self.read(py, staged, root, updated)?
        };
        Ok(PyStateUpdate { update })
    }

    fn stage(&self) -> PyStagedStates {
        PyStagedStates {
            staged: self.states.stage(),
            headers: Mutex::default(),
        }
    }

    fn commit(
        &self,
        py: Python<'_>,
        puts: Vec<PyPut>,
        deletes: Vec<PyDelete>,
        blocks: Vec<PyBlock<'_>>,
    ) -> PyResult<()> {
        let changes = changes_of(puts, deletes);
        let blocks = blocks
            .iter()
            .map(|(number, hash, parent, update, is_head)| {
                Ok(BlockState {
                    number: *number,
                    hash: hash_of(hash, "a block hash")?,
                    parent: hash_of(parent, "a block hash")?,
                    update: &update.get().update,
                    is_head: *is_head,
                })
            });
        let blocks = blocks.collect::<PyResult<Vec<_>>>()?;
        self.write(py, |states| states.commit(&changes, &blocks))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.write(py, States::flush)
    }

    fn prune(&self, py: Python<'_>) -> PyResult<()> {
        self.write(py, States::prune)
    }

    fn rewind(&self, py: Python<'_>, number: u64, hash: &[u8]) -> PyResult<()> {
        let hash = hash_of(hash, "a block hash")?;
        self.write(py, |states| states.rewind(number, hash))
    }

    #[getter]
    fn head<'py>(&self, py: Python<'py>) -> Option<(u64, Bound<'py, PyBytes>)> {
        mark_to_python(py, self.states.head())
    }

    #[getter]
    fn oldest<'py>(&self, py: Python<'py>) -> Option<(u64, Bound<'py, PyBytes>)> {
        let oldest = py.detach(|| self.states.oldest());
        mark_to_python(py, oldest)
    }

    fn check(&self, py: Python<'_>) -> PyResult<(u64, u64, Vec<String>)> {
        let walked = py.detach(|| self.states.check());
        let walked = walked.map_err(|error| raised(py, error))?;
        let problems = walked.problems.iter().map(StoreError::to_string);
        Ok((walked.nodes, walked.states, problems.collect()))
    }
}

/// A plain trie in memory that keeps the nodes of its last root, as a store would.
#[pyclass(frozen, name = "MemoryTrie", module = "quip._native.state")]
struct PyMemoryTrie {
    kept: Mutex<Kept>,
}

struct Kept {
    root: B256,
    nodes: HashMap<Vec<u8>, Arc<[u8]>>,
}

impl NodeSource for Kept {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        let node = self.nodes.get(&quip_state::place_key(owner, path));
        node.filter(|rlp| alloy_primitives::keccak256(rlp) == hash)
            .cloned()
            .ok_or_else(|| StoreError::corrupt("a trie node is missing"))
    }

    fn code(&self, _hash: B256) -> Result<Option<Bytes>, StoreError> {
        Ok(None)
    }
}

#[pymethods]
impl PyMemoryTrie {
    #[new]
    fn new() -> Self {
        let kept = Kept {
            root: EMPTY_ROOT,
            nodes: HashMap::new(),
        };
        let kept = Mutex::new(kept);
        Self { kept }
    }

    fn get<'py>(&self, py: Python<'py>, key: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let value = Trie::new(None, kept.root, &*kept).get(key);
        let value = value.map_err(|error| raised(py, error))?;
        Ok(value.map(|value| PyBytes::new(py, &value)))
    }

    fn update<'py>(
        &self,
        py: Python<'py>,
        changes: Vec<(PyBackedBytes, PyBackedBytes)>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut trie = Trie::new(None, kept.root, &*kept);
        let set = changes
            .iter()
            .try_for_each(|(key, value)| trie.set(key, value));
        set.map_err(|error| raised(py, error))?;
        let committed = trie.commit();
        kept.root = committed.root;
        let made = committed.made.into_iter();
        kept.nodes.extend(made.map(|(place, _, rlp)| (place, rlp)));
        for place in &committed.gone {
            kept.nodes.remove(place);
        }
        Ok(PyBytes::new(py, kept.root.as_slice()))
    }

    fn __len__(&self) -> usize {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.nodes.len()
    }
}

#[pyfunction]
fn trie_root<'py>(
    py: Python<'py>,
    pairs: Vec<(PyBackedBytes, PyBackedBytes)>,
) -> PyResult<Bound<'py, PyBytes>> {
    let root = py.detach(|| {
        let mut trie = Trie::new(None, EMPTY_ROOT, &Empty);
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
    module.add_class::<PyStateUpdate>()?;
    module.add_class::<PyStagedStates>()?;
    module.add_class::<PyStates>()?;
    module.add_class::<PyMemoryTrie>()?;
    module.add_function(wrap_pyfunction!(trie_root, module)?)?;
    Ok(())
}
