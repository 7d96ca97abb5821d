//! `quip._native.simulate`: calls that nobody signed, on any state that is kept.
use std::time::{Duration, Instant};

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{Address, Bytes, B256, U256};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString};
use quip_evm::simulate::{self, CallError, Failure, Stopped, StorageOverride};
use quip_evm::{trace, ExecutionError};

use crate::evm::{shared, Block, Parent, Transaction};
use crate::ising::{cancelled, CancelFlag};
use crate::state::{address_of, balance_of, hash_of};

mod exceptions {
    use pyo3::create_exception;
    use pyo3::exceptions::PyException;

    create_exception!(quip._native.simulate, Refused, PyException);
    create_exception!(quip._native.simulate, Stopped, PyException);
}

/// (gas, wei per gas at most, wei per gas for the beneficiary, wei, data)
type PyFields<'py> = (
    Option<u64>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    PyBackedBytes,
);
/// (address, slots)
type PyItem = (PyBackedBytes, Vec<PyBackedBytes>);
/// (chain id, address, nonce, parity, r, s)
type PyAuthorization<'py> = (
    Bound<'py, PyAny>,
    PyBackedBytes,
    u64,
    u8,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
);
/// (address, balance, nonce, code, all its storage or only part of it, slots and values)
type PyAccountOverride<'py> = (
    PyBackedBytes,
    Option<Bound<'py, PyAny>>,
    Option<u64>,
    Option<PyBackedBytes>,
    Option<bool>,
    Vec<(PyBackedBytes, PyBackedBytes)>,
);
/// (number, timestamp, gas limit, beneficiary, PREVRANDAO, base fee)
type PyBlockOverride = (
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<PyBackedBytes>,
    Option<PyBackedBytes>,
    Option<u64>,
);
/// Why a call failed, and what it reverted with.
type PyFailure<'py> = (String, Option<Bound<'py, PyBytes>>);
/// (address, slots) of an access list.
type PyListed<'py> = Vec<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)>;

fn price_of(number: &Bound<'_, PyAny>) -> PyResult<u128> {
    let price = balance_of(number)?;
    u128::try_from(price).map_err(|_| PyValueError::new_err("2^128 wei a gas or more"))
}

