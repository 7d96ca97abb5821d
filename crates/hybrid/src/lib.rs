//! Accounts whose every transaction is signed twice, by secp256k1 ECDSA and by XMSS: keys and their names, the
//! transaction (type 0x51), what is signed, and which one-time keys (leaves) may still be used.
//!
//! ```text
//! keys.rs           suite, both public keys, the two names of them; both halves verified
//! transaction.rs    bytes <-> type 0x51, its hash, its verification
//! typed_data.rs     what both halves of a transaction sign (EIP-712)
//! leaf_window.rs    which leaves of an account are used up
//! error.rs          what can be wrong
//! ```
//!
//! What this crate does not do: it signs nothing and keeps no state (src/quip/wallet does), and knows no account: whether
//! a key policy names other keys, and whether the sender can pay, is asked elsewhere.

mod error;
mod keys;
mod leaf_window;
mod transaction;
mod typed_data;

pub use error::HybridError;
pub use keys::{HybridKeys, ECDSA_KEY_BYTES, SUITE_ACCOUNT, SUITE_MINING, XMSS_KEY_BYTES};
pub use leaf_window::{LeafRefused, LeafWindow, WINDOW};
pub use transaction::{HybridTransaction, Payload, MAX_TRANSACTION_BYTES, TYPE};
