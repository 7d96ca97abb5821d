//! Building a block: what a verifier accepts, from candidates of which some are not lawful, within its limits.
mod support;

use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, U256};
use quip_evm::{
    build, BuildLimits, Built, ExecutionError, Signed, TransactionError, MAX_BODY_BYTES,
};
use support::chain::{Account, Wish, World};

const LONG: Duration = Duration::from_secs(3_600);

fn built(world: &World, candidates: &[Signed], bytes: usize) -> Built<Signed> {
    let limits = BuildLimits {
        bytes,
        deadline: Instant::now() + LONG,
        cancelled: &AtomicBool::new(false),
    };
    world
        .with_block(|block| build(block, candidates.iter().cloned(), limits))
        .expect("built")
}

fn transfer(from: u8, nonce: u64) -> Signed {
    let to = Account::new(9).address;
    Wish {
        nonce,
        ..Wish::to(to)
    }
    .sign(&Account::new(from))
}

fn hashes(transactions: &[Signed]) -> Vec<B256> {
    transactions
        .iter()
        .map(|signed| signed.transaction.hash())
        .collect()
}

#[test]
fn what_is_built_is_what_a_verifier_computes() {
    let mut world = World::new();
    world.payments = vec![(Address::repeat_byte(3), U256::from(1_000))];
    let candidates = [transfer(1, 0), transfer(2, 0), transfer(1, 1)];
    let built = built(&world, &candidates, MAX_BODY_BYTES);
    assert_eq!(hashes(&built.transactions), hashes(&candidates));
    let verified = world.verify(&built.transactions).expect("lawful");
    assert_eq!(verified.state, built.executed.state);
    assert_eq!(verified.receipts.root(), built.executed.receipts.root());
    assert_eq!(
        (verified.gas_used, verified.fees),
        (built.executed.gas_used, built.executed.fees)
    );
}

#[test]
fn who_is_refused_once_is_passed_over() {
    let world = World::new();
    let candidates = [
        transfer(1, 1),
        transfer(1, 0),
        transfer(2, 0),
        transfer(2, 0),
        transfer(3, 0),
    ];
    let built = built(&world, &candidates, MAX_BODY_BYTES);
    assert_eq!(
        hashes(&built.transactions),
        hashes(&[transfer(2, 0), transfer(3, 0)])
    );
    let skipped: Vec<_> = built
        .skipped
        .iter()
        .map(|skipped| skipped.candidate.clone())
        .collect();
    assert_eq!(
        hashes(&skipped),
        [
            candidates[0].transaction.hash(),
            candidates[3].transaction.hash()
        ]
    );
    assert!(matches!(built.skipped[0].error, TransactionError::Rule(_)));
    // The refused ones leave no trace.
    let verified = world.verify(&built.transactions).expect("lawful");
    assert_eq!(verified.state, built.executed.state);
    let error = world.verify(&candidates).expect_err("the first is bad");
    assert!(matches!(
        error,
        ExecutionError::Transaction { index: 0, .. }
    ));
}

#[test]
fn bytes_are_counted_as_in_the_body() {
    let world = World::new();
    let candidates = [transfer(1, 0), transfer(2, 0)];
    let of_one = candidates[0].transaction.encoded().len() + 2; // a string of 56 bytes or more
    assert_eq!(built(&world, &candidates, of_one).transactions.len(), 1);
    let none = built(&world, &candidates, of_one - 1);
    assert_eq!(none.transactions.len(), 0);
    assert!(matches!(
        none.skipped[0].error,
        TransactionError::BlockBytes { .. }
    ));
}

#[test]
fn a_full_block_reads_no_further() {
    let mut world = World::new();
    let read = Cell::new(0);
    let candidates = || {
        (1..9).map(|from| {
            read.set(read.get() + 1);
            Wish {
                gas: 21_000,
                ..Wish::to(Address::ZERO)
            }
            .sign(&Account::new(from))
        })
    };
    let limits = BuildLimits {
        bytes: MAX_BODY_BYTES,
        deadline: Instant::now() + LONG,
        cancelled: &AtomicBool::new(false),
    };
    world.environment.gas_limit = 2 * 21_000 + 20_999;
    let built = world
        .with_block(|block| build(block, candidates(), limits))
        .expect("built");
    assert_eq!((built.transactions.len(), built.skipped.len()), (2, 0));
    assert_eq!(
        read.get(),
        3,
        "the third was looked at, and no gas was left for it"
    );
}

#[test]
fn time_ends_a_block_and_a_flag_drops_it() {
    let world = World::new();
    let (late, no) = (Instant::now(), AtomicBool::new(false));
    let limits = BuildLimits {
        bytes: MAX_BODY_BYTES,
        deadline: late,
        cancelled: &no,
    };
    let candidates = [transfer(1, 0)];
    let nothing = world
        .with_block(|block| build(block, candidates.clone(), limits))
        .expect("built");
    assert_eq!(nothing.transactions.len(), 0);
    assert_eq!(
        nothing.executed.state,
        world.verify(&[]).expect("lawful").state
    );
    let yes = AtomicBool::new(true);
    let limits = BuildLimits {
        cancelled: &yes,
        ..limits
    };
    let dropped = world.with_block(|block| build(block, candidates.clone(), limits));
    assert!(matches!(dropped, Err(ExecutionError::Cancelled)));
    let dropped = world.with_block(|block| quip_evm::verify(block, &candidates, &yes));
    assert!(matches!(dropped, Err(ExecutionError::Cancelled)));
}