fn bytes_of(bytes: &PyBackedBytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn authorization_of(given: &PyAuthorization<'_>) -> PyResult<SignedAuthorization> {
    let (chain_id, address, nonce, parity, r, s) = given;
    let authorization = Authorization {
        chain_id: balance_of(chain_id)?,
        address: address_of(address)?,
        nonce: *nonce,
    };
    let (r, s) = (balance_of(r)?, balance_of(s)?);
    Ok(SignedAuthorization::new_unchecked(
        authorization,
        *parity,
        r,
        s,
    ))
}

/// A transaction as its sender would wish it.
#[pyclass(frozen, module = "quip._native.simulate")]
struct Call {
    call: simulate::Call,
}

#[pymethods]
impl Call {
    #[new]
    #[pyo3(signature = (sender, to, fields, access_list, authorizations=None))]
    fn new(
        sender: &[u8],
        to: Option<PyBackedBytes>,
        fields: PyFields<'_>,
        access_list: Vec<PyItem>,
        authorizations: Option<Vec<PyAuthorization<'_>>>,
    ) -> PyResult<Self> {
        let (gas, max_fee, tip, value, data) = fields;
        let items = access_list.iter().map(|(address, slots)| {
            let slots = slots.iter().map(|slot| hash_of(slot, "a slot"));
            Ok(AccessListItem {
                address: address_of(address)?,
                storage_keys: slots.collect::<PyResult<_>>()?,
            })
        });
        let signed = authorizations.map(|all| all.iter().map(authorization_of).collect());
        Ok(Self {
            call: simulate::Call {
                from: address_of(sender)?,
                to: to.map(|to| address_of(&to)).transpose()?,
                gas,
                max_fee: price_of(&max_fee)?,
                tip: price_of(&tip)?,
                value: balance_of(&value)?,
                data: bytes_of(&data),
                access_list: AccessList(items.collect::<PyResult<_>>()?),
                authorizations: signed.transpose()?,
            },
        })
    }
}

fn account_override(
    given: &PyAccountOverride<'_>,
) -> PyResult<(Address, simulate::AccountOverride)> {
    let (address, balance, nonce, code, whole, slots) = given;
    let slots = slots.iter().map(|(slot, value)| {
        let slot = U256::from_be_bytes(hash_of(slot, "a slot")?.0);
        let value = U256::from_be_bytes(hash_of(value, "a slot's value")?.0);
        Ok((slot, value))
    });
    let slots = slots.collect::<PyResult<_>>()?;
    let change = simulate::AccountOverride {
        balance: balance.as_ref().map(balance_of).transpose()?,
        nonce: *nonce,
        code: code.as_ref().map(bytes_of),
        storage: whole.map(|whole| {
            if whole {
                StorageOverride::Whole(slots)
            } else {
                StorageOverride::Part(slots)
            }
        }),
    };
    Ok((address_of(address)?, change))
}

/// What is otherwise than on the chain.
#[pyclass(frozen, module = "quip._native.simulate")]
struct Overrides {
    overrides: simulate::Overrides,
}

#[pymethods]
impl Overrides {
    #[new]
    fn new(accounts: Vec<PyAccountOverride<'_>>, block: PyBlockOverride) -> PyResult<Self> {
        let (number, timestamp, gas_limit, beneficiary, randomness, base_fee) = block;
        let beneficiary = beneficiary.map(|one| address_of(&one));
        let randomness = randomness.map(|one| hash_of(&one, "PREVRANDAO"));
        let accounts = accounts.iter().map(account_override);
        Ok(Self {
            overrides: simulate::Overrides {
                accounts: accounts.collect::<PyResult<_>>()?,
                block: simulate::BlockOverride {
                    number,
                    timestamp,
                    gas_limit,
                    beneficiary: beneficiary.transpose()?,
                    randomness: randomness.transpose()?,
                    base_fee,
                },
            },
        })
    }
}

/// The Python exception for a question without an answer.
fn failed(py: Python<'_>, error: CallError) -> PyErr {
    let message = error.to_string();
    let (raised, name, value) = match error {
        CallError::Stopped(stopped) => {
            let reason = match stopped {
                Stopped::Deadline => "deadline",
                Stopped::Cancelled => "cancelled",
                Stopped::TooLarge => "size",
            };
            let reason = PyString::new(py, reason).into_any();
            (exceptions::Stopped::new_err(message), "reason", reason)
        }
        CallError::Environment(_) | CallError::Store(_) => return PyValueError::new_err(message),
        CallError::Failed(Failure::Reverted(output)) => {
            let data = PyBytes::new(py, &output).into_any();
            (exceptions::Refused::new_err(message), "data", data)
        }
        CallError::Failed(_) | CallError::Allowance(_) | CallError::Refused { .. } => {
            let none = py.None().into_bound(py);
            (exceptions::Refused::new_err(message), "data", none)
        }
    };
    let named = raised.value(py).setattr(name, value);
    named.err().unwrap_or(raised)
}

fn failure_to_python(py: Python<'_>, failure: Option<Failure>) -> Option<PyFailure<'_>> {
    failure.map(|failure| {
        let text = failure.to_string();
        match failure {
            Failure::Reverted(output) => (text, Some(PyBytes::new(py, &output))),
            Failure::Halted { .. } => (text, None),
        }
    })
}

/// Damage must reach the store, which closes; anything else is the question's.
fn settled<T>(answer: Result<T, CallError>) -> Result<Result<T, CallError>, ExecutionError> {
    match answer {
        Err(CallError::Store(error)) => Err(ExecutionError::Store(error)),
        other => Ok(other),
    }
}

/// A block and its state, as questions want them.
#[pyclass(frozen, module = "quip._native.simulate")]
struct Simulation {
    parent: Py<Parent>,
    block: Py<Block>,
    overrides: Py<Overrides>,
    gas: u64,
    limit_ms: u64,
}

impl Simulation {
    /// Asks with the GIL released. The time begins now.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        cancel: Option<Py<CancelFlag>>,
        question: impl FnOnce(simulate::Simulation<'_>) -> Result<T, CallError> + Send,
    ) -> PyResult<T> {
        let cancel = cancelled(py, cancel);
        let bounds = simulate::Bounds {
            gas: self.gas,
            deadline: Instant::now() + Duration::from_millis(self.limit_ms),
            cancelled: &cancel.get().raised,
        };
        let overrides = &self.overrides.get().overrides;
        let answered = self.parent.get().run(py, self.block.get(), |block| {
            settled(question(simulate::Simulation {
                block,
                overrides,
                bounds,
            }))
        });
        answered?.map_err(|error| failed(py, error))
    }
}

#[pymethods]
impl Simulation {
    #[new]
    fn new(
        parent: Py<Parent>,
        block: Py<Block>,
        overrides: Py<Overrides>,
        gas: u64,
        limit_ms: u64,
    ) -> Self {
        Self {
            parent,
            block,
            overrides,
            gas,
            limit_ms,
        }
    }

    #[pyo3(signature = (call, cancel=None))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        call: &Call,
        cancel: Option<Py<CancelFlag>>,
    ) -> PyResult<(Bound<'py, PyBytes>, u64, Option<PyFailure<'py>>)> {
        let called = self.ask(py, cancel, |simulation| simulation.call(&call.call))?;
        let output = PyBytes::new(py, &called.output);
        Ok((
            output,
            called.gas_used,
            failure_to_python(py, called.failure),
        ))
    }

    #[pyo3(signature = (call, cancel=None))]
    fn estimate(
        &self,
        py: Python<'_>,
        call: &Call,
        cancel: Option<Py<CancelFlag>>,
    ) -> PyResult<u64> {
        self.ask(py, cancel, |simulation| simulation.estimate(&call.call))
    }

    #[pyo3(signature = (call, options, cancel=None))]
    fn trace(
        &self,
        py: Python<'_>,
        call: &Call,
        options: &str,
        cancel: Option<Py<CancelFlag>>,
    ) -> PyResult<String> {
        self.ask(py, cancel, |simulation| {
            simulation.trace(&call.call, options)
        })
    }

    #[pyo3(signature = (call, cancel=None))]
    fn access_list<'py>(
        &self,
        py: Python<'py>,
        call: &Call,
        cancel: Option<Py<CancelFlag>>,
    ) -> PyResult<(PyListed<'py>, u64, Option<PyFailure<'py>>)> {
        let listed = self.ask(py, cancel, |simulation| simulation.access_list(&call.call))?;
        let word = |word: &B256| PyBytes::new(py, word.as_slice());
        let items = listed.access_list.0.iter().map(|item| {
            let slots = item.storage_keys.iter().map(word).collect();
            (PyBytes::new(py, item.address.as_slice()), slots)
        });
        Ok((
            items.collect(),
            listed.gas_used,
            failure_to_python(py, listed.failure),
        ))
    }
}

