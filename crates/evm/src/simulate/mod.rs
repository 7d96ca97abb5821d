//! Questions about the state: what a call would do, how much gas it needs, which access list it should have. Nothing is
//! written, and nobody signs.
//!
//! ```text
//! request.rs      what is asked: call, overrides, bounds
//! overridden.rs   the state and the ancestors as the overrides want them
//! probe.rs        watches a call while it runs: deadline, cancel flag, what it touches
//! estimate.rs     the search for the least gas
//! access_list.rs  the search for the access list
//! wording.rs      errors in go-ethereum's words
//! ```
//!
//! Checks are relaxed as in go-ethereum's eth_call: no nonce, senders may be contracts (EIP-3607), the gas limit may be
//! above the block's and above EIP-7825's, and where no fee is offered the base fee is 0. The sender must have the value,
//! and the fee that it offers.
use std::fmt;

use alloy_primitives::{Address, Bytes};
use quip_state::StateReader;
use quip_store::StoreError;
use revm::context::result::{EVMError, ExecutionResult, HaltReason, OutOfGasError};
use revm::context_interface::result::InvalidTransaction;
use revm::database_interface::bal::EvmDatabaseError;
use revm::InspectEvm;

use crate::block::Block;
use crate::database::ReadError;
use crate::environment::{BlockEnvironment, Rules};
use crate::executor::{instance, Instance};

mod access_list;
mod estimate;
mod overridden;
mod probe;
mod request;
mod wording;

pub use access_list::Listed;
use overridden::{KnownAncestors, OverriddenState};
pub use probe::Stopped;
use probe::{Probe, Touched};
pub use request::{AccountOverride, BlockOverride, Bounds, Call, Overrides, StorageOverride};

/// Why a call that was run did not succeed. Displayed in go-ethereum's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// With the bytes that it gave.
    Reverted(Bytes),
    Halted {
        text: String,
        out_of_gas: bool,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reverted(output) => f.write_str(&wording::revert(output)),
            Self::Halted { text, .. } => f.write_str(text),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum CallError {
    /// The call cannot begin. `more_gas`: with more of it, it could.
    Refused {
        text: String,
        more_gas: bool,
    },
    /// No estimate: the call fails whatever gas it gets.
    Failed(Failure),
    /// No estimate: even this much gas is too little.
    Allowance(u64),
    Stopped(Stopped),
    /// A value that no block holds, or a precompiled contract that could not be run.
    Environment(String),
    /// The state cannot be read.
    Store(StoreError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { text, .. } | Self::Environment(text) => f.write_str(text),
            Self::Failed(failure) => failure.fmt(f),
            Self::Allowance(gas) => write!(f, "gas required exceeds allowance ({gas})"),
            Self::Stopped(Stopped::Deadline) => f.write_str("execution aborted (timeout)"),
            Self::Stopped(Stopped::Cancelled) => f.write_str("execution aborted (cancelled)"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CallError {}

/// What a call came to.
#[derive(Clone, Debug)]
pub struct Called {
    /// What it returned; nothing where it failed.
    pub output: Bytes,
    /// What it would pay for.
    pub gas_used: u64,
    /// What it needed on the way, before refunds.
    pub gas_spent: u64,
    pub failure: Option<Failure>,
}

/// A block and its state, as a question wants them.
#[derive(Clone, Copy)]
pub struct Simulation<'a> {
    /// Its environment is the call's; its state is what the call sees. Its payments are not made.
    pub block: Block<'a>,
    pub overrides: &'a Overrides,
    pub bounds: Bounds<'a>,
}

/// An EVM that runs one call again and again, each time as if it were the first.
pub(crate) struct Session<'a> {
    rules: &'a Rules,
    environment: &'a BlockEnvironment,
    state: &'a dyn StateReader,
    bounds: Bounds<'a>,
    evm: Instance<'a, Probe<'a>>,
}

impl Simulation<'_> {
    /// What a call does. Errors: Refused, Stopped, Environment, Store.
    pub fn call(&self, call: &Call) -> Result<Called, CallError> {
        let gas = call.gas.unwrap_or(self.bounds.gas).min(self.bounds.gas);
        match self.session(|session| session.run(call, gas)) {
            Err(CallError::Refused { text, more_gas }) => Err(CallError::Refused {
                text: format!("err: {text} (supplied gas {gas})"),
                more_gas,
            }),
            other => other,
        }
    }

    /// The gas limit with which a transaction would succeed. Errors: all.
    pub fn estimate(&self, call: &Call) -> Result<u64, CallError> {
        self.session(|session| estimate::estimate(session, call))
    }

    /// The access list that a call should have. Errors: Refused, Stopped, Environment, Store.
    pub fn access_list(&self, call: &Call) -> Result<Listed, CallError> {
        self.session(|session| access_list::access_list(session, call))
    }

    fn session<T>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let block = self.block;
        let environment = self.overrides.block.apply(block.environment);
        let state = OverriddenState::new(block.state, self.overrides);
        let ancestors = KnownAncestors {
            below: block.ancestors,
            number: block.environment.number,
        };
        let mut evm = instance(
            &state,
            &ancestors,
            block.rules,
            &environment,
            block.precompiles,
            Probe::new(self.bounds),
        );
        // An account that is overridden is no precompiled contract any more.
        evm.precompiles.leave_out(self.overrides.accounts.keys());
        let configuration = &mut evm.ctx.cfg;
        configuration.disable_nonce_check = true;
        configuration.disable_eip3607 = true;
        configuration.disable_block_gas_limit = true;
        configuration.tx_gas_limit_cap = Some(u64::MAX);
        work(&mut Session {
            rules: block.rules,
            environment: &environment,
            state: &state,
            bounds: self.bounds,
            evm,
        })
    }
}

