//! xmssVerify: suite (1 byte: 1 or 2) || XMSS key (68) || digest (32) || signature -> 1 as 32 bytes, or nothing.
use alloy_primitives::{Bytes, B256, U256};
use quip_hashsig::{verify, PUBLIC_KEY_BYTES, XMSSMT_SHA2_20_2_256, XMSS_SHA2_10_256};
use revm::precompile::PrecompileHalt;

use super::{charge, Outcome};

/// Of the dearest signature of a tree: one whose chains are all walked from their beginning. That takes 1.8 times the
/// usual 95 microseconds of a core on which a sender is recovered in 30 to 50 (ecrecover: 3,000 gas).
const GAS_PER_TREE: u64 = 20_000;
const DIGEST: usize = 1 + PUBLIC_KEY_BYTES;
const SIGNATURE: usize = DIGEST + 32;

pub fn run(input: &[u8], gas_limit: u64) -> Outcome {
    let malformed =
        || PrecompileHalt::other_static("xmssVerify: want suite, key, digest, signature");
    let parameters = match input.first() {
        Some(1) => &XMSS_SHA2_10_256,
        Some(2) => &XMSSMT_SHA2_20_2_256,
        _ => return Err(malformed()),
    };
    let gas = charge(u64::from(parameters.layers) * GAS_PER_TREE, gas_limit)?;
    if input.len() != SIGNATURE + parameters.signature_bytes() {
        return Err(malformed());
    }
    let valid = verify(
        parameters,
        &input[1..DIGEST],
        &input[DIGEST..SIGNATURE],
        &input[SIGNATURE..],
    );
    let output = valid.map_or_else(|_| Bytes::new(), |()| B256::from(U256::ONE).into());
    Ok((gas, output))
}
