//! What a block does to a state, rule by rule: each with a case that keeps it and one that breaks it.
mod support;

use alloy_primitives::{address, hex, keccak256, Address, Bytes, TxKind, U256};
use quip_evm::{ExecutionError, TransactionError, HISTORY_CONTRACT};
use quip_state::StateReader;
use revm::context::result::InvalidTransaction;
use support::chain::{Account, Wish, World, BASE_FEE, BENEFICIARY, WEALTH};

const CONTRACT: Address = address!("00000000000000000000000000000000000c0de1");
/// SSTORE(0, CALLVALUE)
const KEEPS_VALUE: [u8; 4] = hex!("345f5500");
/// Its code at its address on mainnet (EIP-2935).
const HISTORY_CODE: [u8; 83] = hex!("3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500");

fn rule(error: ExecutionError) -> InvalidTransaction {
    match error {
        ExecutionError::Transaction {
            error: TransactionError::Rule(rule),
            ..
        } => rule,
        other => panic!("{other}"),
    }
}

/// Runs one transaction of account 1 that is refused.
fn refusal(wish: Wish) -> InvalidTransaction {
    let signed = wish.sign(&Account::new(1));
    rule(World::new().verify(&[signed]).expect_err("refused"))
}

#[test]
fn a_contract_of_the_state_runs() {
    // revm's own default for an account is "no code", and a call to that succeeds as well: only its effect tells.
    let mut world = World::new();
    world.put(CONTRACT, 0, &KEEPS_VALUE);
    let wish = Wish {
        value: U256::from(77),
        ..Wish::to(CONTRACT)
    };
    let executed = world.run(&[wish.sign(&Account::new(1))]);
    assert_eq!(world.slot(CONTRACT, 0), U256::from(77));
    assert!(
        executed.gas_used > 40_000,
        "a slot was written: {}",
        executed.gas_used
    );
}

#[test]
fn every_type_pays_at_least_the_base_fee() {
    // What revm takes for a transaction of another chain's making ("Custom") is let off these checks.
    for kind in [0, 1, 2, 4] {
        let authorizations = vec![Account::new(2).authorize(CONTRACT, 0)];
        let wish = |fee: u64| Wish {
            kind,
            fee: fee.into(),
            tip: 0,
            authorizations: authorizations.clone(),
            ..Wish::to(Account::new(3).address)
        };
        assert_eq!(
            refusal(wish(BASE_FEE - 1)),
            InvalidTransaction::GasPriceLessThanBasefee,
            "type {kind}"
        );
        World::new().run(&[wish(BASE_FEE).sign(&Account::new(1))]);
    }
}

#[test]
fn tips_go_to_the_beneficiary_and_the_base_fee_to_nobody() {
    let (from, to) = (Account::new(1), Account::new(2));
    let mut world = World::new();
    let executed = world.run(&[Wish::to(to.address).sign(&from)]);
    assert_eq!(executed.gas_used, 21_000);
    assert_eq!(executed.fees, U256::from(3 * 21_000));
    assert_eq!(world.balance(BENEFICIARY), executed.fees);
    let paid = 21_000 * (BASE_FEE + 3) + 1;
    assert_eq!(world.balance(from.address), U256::from(WEALTH - paid));
}

#[test]
fn nonces_chains_and_funds_are_checked() {
    let to = Account::new(2).address;
    let early = Wish {
        nonce: 1,
        ..Wish::to(to)
    };
    assert_eq!(
        refusal(early),
        InvalidTransaction::NonceTooHigh { tx: 1, state: 0 }
    );
    let dear = Wish {
        value: U256::from(WEALTH),
        ..Wish::to(to)
    };
    assert!(matches!(
        refusal(dear),
        InvalidTransaction::LackOfFundForMaxFee { .. }
    ));
    let greedy = Wish {
        tip: 1_000,
        ..Wish::to(to)
    };
    assert_eq!(
        refusal(greedy),
        InvalidTransaction::PriorityFeeGreaterThanMaxFee
    );
    let mut world = World::new();
    let from = Account::new(1);
    world.put(from.address, WEALTH, &KEEPS_VALUE);
    let of_a_contract = Wish {
        nonce: 1,
        ..Wish::to(to)
    }
    .sign(&from);
    let error = world.verify(&[of_a_contract]).expect_err("EIP-3607");
    assert_eq!(rule(error), InvalidTransaction::RejectCallerWithCode);
}

#[test]
fn a_transaction_has_at_most_2_to_the_24_gas() {
    let wish = |gas| Wish {
        gas,
        ..Wish::to(CONTRACT)
    };
    World::new().run(&[wish(1 << 24).sign(&Account::new(1))]);
    assert!(matches!(
        refusal(wish((1 << 24) + 1)),
        InvalidTransaction::TxGasLimitGreaterThanCap {
            cap: 16_777_216,
            ..
        }
    ));
}

#[test]
fn bytes_have_a_floor() {
    // EIP-7623: 1,000 bytes that are not zero are 4,000 tokens of 10.
    let wish = |gas| Wish {
        gas,
        data: vec![1; 1_000].into(),
        ..Wish::to(Account::new(2).address)
    };
    let executed = World::new().run(&[wish(61_000).sign(&Account::new(1))]);
    assert_eq!(executed.gas_used, 61_000);
    assert_eq!(
        refusal(wish(60_999)),
        InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor: 61_000,
            gas_limit: 60_999
        }
    );
}

