//! Ethereum's GeneralStateTests of the forks that have a name here: one transaction on one state.
mod support;

use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use alloy_primitives::{keccak256, B256};
use quip_evm::{recover_all, BlockEnvironment, Executor, Fork, Precompiles, Rules};
use quip_evm::{Refused, TransactionError};
use serde_json::Value;
use support::{addressed, bytes, fields, files, hash, name_of, number, read, small, Alloc, Hashes};

/// A type that no transaction of this chain has.
const BLOBS: u8 = 3;

fn environment(env: &Value) -> BlockEnvironment {
    BlockEnvironment {
        number: small(&env["currentNumber"]),
        parent_hash: B256::ZERO,
        beneficiary: addressed(&env["currentCoinbase"]),
        timestamp: small(&env["currentTimestamp"]),
        gas_limit: number(&env["currentGasLimit"]).saturating_to(),
        base_fee: small(&env["currentBaseFee"]),
        randomness: hash(&env["currentRandom"]),
    }
}

/// Runs the transaction of a case: whether it was lawful, and the hash of its logs.
fn run(
    state: &mut Alloc,
    fork: Fork,
    env: &Value,
    encoded: &[u8],
) -> Result<B256, TransactionError> {
    let signed = recover_all(&[encoded]).remove(0)?;
    let rules = Rules { fork, chain_id: 1 };
    let (ancestors, environment) = (Hashes::default(), environment(env));
    let mut executor = Executor::new(
        state,
        &ancestors,
        &rules,
        &environment,
        &Precompiles::Ethereum,
    );
    let result = match executor.transact(&signed) {
        Ok(result) => result,
        Err(Refused::Transaction(error)) => return Err(error),
        Err(Refused::Block(error)) => panic!("{error}"),
    };
    let changes = executor.into_changes();
    state.apply(&changes);
    let mut logs = Vec::new();
    alloy_rlp::encode_list(result.logs(), &mut logs);
    Ok(keccak256(logs))
}

/// Checks one case; what it says of a mistake is for whoever reads the failure.
fn check(test: &Value, fork: Fork, post: &Value) -> Result<(), String> {
    let mut state = Alloc::new(&test["pre"]);
    let encoded = bytes(&post["txbytes"]);
    let outcome = run(&mut state, fork, &test["env"], &encoded);
    match (&outcome, post.get("expectException")) {
        (Ok(_), Some(expected)) => return Err(format!("accepted, want {expected}")),
        (Err(error), None) => return Err(format!("refused: {error}")),
        _ => {}
    }
    if state.root() != hash(&post["hash"]) {
        return Err(format!(
            "state root {}, want {}",
            state.root(),
            post["hash"]
        ));
    }
    match outcome {
        Ok(logs) if logs != hash(&post["logs"]) => Err(format!("logs {logs}")),
        _ => Ok(()),
    }
}

fn fork_of(name: &str) -> Option<Fork> {
    name.to_lowercase().parse().ok()
}

/// What the cases of some files came to.
#[derive(Default)]
struct Tally {
    checked: usize,
    blobs: usize,
    drafts: usize,
    wrong: Vec<String>,
}

/// The BLS files are of a draft of EIP-2537 with two contracts more, other addresses and other prices.
fn is_of_a_draft(path: &Path) -> bool {
    path.parent()
        .is_some_and(|folder| folder.ends_with("stEIP2537"))
}

fn run_file(path: &Path, tally: &mut Tally) {
    for (name, test) in fields(&read(path)) {
        for (fork_name, posts) in fields(&test["post"]) {
            let fork = fork_of(fork_name).expect("a fork that has a name here");
            for post in posts.as_array().expect("a list") {
                if bytes(&post["txbytes"]).first() == Some(&BLOBS) {
                    tally.blobs += 1; // refused whatever they say (protocol.md)
                    continue;
                }
                if is_of_a_draft(path) {
                    tally.drafts += 1;
                    continue;
                }
                tally.checked += 1;
                let started = std::time::Instant::now();
                let outcome = check(test, fork, post);
                if started.elapsed().as_millis() > 700 {
                    println!("SLOW {} {} {:?}", name, post["indexes"], started.elapsed());
                }
                if let Err(what) = outcome {
                    let place = format!("{} {name} {fork_name}", name_of(path));
                    tally
                        .wrong
                        .push(format!("{place} {}: {what}", post["indexes"]));
                }
            }
        }
    }
}

#[test]
fn every_case_comes_to_the_state_that_it_says() {
    let files = files("GeneralStateTests");
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut own = Tally::default();
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run_file(path, &mut own);
                }
                let mut all = tally.lock().expect("no panic");
                all.checked += own.checked;
                all.blobs += own.blobs;
                all.drafts += own.drafts;
                all.wrong.extend(own.wrong);
            });
        }
    });
    let all = tally.into_inner().expect("no panic");
    println!(
        "{} cases of {} files; left out: {} blob transactions, {} of a draft of EIP-2537",
        all.checked,
        files.len(),
        all.blobs,
        all.drafts
    );
    assert!(
        all.wrong.is_empty(),
        "{} wrong:\n{}",
        all.wrong.len(),
        all.wrong.join("\n")
    );
}
