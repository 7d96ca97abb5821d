//! An EVM for one question.
use alloy_primitives::{Address, Bytes};
use quip_state::StateReader;
use revm::context::result::{EVMError, ExecutionResult, HaltReason, OutOfGasError};
use revm::context::TxEnv;
use revm::context_interface::result::InvalidTransaction;
use revm::database_interface::bal::EvmDatabaseError;
use revm::inspector::NoOpInspector;
use revm::{InspectEvm, Inspector};

use super::probe::{Probe, Touched};
use super::request::{Bounds, Call};
use super::{wording, CallError, Called, Failure};
use crate::database::ReadError;
use crate::environment::{BlockEnvironment, Rules};
use crate::executor::{EvmContext, Instance};

/// An EVM that runs one call again and again, each time as if it were the first.
pub struct Session<'a, W = NoOpInspector> {
    pub rules: &'a Rules,
    pub environment: &'a BlockEnvironment,
    pub state: &'a dyn StateReader,
    pub bounds: Bounds<'a>,
    pub evm: Instance<'a, (Probe<'a>, W)>,
}

impl<W> Session<'_, W>
where
    for<'b> W: Inspector<EvmContext<'b>>,
{
    /// The transaction of a call with so much gas, once the block is set for it. Errors: Refused, Stopped.
    pub fn begin(&mut self, call: &Call, gas: u64) -> Result<TxEnv, CallError> {
        if let Some(stopped) = self.evm.inspector.0.look() {
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
        Ok(call.tx_env(gas, self.rules.chain_id))
    }

    /// Runs a call with so much gas, at most what the bounds allow. Errors: Refused, Stopped, Environment, Store.
    pub fn run(&mut self, call: &Call, gas: u64) -> Result<Called, CallError> {
        let gas = gas.min(self.bounds.gas);
        let transaction = self.begin(call, gas)?;
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
                let text = wording::halt(&reason, self.evm.inspector.0.last);
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

    pub fn failed(
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
            other => match self.evm.inspector.0.stopped {
                Some(stopped) => CallError::Stopped(stopped),
                None => CallError::Environment(other.to_string()),
            },
        }
    }

    /// Notes what the next run touches, beside what is in here.
    pub fn watch(&mut self, touched: Touched) {
        self.evm.inspector.0.touched = Some(touched);
    }

    pub fn watched(&mut self) -> Touched {
        self.evm.inspector.0.touched.take().unwrap_or_default()
    }

    pub fn precompile_addresses(&self) -> impl Iterator<Item = Address> + '_ {
        self.evm.precompiles.addresses().iter().copied()
    }
}
