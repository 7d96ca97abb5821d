//! Classical keys: secp256k1 signatures, and how keys are derived from a mnemonic or from other key material.
//!
//! ```text
//! ecdsa        libsecp256k1: RFC 6979 nonces, low s, recoverable signatures
//! derivation   BIP-39 words -> seed, BIP-32 path -> secret, HKDF-SHA256 (RFC 5869)
//! ```
//!
//! What this crate does not do: it draws no randomness, keeps no key and touches no file. Hash-based keys are
//! `quip_hashsig`'s; how keys lie in files is the business of src/quip/wallet.

pub mod derivation;
pub mod ecdsa;

/// Why a key, a signature or an argument was refused, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// What every function of this crate returns.
pub type Result<T> = std::result::Result<T, Refused>;

/// Shorthand: an error of a library, in its words.
fn refused(error: impl std::fmt::Display) -> Refused {
    Refused(error.to_string())
}
