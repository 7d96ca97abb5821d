//! Calls that nobody signed: what they see, how long they may take, and how their failures are told.
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use alloy_primitives::{hex, Address, Bytes, B256, U256};
use quip_evm::simulate::{
    AccountOverride, Bounds, Call, CallError, Called, Failure, Overrides, Simulation, Stopped,
    StorageOverride,
};
use support::chain::{Account, Wish, World, BASE_FEE, BENEFICIARY};
use support::questions::*;

#[test]
fn a_call_returns_what_the_contract_does() {
    let called = called(&with(&ends_with(0xf3, b"hello")), &to_contract()).expect("it runs");
    assert_eq!(called.output[..], b"hello"[..]);
    assert_eq!(called.failure, None);
    assert!(called.gas_used > 21_000 && called.gas_used < 21_100);
}

#[test]
fn reverts_say_their_reason() {
    for (data, text) in [
        (error_string("no"), "execution reverted: no"),
        (error_string(""), "execution reverted: "),
        (panic_of(0x01), "execution reverted: assert(false)"),
        (
            panic_of(0x11),
            "execution reverted: arithmetic underflow or overflow",
        ),
        (
            panic_of(0x99),
            "execution reverted: unknown panic code: 0x99",
        ),
        (Vec::new(), "execution reverted"),
        (hex!("deadbeef07").to_vec(), "execution reverted"),
        (hex!("08c379a0ff").to_vec(), "execution reverted"),
        (hex!("4e487b71ff").to_vec(), "execution reverted"),
    ] {
        let code = ends_with(0xfd, &data);
        assert_eq!(failure_of(&code), text);
        let called = called(&with(&code), &to_contract()).expect("it runs");
        assert_eq!(called.failure, Some(Failure::Reverted(data.into())));
    }
    // A length that points beyond the data, and a place that overflows.
    let mut long = error_string("no");
    long[67] = 200;
    assert_eq!(failure_of(&ends_with(0xfd, &long)), "execution reverted");
    long[4..36].fill(0xff);
    assert_eq!(failure_of(&ends_with(0xfd, &long)), "execution reverted");
}

#[test]
fn halts_are_told_in_the_words_of_go_ethereum() {
    let overflow = [&[0x5b][..], &hex!("6001600056")].concat();
    for (code, text) in [
        (&hex!("fe")[..], "invalid opcode: INVALID"),
        (&hex!("0c"), "invalid opcode: opcode 0xc not defined"),
        (&hex!("600156"), "invalid jump destination"),
        (&hex!("600101"), "stack underflow (1 <=> 2)"),
        (&overflow, "stack limit reached 1024 (1023)"),
        (&LOOP, "out of gas"),
        (&hex!("6001600060003e"), "return data out of bounds"),
    ] {
        assert_eq!(failure_of(code), text);
    }
}

#[test]
fn what_cannot_begin_is_refused_in_its_words() {
    let (poor, rich) = (Address::repeat_byte(9), Account::new(1).address);
    let none = Call {
        from: poor,
        to: Some(OTHER),
        ..Call::default()
    };
    let fee = u128::from(BASE_FEE);
    for (call, text) in [
        (
            Call { value: U256::ONE, ..none.clone() },
            format!("insufficient funds for gas * price + value: address {poor} have 0 want 1 (supplied gas 50000000)"),
        ),
        (
            Call { gas: Some(100), ..none.clone() },
            "intrinsic gas too low: have 100, want 21000 (supplied gas 100)".into(),
        ),
        (
            Call { gas: Some(24_999), data: vec![1; 100].into(), ..none.clone() },
            "insufficient gas for floor data gas cost: have 24999, want 25000 (supplied gas 24999)".into(),
        ),
        (
            Call { from: rich, max_fee: fee - 1, ..none.clone() },
            format!("max fee per gas less than block base fee: address {rich}, maxFeePerGas: 99, baseFee: 100 (supplied gas 50000000)"),
        ),
        (
            Call { from: rich, max_fee: fee, tip: fee + 1, ..none.clone() },
            format!("max priority fee per gas higher than max fee per gas: address {rich}, maxPriorityFeePerGas: 101, maxFeePerGas: 100 (supplied gas 50000000)"),
        ),
        (
            Call { max_fee: u128::MAX, ..none.clone() },
            format!("insufficient funds for gas * price + value: address {poor} want 17014118346046923173168730371588410572750000000 (supplied gas 50000000)"),
        ),
        (
            Call { to: None, data: vec![0; 49_153].into(), ..none.clone() },
            "max initcode size exceeded: code size 49153 limit 49152 (supplied gas 50000000)".into(),
        ),
        (
            Call { to: None, authorizations: Some(Vec::new()), ..none.clone() },
            format!("EIP-7702 transaction cannot be used to create contract (sender {poor}) (supplied gas 50000000)"),
        ),
        (
            Call { authorizations: Some(Vec::new()), ..none.clone() },
            format!("EIP-7702 transaction with empty auth list (sender {poor}) (supplied gas 50000000)"),
        ),
    ] {
        let error = called(&World::new(), &call).expect_err("refused");
        assert_eq!(error.to_string(), format!("err: {text}"));
    }
}