/// The JSON of the traces of a block's transactions, or of one of them.
#[pyfunction]
#[pyo3(signature = (parent, block, transactions, wanted, limit_ms, cancel=None))]
fn trace_block(
    py: Python<'_>,
    parent: &Parent,
    block: &Block,
    transactions: Vec<PyRef<'_, Transaction>>,
    wanted: (String, Option<usize>),
    limit_ms: u64,
    cancel: Option<Py<CancelFlag>>,
) -> PyResult<Vec<String>> {
    let (signed, cancel) = (shared(&transactions), cancelled(py, cancel));
    drop(transactions);
    let bounds = simulate::Bounds {
        gas: u64::MAX, // the transactions' own
        deadline: Instant::now() + Duration::from_millis(limit_ms),
        cancelled: &cancel.get().raised,
    };
    let (options, only) = wanted;
    let traced = trace::Traced {
        transactions: &signed,
        only,
    };
    let answered = parent.run(py, block, |block| {
        settled(trace::trace_block(block, traced, &options, bounds))
    });
    answered?.map_err(|error| failed(py, error))
}

/// Adds everything to the submodule.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Refused", py.get_type::<exceptions::Refused>())?;
    module.add("Stopped", py.get_type::<exceptions::Stopped>())?;
    module.add_class::<Call>()?;
    module.add_class::<Overrides>()?;
    module.add_class::<Simulation>()?;
    module.add_function(wrap_pyfunction!(trace_block, module)?)?;
    Ok(())
}
