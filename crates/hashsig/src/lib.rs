//! WOTS+, XMSS and XMSS^MT of RFC 8391 with SHA-256, n = 32, w = 16, and the key generation of NIST SP 800-208.
//!
//! | file | what |
//! |---|---|
//! | parameters | the two parameter sets and their sizes |
//! | hash | F, H, H_msg, PRF and PRF_keygen on the bare compression function, with cached midstates |
//! | address | the 32-byte address (ADRS) that makes every hash call its own function |
//! | wots | one-time signatures: chains, base-16 digits, checksum |
//! | tree | leaves (L-trees), Merkle trees, authentication paths |
//! | verify | signature -> root |
//! | signing | secret seeds, stored trees, signatures |
//!
//! What this crate does not do: remember which leaf was used. `SigningKey::sign` signs with the leaf that it is told;
//! whoever calls it must have made sure, durably, that this leaf signs nothing else
//! (src/quip/wallet/stateful_signer/signer.py).

mod address;
mod hash;
mod parameters;
mod signing;
mod tree;
mod verify;
mod wots;

pub use parameters::{Parameters, PUBLIC_KEY_BYTES, XMSSMT_SHA2_20_2_256, XMSS_SHA2_10_256};
pub use signing::{Seeds, SigningError, SigningKey};
pub use tree::Tree;
pub use verify::{verify, VerifyError};

/// Bytes of every hash value (the n of RFC 8391).
pub const N: usize = 32;

/// One hash value.
pub type Node = [u8; N];