#[test]
fn no_fee_means_no_base_fee_and_a_fee_is_paid() {
    // Returns BASEFEE and GASPRICE.
    let world = with(&hex!("486000523a60205260406000f3"));
    let words = |call: &Call| {
        let output = called(&world, call).expect("it runs").output;
        [0, 32].map(|at| U256::from_be_slice(&output[at..at + 32]).to::<u64>())
    };
    assert_eq!(words(&to_contract()), [0, 0]);
    let paying = Call {
        max_fee: u128::from(BASE_FEE) + 50,
        tip: 7,
        ..to_contract()
    };
    assert_eq!(words(&paying), [BASE_FEE, BASE_FEE + 7]);
}

#[test]
fn a_contract_may_ask_and_nonces_are_not_looked_at() {
    let mut world = with(&hex!("3360005260206000f3"));
    world.put(OTHER, 5, &LOOP);
    let call = Call {
        from: OTHER,
        ..to_contract()
    };
    assert_eq!(
        called(&world, &call).expect("it runs").output[12..],
        OTHER[..]
    );
}

#[test]
fn a_question_changes_nothing() {
    // Adds one to slot 1 and returns it.
    let world = with(&hex!("6001546001018060015560005260206000f3"));
    for _ in 0..2 {
        let output = called(&world, &to_contract()).expect("it runs").output;
        assert_eq!(U256::from_be_slice(&output), U256::ONE);
    }
}

fn overridden(change: AccountOverride) -> Overrides {
    Overrides {
        accounts: [(CONTRACT, change)].into(),
        ..Overrides::default()
    }
}

#[test]
fn accounts_are_what_the_overrides_say() {
    // Slot 1 is 7 on the chain, slot 2 is 8.
    let mut world = with(&hex!("60076001556008600255"));
    let touch = Wish::to(CONTRACT);
    world.run(&[Wish {
        value: U256::ZERO,
        ..touch
    }
    .sign(&Account::new(1))]);
    let sum = Bytes::from_static(&hex!("6002546001540160005260206000f3"));
    let answer = |storage: Option<StorageOverride>| {
        let change = AccountOverride {
            code: Some(sum.clone()),
            storage,
            ..AccountOverride::default()
        };
        let called = on(&world, &overridden(change), |one| one.call(&to_contract()));
        U256::from_be_slice(&called.expect("it runs").output).to::<u64>()
    };
    let slots = BTreeMap::from([(U256::ONE, U256::from(100))]);
    assert_eq!(answer(None), 15);
    assert_eq!(answer(Some(StorageOverride::Part(slots.clone()))), 108);
    assert_eq!(answer(Some(StorageOverride::Whole(slots))), 100);
    let code = Bytes::from_static(&hex!("4760005260206000f3")); // its balance
    let change = AccountOverride {
        code: Some(code),
        balance: Some(U256::from(77)),
        ..AccountOverride::default()
    };
    let called = on(&world, &overridden(change), |one| one.call(&to_contract()));
    assert_eq!(
        U256::from_be_slice(&called.expect("it runs").output).to::<u64>(),
        77
    );
}