impl Session<'_> {
    /// Runs a call with so much gas, at most what the bounds allow. Errors: Refused, Stopped, Environment, Store.
    fn run(&mut self, call: &Call, gas: u64) -> Result<Called, CallError> {
        let gas = gas.min(self.bounds.gas);
        if let Some(stopped) = self.evm.inspector.look() {
            return Err(CallError::Stopped(stopped));
        }
        if call.authorizations.is_some() && call.to.is_none() {
            return Err(CallError::Refused {
                text: format!(
                    "EIP-7702 transaction cannot be used to create contract (sender {})",
                    call.from
                ),
                more_gas: false,
            });
        }
        let is_free = call.max_fee == 0;
        self.evm.ctx.block.basefee = if is_free {
            0
        } else {
            self.environment.base_fee
        };
        let transaction = call.tx_env(gas, self.rules.chain_id);
        match self.evm.inspect_tx(transaction) {
            Ok(done) => Ok(self.called(done.result)),
            Err(error) => Err(self.failed(error, call, gas)),
        }
    }

    fn called(&self, result: ExecutionResult) -> Called {
        let gas = *result.gas();
        let (output, failure) = match result {
            ExecutionResult::Success { output, .. } => (output.into_data(), None),
            ExecutionResult::Revert { output, .. } => {
                (Bytes::new(), Some(Failure::Reverted(output)))
            }
            ExecutionResult::Halt { reason, .. } => {
                let out_of_gas = match &reason {
                    HaltReason::OutOfGas(kind) => *kind != OutOfGasError::InvalidOperand,
                    _ => false,
                };
                let text = wording::halt(&reason, self.evm.inspector.last);
                (Bytes::new(), Some(Failure::Halted { text, out_of_gas }))
            }
        };
        Called {
            output,
            gas_used: gas.tx_gas_used(),
            gas_spent: gas.total_gas_spent(),
            failure,
        }
    }

    fn failed(
        &self,
        error: EVMError<EvmDatabaseError<ReadError>>,
        call: &Call,
        gas: u64,
    ) -> CallError {
        match error {
            EVMError::Transaction(rule) => CallError::Refused {
                text: wording::refusal(&rule, call, gas, self.evm.ctx.block.basefee),
                more_gas: matches!(
                    rule,
                    InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
                        | InvalidTransaction::GasFloorMoreThanGasLimit { .. }
                ),
            },
            EVMError::Database(EvmDatabaseError::Database(ReadError(error))) => {
                CallError::Store(error)
            }
            other => match self.evm.inspector.stopped {
                Some(stopped) => CallError::Stopped(stopped),
                None => CallError::Environment(other.to_string()),
            },
        }
    }

    /// Notes what the next run touches, beside what is in here.
    fn watch(&mut self, touched: Touched) {
        self.evm.inspector.touched = Some(touched);
    }

    fn watched(&mut self) -> Touched {
        self.evm.inspector.touched.take().unwrap_or_default()
    }

    fn precompile_addresses(&self) -> impl Iterator<Item = Address> + '_ {
        self.evm.precompiles.addresses().iter().copied()
    }
}
