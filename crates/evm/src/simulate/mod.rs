//! Questions about the state: what a call would do, how much gas it needs, which access list it should have. Nothing is
//! written, and nobody signs.
//!
//! ```text
//! request.rs      what is asked: call, overrides, bounds
//! overridden.rs   the state and the ancestors as the overrides want them
//! session.rs      an EVM that runs one call again and again
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

use alloy_primitives::Bytes;
use quip_store::StoreError;
use revm::inspector::NoOpInspector;

use crate::block::Block;
use crate::executor::instance;
use crate::trace;

mod access_list;
mod estimate;
mod overridden;
mod probe;
mod request;
mod session;
mod wording;

pub use access_list::Listed;
use overridden::{KnownAncestors, OverriddenState};
pub(crate) use probe::Probe;
pub use probe::Stopped;
pub use request::{AccountOverride, BlockOverride, Bounds, Call, Overrides, StorageOverride};
use session::Session;

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
            Self::Stopped(Stopped::TooLarge) => f.write_str("the trace is too large"),
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

impl Simulation<'_> {
    /// What a call does. Errors: Refused, Stopped, Environment, Store.
    pub fn call(&self, call: &Call) -> Result<Called, CallError> {
        let gas = call.gas.unwrap_or(self.bounds.gas).min(self.bounds.gas);
        match self.ask(|session| session.run(call, gas)) {
            Err(CallError::Refused { text, more_gas }) => Err(CallError::Refused {
                text: format!("err: {text} (supplied gas {gas})"),
                more_gas,
            }),
            other => other,
        }
    }

    /// The gas limit with which a transaction would succeed. Errors: all.
    pub fn estimate(&self, call: &Call) -> Result<u64, CallError> {
        self.ask(|session| estimate::estimate(session, call))
    }

    /// The access list that a call should have. Errors: Refused, Stopped, Environment, Store.
    pub fn access_list(&self, call: &Call) -> Result<Listed, CallError> {
        self.ask(|session| access_list::access_list(session, call))
    }

    /// What a call does, as options want it told: JSON. Errors: Refused, Stopped, Environment, Store.
    pub fn trace(&self, call: &Call, options: &str) -> Result<String, CallError> {
        let gas = call.gas.unwrap_or(self.bounds.gas).min(self.bounds.gas);
        let tracing = trace::tracing(options, self.bounds)?;
        let traced = self.session(tracing, |session| {
            let transaction = session.begin(call, gas)?;
            let traced = trace::trace_one(&mut session.evm, &transaction, None);
            let (json, _) = traced.map_err(|error| session.failed(error, call, gas))?;
            Ok(json)
        });
        match traced {
            Err(CallError::Refused { text, more_gas }) => Err(CallError::Refused {
                text: format!("tracing failed: {text}"),
                more_gas,
            }),
            other => other,
        }
    }

    fn ask<T>(
        &self,
        work: impl FnOnce(&mut Session<'_>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.session((Probe::new(self.bounds), NoOpInspector), work)
    }

    fn session<'s, T, W>(
        &'s self,
        inspector: (Probe<'s>, W),
        work: impl FnOnce(&mut Session<'_, W>) -> Result<T, CallError>,
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
            inspector,
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
