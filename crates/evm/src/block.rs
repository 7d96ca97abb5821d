//! A block on its parent's state: verify what somebody built, or build. One loop; they differ in what becomes of a
//! transaction that is refused: a builder skips it, and its sender's later ones; to a verifier the block is bad.
use std::borrow::Borrow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use alloy_primitives::{Address, B256, U256};
use alloy_rlp::Encodable;
use quip_state::{State, StateUpdate};
use revm::context::result::ExecutionResult;
use revm::context_interface::transaction::Transaction as _;

use crate::ancestors::Ancestors;
use crate::environment::{BlockEnvironment, Rules};
use crate::error::{ExecutionError, TransactionError};
use crate::executor::{Executor, Refused};
use crate::precompiles::Precompiles;
use crate::receipts::{ordered_root, Receipt, Receipts};
use crate::sender::Signed;

/// Everything that a block's outcome follows from, but its transactions.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    pub rules: &'a Rules,
    pub environment: &'a BlockEnvironment,
    /// Of the parent.
    pub state: &'a dyn State,
    pub ancestors: &'a dyn Ancestors,
    pub precompiles: &'a Precompiles,
    /// Wei to addresses, after the transactions: rewards.
    pub payments: &'a [(Address, U256)],
}

/// What a block does.
#[derive(Debug)]
pub struct Executed {
    /// The state after it.
    pub state: StateUpdate,
    pub receipts: Receipts,
    pub gas_used: u64,
    /// Wei that the beneficiary got of priority fees.
    pub fees: U256,
}

/// When a builder stops. What it has by then is a block.
#[derive(Clone, Copy)]
pub struct BuildLimits<'a> {
    /// Bytes of RLP that the transactions may have.
    pub bytes: usize,
    pub deadline: Instant,
    /// Set by whoever no longer wants the block.
    pub cancelled: &'a AtomicBool,
}

/// A transaction that was left out, and why.
#[derive(Debug)]
pub struct Skipped<S> {
    pub candidate: S,
    pub error: TransactionError,
}

/// A block that was built.
#[derive(Debug)]
pub struct Built<S> {
    pub executed: Executed,
    pub transactions: Vec<S>,
    /// Root of the trie RLP(index) -> transaction.
    pub transactions_root: B256,
    /// Tried and refused; the later ones of their senders, passed over untried, are not listed.
    pub skipped: Vec<Skipped<S>>,
}

/// A block while it runs.
struct Running<'a> {
    executor: Executor<'a>,
    block: Block<'a>,
    gas_used: u64,
    bytes_left: usize,
    fees: U256,
    receipts: Receipts,
}

impl<'a> Running<'a> {
    fn start(block: Block<'a>, bytes_left: usize) -> Result<Self, ExecutionError> {
        let mut executor = Executor::new(
            block.state,
            block.ancestors,
            block.rules,
            block.environment,
            block.precompiles,
        );
        executor.record_parent(block.environment.parent_hash)?;
        Ok(Self {
            executor,
            block,
            gas_used: 0,
            bytes_left,
            fees: U256::ZERO,
            receipts: Receipts::default(),
        })
    }

    /// Runs one more; one that is refused leaves no trace.
    fn add(&mut self, signed: &Signed) -> Result<(), Refused> {
        let environment = self.block.environment;
        let wanted = signed.tx_env().gas_limit;
        let left = environment.gas_limit - self.gas_used;
        if wanted > left {
            return Err(Refused::Transaction(TransactionError::BlockGas {
                wanted,
                left,
            }));
        }
        let bytes = size_in_body(signed);
        let left = self.bytes_left;
        if bytes > left {
            return Err(Refused::Transaction(TransactionError::BlockBytes {
                wanted: bytes,
                left,
            }));
        }
        let result = self.executor.transact(signed)?;
        self.bytes_left -= bytes;
        self.take(signed, result);
        Ok(())
    }

    fn take(&mut self, signed: &Signed, result: ExecutionResult) {
        let gas = result.tx_gas_used();
        let base_fee = u128::from(self.block.environment.base_fee);
        let tip = signed.tx_env().effective_gas_price(base_fee) - base_fee;
        self.fees += U256::from(tip) * U256::from(gas);
        self.gas_used += gas;
        let receipt = Receipt::new(signed.transaction.kind(), result, self.gas_used);
        self.receipts.0.push(receipt);
    }

    fn finish(mut self) -> Result<Executed, ExecutionError> {
        self.executor.pay(self.block.payments)?;
        let changes = self.executor.into_changes();
        Ok(Executed {
            state: self.block.state.update(&changes)?,
            receipts: self.receipts,
            gas_used: self.gas_used,
            fees: self.fees,
        })
    }
}

/// Bytes of a transaction in the RLP of a body.
fn size_in_body(signed: &Signed) -> usize {
    let encoded = signed.transaction.encoded();
    if signed.transaction.kind() == 0 {
        encoded.len()
    } else {
        encoded.length()
    }
}

/// Runs a block that somebody built. Errors: Transaction at the first that breaks a rule; Cancelled once the flag is
/// set; Store. (The size of a body is its header's rule, and judged with its bytes.)
pub fn verify<S: Borrow<Signed>>(
    block: Block<'_>,
    transactions: &[S],
    cancelled: &AtomicBool,
) -> Result<Executed, ExecutionError> {
    let mut running = Running::start(block, usize::MAX)?;
    for (index, signed) in transactions.iter().enumerate() {
        if cancelled.load(Ordering::Relaxed) {
            return Err(ExecutionError::Cancelled);
        }
        running
            .add(signed.borrow())
            .map_err(|refused| match refused {
                Refused::Transaction(error) => ExecutionError::Transaction { index, error },
                Refused::Block(error) => error,
            })?;
    }
    running.finish()
}

/// Builds a block from candidates, in their order, until one of the limits; `candidates` is read no further than that.
/// Errors: Cancelled, Store.
pub fn build<S: Borrow<Signed>>(
    block: Block<'_>,
    candidates: impl IntoIterator<Item = S>,
    limits: BuildLimits<'_>,
) -> Result<Built<S>, ExecutionError> {
    let mut running = Running::start(block, limits.bytes)?;
    let mut transactions: Vec<S> = Vec::new();
    let mut skipped: Vec<Skipped<S>> = Vec::new();
    let mut barred: HashSet<Address> = HashSet::new();
    for candidate in candidates {
        let signed: &Signed = candidate.borrow();
        if limits.cancelled.load(Ordering::Relaxed) {
            return Err(ExecutionError::Cancelled);
        }
        if Instant::now() >= limits.deadline || running.is_full() {
            break;
        }
        if barred.contains(&signed.sender) {
            continue;
        }
        match running.add(signed) {
            Ok(()) => transactions.push(candidate),
            Err(Refused::Transaction(error)) => {
                barred.insert(signed.sender);
                skipped.push(Skipped { candidate, error });
            }
            Err(Refused::Block(error)) => return Err(error),
        }
    }
    let encoded = transactions
        .iter()
        .map(|signed| signed.borrow().transaction.encoded());
    Ok(Built {
        transactions_root: ordered_root(encoded),
        executed: running.finish()?,
        transactions,
        skipped,
    })
}

/// Gas that the smallest transaction takes (Yellow Paper, G_transaction).
const MIN_TRANSACTION_GAS: u64 = 21_000;

impl Running<'_> {
    /// Whether no transaction fits any more.
    fn is_full(&self) -> bool {
        self.block.environment.gas_limit - self.gas_used < MIN_TRANSACTION_GAS
    }
}
