//! What happened in a transaction, step by step or call by call: go-ethereum's debug_trace*, by revm-inspectors.
//!
//! A block's transactions are run again on its parent's state; a call that nobody signed is run as a question
//! (simulate). Options and traces are JSON, as clients write and read them. meter.rs bounds what a trace may take.
use std::borrow::Borrow;

use alloy_rpc_types_trace::geth::{
    GethDebugBuiltInTracerType as BuiltIn, GethDebugTracerType, GethDebugTracingOptions,
};
use revm::context::result::EVMError;
use revm::context::BlockEnv;
use revm::context::TxEnv;
use revm::database_interface::bal::EvmDatabaseError;
use revm::state::EvmState;
use revm::{DatabaseCommit, ExecuteCommitEvm, InspectEvm};
use revm_inspectors::tracing::{DebugInspector, TransactionContext};

use crate::block::Block;
use crate::database::ReadError;
use crate::executor::{instance, record_parent, Instance};
use crate::sender::Signed;
use crate::simulate::{Bounds, CallError, Probe, Stopped};

mod meter;

pub use meter::{Meter, Steps};

/// Bytes that one answer's traces may take while they are made, about.
const MAX_BYTES: usize = 32 << 20;
/// Bytes of JSON of one answer.
const MAX_JSON: usize = 25 << 20;

/// A probe for the bounds, and what makes the trace.
pub(crate) type Tracing<'a> = (Probe<'a>, DebugInspector);

/// A transaction of a block that is traced.
#[derive(Clone, Copy, Debug)]
pub struct Traced<'a, S> {
    pub transactions: &'a [S],
    /// None: all of them.
    pub only: Option<usize>,
}

fn refused(text: impl Into<String>) -> CallError {
    CallError::Refused {
        text: text.into(),
        more_gas: false,
    }
}

/// The tracer that options ask for. Errors: Refused.
pub(crate) fn tracing<'a>(options: &str, bounds: Bounds<'a>) -> Result<Tracing<'a>, CallError> {
    let options: GethDebugTracingOptions =
        serde_json::from_str(options).map_err(|error| refused(error.to_string()))?;
    let steps = match &options.tracer {
        Some(GethDebugTracerType::BuiltInTracer(BuiltIn::Erc7562Tracer)) => {
            return Err(refused("erc7562Tracer is not supported"));
        }
        Some(GethDebugTracerType::JsTracer(name)) if !name.is_empty() => {
            return Err(refused(
                "tracer not found: JavaScript is not run; there are callTracer, flatCallTracer, prestateTracer, \
                 4byteTracer, muxTracer, noopTracer, and none for structLogs",
            ));
        }
        Some(GethDebugTracerType::BuiltInTracer(_)) => None,
        Some(GethDebugTracerType::JsTracer(_)) | None => {
            let kept = &options.config;
            Some(Steps {
                stack: !kept.disable_stack.unwrap_or(false),
                memory: kept.enable_memory.unwrap_or(false),
                storage: !kept.disable_storage.unwrap_or(false),
            })
        }
    };
    let mut probe = Probe::new(bounds);
    probe.meter = Some(Meter::new(steps, MAX_BYTES));
    let inspector = DebugInspector::new(options).map_err(|error| refused(error.to_string()))?;
    Ok((probe, inspector))
}

/// Runs a transaction and gives its trace and what it did to the state. Errors: as a question's; Environment for a
/// transaction that cannot be run.
pub(crate) fn trace_one(
    evm: &mut Instance<'_, Tracing<'_>>,
    transaction: &TxEnv,
    context: Option<TransactionContext>,
) -> Result<(String, EvmState), EVMError<EvmDatabaseError<ReadError>>> {
    let done = evm.inspect_tx(transaction.clone())?;
    let (inspector, context_of) = (&mut evm.inspector.1, &mut evm.ctx);
    let block: &BlockEnv = &context_of.block;
    let database = &mut context_of.journaled_state.database;
    let failed = |error: String| EVMError::Custom(error);
    let trace = inspector
        .get_result(context, transaction, block, &done, database)
        .map_err(|error| failed(error.to_string()))?;
    inspector
        .fuse()
        .map_err(|error| failed(error.to_string()))?;
    let json = serde_json::to_string(&trace).map_err(|error| failed(error.to_string()))?;
    Ok((json, done.state))
}

fn unrunnable(error: EVMError<EvmDatabaseError<ReadError>>, stopped: Option<Stopped>) -> CallError {
    match (error, stopped) {
        (EVMError::Database(EvmDatabaseError::Database(ReadError(error))), _) => {
            CallError::Store(error)
        }
        (_, Some(stopped)) => CallError::Stopped(stopped),
        (other, None) => CallError::Environment(other.to_string()),
    }
}

/// The JSON of the traces of a block's transactions, or of one of them. `block.state` is its parent's. Errors: Refused
/// for options that cannot be had, Stopped, Environment, Store.
pub fn trace_block<S: Borrow<Signed>>(
    block: Block<'_>,
    traced: Traced<'_, S>,
    options: &str,
    bounds: Bounds<'_>,
) -> Result<Vec<String>, CallError> {
    let tracing = tracing(options, bounds)?;
    let mut evm = instance(
        block.state,
        block.ancestors,
        block.rules,
        block.environment,
        block.precompiles,
        tracing,
    );
    let environment = |error| CallError::Environment(format!("{error:?}"));
    record_parent(&mut evm, block.environment.parent_hash).map_err(environment)?;
    let mut traces = Vec::new();
    let mut json_left = MAX_JSON;
    for (index, signed) in traced.transactions.iter().enumerate() {
        if let Some(stopped) = evm.inspector.0.look() {
            return Err(CallError::Stopped(stopped));
        }
        let signed: &Signed = signed.borrow();
        let transaction = signed.tx_env();
        if traced.only.is_some_and(|only| only != index) {
            let done = evm.transact_commit(transaction);
            done.map_err(|error| unrunnable(error, None))?;
            continue;
        }
        let context = TransactionContext {
            tx_hash: Some(signed.transaction.hash()),
            tx_index: Some(index),
            ..TransactionContext::default()
        };
        let (json, state) = trace_one(&mut evm, &transaction, Some(context))
            .map_err(|error| unrunnable(error, evm.inspector.0.stopped))?;
        evm.ctx.journaled_state.database.commit(state);
        json_left = json_left
            .checked_sub(json.len())
            .ok_or(CallError::Stopped(Stopped::TooLarge))?;
        traces.push(json);
        if traced.only.is_some() {
            break;
        }
    }
    Ok(traces)
}