#[test]
fn the_block_has_room_for_so_much_gas() {
    let (mut world, from) = (World::new(), Account::new(1));
    world.environment.gas_limit = 121_000;
    let both = |gas| {
        let first = Wish::to(CONTRACT).sign(&from);
        let second = Wish {
            nonce: 1,
            gas,
            ..Wish::to(CONTRACT)
        }
        .sign(&from);
        [first, second]
    };
    world
        .verify(&both(100_000))
        .expect("21,000 are used, 100,000 left");
    let error = world.verify(&both(100_001)).expect_err("one too many");
    assert!(matches!(
        error,
        ExecutionError::Transaction {
            index: 1,
            error: TransactionError::BlockGas { left: 100_000, .. }
        }
    ));
}

#[test]
fn a_delegation_runs_its_code_and_broken_ones_are_passed_over() {
    let (mut world, from, authority) = (World::new(), Account::new(1), Account::new(2));
    world.put(CONTRACT, 0, &KEEPS_VALUE);
    let wish = |authorizations| Wish {
        kind: 4,
        gas: 200_000,
        value: U256::from(9),
        authorizations,
        ..Wish::to(authority.address)
    };
    let broken = vec![authority.authorize(CONTRACT, 5)];
    let executed = world
        .verify(&[wish(broken).sign(&from)])
        .expect("lawful all the same");
    assert!(executed.receipts.0[0].outcome.status.coerce_status());
    let good = vec![
        authority.authorize(CONTRACT, 5),
        authority.authorize(CONTRACT, 0),
    ];
    world.run(&[wish(good).sign(&from)]);
    assert_eq!(
        world.slot(authority.address, 0),
        U256::from(9),
        "the code ran at the authority"
    );
    // A delegated account still sends transactions; its nonce counts the authorization.
    world.run(&[Wish {
        nonce: 1,
        ..Wish::to(from.address)
    }
    .sign(&authority)]);
    let none = wish(Vec::new());
    assert_eq!(refusal(none), InvalidTransaction::EmptyAuthorizationList);
}

#[test]
fn the_history_contract_knows_the_parent() {
    let mut world = World::new();
    world.put(HISTORY_CONTRACT, 0, &HISTORY_CODE);
    let parent = world.environment.parent_hash;
    world.run(&[]);
    let number = world.environment.number - 1;
    assert_eq!(
        world.slot(HISTORY_CONTRACT, number % 8_191),
        U256::from_be_bytes(parent.0)
    );
    // Without the contract, the block changes nothing.
    let mut bare = World::new();
    let before = bare.root;
    bare.run(&[]);
    assert_eq!(bare.root, before);
}

#[test]
fn payments_follow_the_transactions() {
    let mut world = World::new();
    let nobody = Address::repeat_byte(0xdd);
    world.payments = vec![
        (BENEFICIARY, U256::from(5)),
        (nobody, U256::ZERO),
        (BENEFICIARY, U256::from(6)),
    ];
    world.run(&[]);
    assert_eq!(world.balance(BENEFICIARY), U256::from(11));
    let state = world.states.state(world.root);
    assert_eq!(state.account(nobody), Ok(None), "nothing was paid");
    world.payments = vec![(BENEFICIARY, U256::MAX)];
    assert!(matches!(
        world.verify(&[]),
        Err(ExecutionError::Environment(_))
    ));
}

#[test]
fn a_contract_is_made_with_its_code() {
    let (mut world, from) = (World::new(), Account::new(1));
    // Returns 0x345f5500.
    let init = hex!("63345f55005f526004601cf3");
    let wish = Wish {
        to: TxKind::Create,
        data: Bytes::copy_from_slice(&init),
        ..Wish::to(Address::ZERO)
    };
    let made = from.address.create(0);
    let call = Wish {
        nonce: 1,
        value: U256::from(4),
        ..Wish::to(made)
    };
    world.run(&[wish.sign(&from), call.sign(&from)]);
    let state = world.states.state(world.root);
    let account = state.account(made).expect("read").expect("made");
    assert_eq!(account.code_hash, keccak256(KEEPS_VALUE));
    assert_eq!(
        state.code(account.code_hash).expect("kept")[..],
        KEEPS_VALUE
    );
    assert_eq!(world.slot(made, 0), U256::from(4));
}

#[test]
fn what_lives_and_dies_in_one_transaction_leaves_nothing() {
    // EIP-6780. The init code writes a slot and destroys itself in favour of the caller.
    let (mut world, from) = (World::new(), Account::new(1));
    let init = hex!("60015f5533ff");
    let wish = |nonce| Wish {
        nonce,
        to: TxKind::Create,
        data: Bytes::copy_from_slice(&init),
        ..Wish::to(Address::ZERO)
    };
    world.run(&[wish(0).sign(&from), wish(1).sign(&from)]);
    let state = world.states.state(world.root);
    for nonce in [0, 1] {
        assert_eq!(state.account(from.address.create(nonce)), Ok(None));
    }
}

#[test]
fn a_reverted_transaction_pays_and_changes_nothing_else() {
    let (mut world, from) = (World::new(), Account::new(1));
    world.put(CONTRACT, 0, &hex!("60015f555f5ffd"));
    let executed = world.run(&[Wish::to(CONTRACT).sign(&from)]);
    assert!(!executed.receipts.0[0].outcome.status.coerce_status());
    assert_eq!(world.slot(CONTRACT, 0), U256::ZERO);
    assert_eq!(world.balance(CONTRACT), U256::ZERO);
    assert_eq!(world.balance(BENEFICIARY), executed.fees);
}
