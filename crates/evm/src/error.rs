//! What can be wrong.
//!
//! ```text
//! ExecutionError
//!   Transaction   a transaction breaks a rule: the block is bad. Holds its place and a TransactionError
//!     Malformed, UnsupportedType, Signature      its bytes say nothing lawful
//!     BlockGas, BlockBytes                       the block has no room for it
//!     Rule                                       revm's: nonce, balance, fees, intrinsic gas ...
//!   Environment   the block cannot be run at all (a value that no lawful header holds)
//!   Cancelled     the caller set its flag
//!   Store         the state is damaged: nobody's fault but the disk's
//! ```
use std::fmt;

use quip_store::StoreError;
use revm::context_interface::result::InvalidTransaction;

/// Why a transaction cannot be in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionError {
    /// Not canonical RLP of its type.
    Malformed(String),
    /// No transaction of that type is lawful.
    UnsupportedType(u8),
    /// No key made the signature, or s is high (EIP-2).
    Signature,
    /// The block's gas limit leaves less than the transaction's own.
    BlockGas { wanted: u64, left: u64 },
    /// The block's size limit (EIP-7934) leaves less than the transaction's bytes.
    BlockBytes { wanted: usize, left: usize },
    /// A rule of the fork.
    Rule(InvalidTransaction),
}

impl fmt::Display for TransactionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "malformed: {why}"),
            Self::UnsupportedType(kind) => {
                write!(f, "transaction type {kind:#04x} is not supported")
            }
            Self::Signature => write!(
                f,
                "invalid signature: no key made it, or s is above half the order"
            ),
            Self::BlockGas { wanted, left } => {
                write!(
                    f,
                    "gas limit {wanted} is above the {left} that the block has left"
                )
            }
            Self::BlockBytes { wanted, left } => {
                write!(
                    f,
                    "{wanted} bytes are more than the {left} that the block has left"
                )
            }
            Self::Rule(rule) => write!(f, "{rule}"),
        }
    }
}

impl std::error::Error for TransactionError {}

/// Why a block could not be run.
#[derive(Debug)]
pub enum ExecutionError {
    /// The transaction at `index` of the block.
    Transaction {
        index: usize,
        error: TransactionError,
    },
    /// A value that no lawful header holds.
    Environment(String),
    /// The caller's flag is set.
    Cancelled,
    /// The state cannot be read.
    Store(StoreError),
}

impl fmt::Display for ExecutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction { index, error } => write!(f, "transaction {index}: {error}"),
            Self::Environment(why) => write!(f, "{why}"),
            Self::Cancelled => write!(f, "cancelled"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ExecutionError {}

impl From<StoreError> for ExecutionError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
