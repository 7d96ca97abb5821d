//! lastProof: block number (32 bytes) -> what the header of that ancestor says, nine words: hash, parent's hash, miner id,
//! beneficiary, seed (mixHash), nonce, difficulty, timestamp, gas used. Numbers and addresses are right-aligned, as the
//! ABI has them. A block that is not one of the 256 before this one: no output.
//!
//! Only what a header commits to is answered. Which solutions a node happens to hold is not the same everywhere.
use alloy_primitives::{Bytes, B256, U256};
use quip_seal::Header;
use quip_store::StoreError;
use revm::precompile::PrecompileHalt;

use super::{charge, Outcome};
use crate::ancestors::{Ancestors, ANCESTORS};

/// As a cold account's: the header is read from the store.
const GAS: u64 = 2_600;
fn word(bytes: &[u8]) -> B256 {
    B256::left_padding_from(bytes)
}

fn answer(ancestors: &dyn Ancestors, number: u64) -> Result<Bytes, StoreError> {
    let Some(encoded) = ancestors.header(number)? else {
        return Ok(Bytes::new());
    };
    let header = Header::decode(&encoded)
        .ok_or_else(|| StoreError::corrupt(format!("not the header of block {number}")))?;
    let words = [
        header.hash(),
        word(header.parent_hash()),
        word(header.miner_id()),
        word(header.fields[2]),
        word(header.mix_hash()),
        word(header.nonce()),
        B256::from(header.difficulty),
        B256::from(U256::from(header.timestamp)),
        B256::from(U256::from(header.gas_used)),
    ];
    Ok(words.concat().into())
}

/// The inner result is the call's; the outer one is Corrupt.
pub fn run(
    ancestors: &dyn Ancestors,
    current: U256,
    input: &[u8],
    gas_limit: u64,
) -> Result<Outcome, StoreError> {
    let gas = match charge(GAS, gas_limit) {
        Ok(gas) => gas,
        Err(halt) => return Ok(Err(halt)),
    };
    let Ok(wanted) = <[u8; 32]>::try_from(input) else {
        let halt = PrecompileHalt::other_static("lastProof: want a block number of 32 bytes");
        return Ok(Err(halt));
    };
    let wanted = U256::from_be_bytes(wanted);
    if wanted >= current || current - wanted > U256::from(ANCESTORS) {
        return Ok(Ok((gas, Bytes::new())));
    }
    let number = u64::try_from(wanted).expect("below a header's number");
    answer(ancestors, number).map(|output| Ok((gas, output)))
}
