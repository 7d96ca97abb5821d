//! Transactions, and the blocks of them, run on a state: Ethereum's rules of the fork that is named, over revm.
//!
//! ```text
//! environment.rs   the rules of a chain, and what a block tells its transactions
//! transaction.rs   types 0, 1, 2 and 4: bytes -> fields, hash
//! sender.rs        who signed: libsecp256k1, many at once
//! database.rs      revm's reads over quip_state's reader
//! ancestors.rs     the 256 blocks before one, walked as far as somebody asks
//! executor.rs      one EVM on one state: history contract, transactions, payments, changes
//! block.rs         verify and build: one loop with one difference
//! receipts.rs      receipts, logs, bloom, the roots of ordered lists
//! precompiles.rs   the chain's own, at 0x5101 and up, before Ethereum's; xmss.rs, ising.rs, last_proof.rs
//! simulate/        calls that nobody signed: eth_call, estimates, access lists
//! trace/           what happened in transactions, for debug_trace*
//! error.rs         what can be wrong
//! ```
//!
//! What this crate does not do: it writes nothing (a block's changes are handed back), it knows no header rule but the
//! base fee, and no Python.

mod ancestors;
mod block;
mod database;
mod environment;
mod error;
mod executor;
mod precompiles;
mod receipts;
mod sender;
pub mod simulate;
pub mod trace;
mod transaction;

pub use ancestors::{Ancestors, HeaderSource, Lineage};
pub use block::{build, verify, Block, BuildLimits, Built, Executed, Skipped};
pub use environment::{next_base_fee, BlockEnvironment, Fork, Rules, MAX_BODY_BYTES};
pub use error::{ExecutionError, TransactionError};
pub use executor::{Executor, Refused, HISTORY_CONTRACT};
pub use precompiles::{
    IsingEnergy, Precompiles, ISING_ENERGY, LAST_PROOF, OWN_ADDRESSES, XMSS_VERIFY,
};
pub use receipts::{ordered_root, Receipt, Receipts};
pub use sender::{recover, recover_all, recover_decoded, InitialGas, Signed};
pub use transaction::{Terms, Transaction};