#[test]
fn an_overridden_nonce_decides_where_a_contract_is_made() {
    // Init code that returns its own address as the new contract's code.
    let call = Call {
        from: CONTRACT,
        data: hex!("3060005260206000f3").into(),
        ..Call::default()
    };
    let change = AccountOverride {
        nonce: Some(9),
        ..AccountOverride::default()
    };
    let called = on(&World::new(), &overridden(change), |one| one.call(&call));
    assert_eq!(
        called.expect("it runs").output[12..],
        CONTRACT.create(9)[..]
    );
}

#[test]
fn a_precompiled_contract_can_be_replaced() {
    let call = Call {
        to: Some(IDENTITY),
        data: Bytes::from_static(b"same"),
        ..Call::default()
    };
    assert_eq!(
        called(&World::new(), &call).expect("it runs").output[..],
        b"same"[..]
    );
    let change = AccountOverride {
        code: Some(ends_with(0xf3, b"other").into()),
        ..AccountOverride::default()
    };
    let overrides = Overrides {
        accounts: [(IDENTITY, change)].into(),
        ..Overrides::default()
    };
    let called = on(&World::new(), &overrides, |one| one.call(&call));
    assert_eq!(called.expect("it runs").output[..], b"other"[..]);
}

#[test]
fn the_block_is_what_the_overrides_say() {
    // NUMBER, TIMESTAMP, COINBASE, PREVRANDAO, GASLIMIT, and the hash of the block below.
    let code = hex!("4360005242602052416040524460605245608052600143034060a05260c06000f3");
    let world = with(&code);
    let words = |overrides: &Overrides| {
        let called = on(&world, overrides, |one| one.call(&to_contract()));
        let output = called.expect("it runs").output;
        let words: Vec<B256> = output.chunks(32).map(B256::from_slice).collect();
        words
    };
    let plain = words(&Overrides::default());
    assert_eq!(plain[0], B256::from(U256::from(7)));
    assert_eq!(plain[2], BENEFICIARY.into_word());
    assert_ne!(plain[5], B256::ZERO);
    let mut overrides = Overrides::default();
    overrides.block.number = Some(1_000_000);
    overrides.block.timestamp = Some(5);
    overrides.block.beneficiary = Some(OTHER);
    overrides.block.randomness = Some(B256::repeat_byte(3));
    overrides.block.gas_limit = Some(9);
    let other = words(&overrides);
    let numbers = |at: usize| U256::from_be_bytes(other[at].0).to::<u64>();
    assert_eq!((numbers(0), numbers(1), numbers(4)), (1_000_000, 5, 9));
    assert_eq!(other[2], OTHER.into_word());
    assert_eq!(other[3], B256::repeat_byte(3));
    assert_eq!(
        other[5],
        B256::ZERO,
        "no block of that number is an ancestor"
    );
}

fn stopped(world: &World, deadline: Instant, cancelled: &AtomicBool) -> Result<Called, CallError> {
    let overrides = Overrides::default();
    world.with_block(|block| {
        let bounds = Bounds {
            gas: u64::MAX / 2,
            deadline,
            cancelled,
        };
        let simulation = Simulation {
            block,
            overrides: &overrides,
            bounds,
        };
        simulation.call(&to_contract())
    })
}

#[test]
fn an_endless_call_ends_at_its_deadline() {
    // In the called contract, and in a contract that it calls.
    for code in [LOOP.to_vec(), call_other()] {
        let mut world = with(&code);
        world.put(OTHER, 0, &LOOP);
        let deadline = Instant::now() + Duration::from_millis(20);
        let result = stopped(&world, deadline, &AtomicBool::new(false));
        let ended = matches!(result, Err(CallError::Stopped(Stopped::Deadline)));
        assert!(ended, "{result:?}");
    }
}

#[test]
fn an_endless_call_ends_when_it_is_cancelled() {
    let cancelled = AtomicBool::new(false);
    let deadline = Instant::now() + Duration::from_secs(600);
    thread::scope(|scope| {
        let running = scope.spawn(|| stopped(&with(&LOOP), deadline, &cancelled));
        cancelled.store(true, Ordering::Relaxed);
        let result = running.join().expect("no panic");
        assert!(
            matches!(result, Err(CallError::Stopped(Stopped::Cancelled))),
            "{result:?}"
        );
    });
}
