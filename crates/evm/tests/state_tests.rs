//! State tests of the forks that have a name here: one transaction on one state. Ethereum's GeneralStateTests, and random
//! ones made with its executable specification.
mod support;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

use alloy_primitives::{keccak256, B256};
use quip_evm::{recover_all, BlockEnvironment, Executor, Fork, Precompiles, Rules};
use quip_evm::{Refused, TransactionError};
use serde_json::Value;
use support::{
    addressed, below, bytes, fields, files, hash, name_of, number, read, small, Alloc, Hashes,
};

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

/// Why a case is not run, for whoever reads the output.
fn reason_to_leave_out(path: &Path, name: &str, post: &Value) -> Option<&'static str> {
    if bytes(&post["txbytes"]).first() == Some(&BLOBS) {
        return Some("blob transactions are refused, whatever they say");
    }
    if name == "CALLBlake2f_MaxRounds" {
        return Some("2^32 - 1 rounds of BLAKE2: minutes, and more gas than any block has");
    }
    // Two contracts more, other addresses, other prices than those that Prague came to have.
    let folder = path.parent().expect("a folder");
    folder
        .ends_with("stEIP2537")
        .then_some("of a draft of EIP-2537")
}

/// What the cases of some files came to.
#[derive(Default)]
struct Tally {
    checked: usize,
    left_out: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn case(&mut self, path: &Path, (name, test): (&str, &Value), fork: &str, post: &Value) {
        if let Some(reason) = reason_to_leave_out(path, name, post) {
            *self.left_out.entry(reason).or_default() += 1;
            return;
        }
        self.checked += 1;
        let known = fork_of(fork).expect("a fork that has a name here");
        if let Err(what) = check(test, known, post) {
            let place = format!("{} {name} {fork} {}", name_of(path), post["txbytes"]);
            self.wrong.push(format!("{place}: {what}"));
        }
    }

    fn file(&mut self, path: &Path) {
        for (name, test) in fields(&read(path)) {
            for (fork, posts) in fields(&test["post"]) {
                for post in posts.as_array().expect("a list") {
                    self.case(path, (name, test), fork, post);
                }
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.checked += other.checked;
        self.wrong.extend(other.wrong);
        for (reason, count) in other.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
    }
}

/// Runs all files, on all cores.
fn run_all(files: &[PathBuf]) -> Tally {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut own = Tally::default();
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    own.file(path);
                }
                tally.lock().expect("no panic").add(own);
            });
        }
    });
    let all = tally.into_inner().expect("no panic");
    let (count, left_out) = (all.checked, &all.left_out);
    println!(
        "{count} cases of {} files; left out: {left_out:#?}",
        files.len()
    );
    all
}

fn assert_right(all: &Tally) {
    let wrong = all.wrong.join("\n");
    assert!(all.wrong.is_empty(), "{} wrong:\n{wrong}", all.wrong.len());
}

#[test]
fn published_cases_come_to_the_state_that_they_say() {
    assert_right(&run_all(&files("GeneralStateTests")));
}

/// Random transactions as Ethereum's executable specification ran them (tests/reference/make_evm_vectors.py).
#[test]
fn random_transactions_come_to_what_the_specification_says() {
    let all = run_all(&below("tests/vectors/evm"));
    assert!(all.checked == 2_000, "only {} are there", all.checked);
    assert_right(&all);
}
