//! Ethereum's TransactionTests: which bytes are a lawful transaction of a fork, its hash, sender and intrinsic gas.
mod support;

use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, B256, U256};
use quip_evm::{recover_all, Fork, Rules, Signed, TransactionError};
use serde_json::Value;
use support::{addressed, bytes, fields, files, hash, read, small};

const RULES: Rules = Rules {
    fork: Fork::Cancun,
    chain_id: 1,
};
/// Lawful by Ethereum's rules, refused by ours: fees of 2^128 wei a gas and more, which no balance can pay.
const FEES_ABOVE_128_BITS: [&str; 2] = ["GasLimitPriceProductOverflowtMinusOne", "V_equals38"];

/// What can be judged without a state.
fn judged(encoded: &[u8]) -> Result<(Signed, u64), TransactionError> {
    let signed = recover_all(&[encoded]).remove(0)?;
    let gas = signed.intrinsic_gas(&RULES)?;
    let fields = signed.transaction.fields();
    let dearest = U256::from(fields.max_fee_per_gas()).checked_mul(U256::from(fields.gas_limit()));
    if fields.chain_id().is_some_and(|id| id != RULES.chain_id) || dearest.is_none() {
        return Err(TransactionError::Malformed(
            "another chain, or fees beyond 256 bits".into(),
        ));
    }
    Ok((signed, gas))
}

fn expected(result: &Value) -> Option<(B256, Address, u64)> {
    let lawful = result.get("hash")?;
    Some((
        hash(lawful),
        addressed(&result["sender"]),
        small(&result["intrinsicGas"]),
    ))
}

#[test]
fn lawful_transactions_and_no_others_are_read() {
    let mut wrong = Vec::new();
    let files = files("TransactionTests");
    for path in &files {
        for (name, test) in fields(&read(path)) {
            if FEES_ABOVE_128_BITS.contains(&name.as_str()) {
                assert!(
                    judged(&bytes(&test["txbytes"])).is_err(),
                    "{name} is not an exception"
                );
                continue;
            }
            let found = judged(&bytes(&test["txbytes"])).ok();
            let found = found.map(|(signed, gas)| (signed.transaction.hash(), signed.sender, gas));
            if found != expected(&test["result"]["Cancun"]) {
                wrong.push(format!(
                    "{name}: {found:?}, want {}",
                    test["result"]["Cancun"]
                ));
            }
        }
    }
    println!("{} files", files.len());
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
