//! Estimates and access lists: what is found is enough, and hardly more.
mod support;

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{hex, Address, Bytes, B256, U256};
use quip_evm::simulate::{Call, Overrides};
use support::chain::{Account, World, BASE_FEE, WEALTH};
use support::questions::*;

#[test]
fn a_payment_needs_21000() {
    let call = Call {
        to: Some(OTHER),
        value: U256::ONE,
        ..to_contract()
    };
    let estimate = |call: &Call| {
        on(&World::new(), &Overrides::default(), |one| {
            one.estimate(call)
        })
    };
    assert_eq!(estimate(&call).expect("enough"), 21_000);
    let broke = Call {
        from: OTHER,
        ..call.clone()
    };
    let error = estimate(&broke).expect_err("no funds").to_string();
    assert!(
        error.starts_with(
            "failed with 16777216 gas: insufficient funds for gas * price + value: address "
        ),
        "{error}"
    );
    let priced = Call {
        max_fee: u128::from(BASE_FEE),
        value: U256::from(WEALTH),
        ..call.clone()
    };
    assert_eq!(
        estimate(&priced).expect_err("no funds").to_string(),
        "insufficient funds for transfer"
    );
    let dear = Call {
        max_fee: u128::from(WEALTH) / 20_000,
        ..call
    };
    assert_eq!(
        estimate(&dear).expect_err("too dear").to_string(),
        "gas required exceeds allowance (19999)"
    );
}

#[test]
fn an_estimate_is_enough_and_not_much_more() {
    let mut forwards = call_other(); // and reverts where that fails: its gas is held back by a 64th (EIP-150)
    forwards.extend(hex!("60295760006000fd5b00"));
    let calls = [
        (hex!("6001600155").to_vec(), Bytes::new()),
        (hex!("60016001556000600155").to_vec(), Bytes::new()), // a refund
        (hex!("00").to_vec(), vec![1; 100].into()),            // EIP-7623's floor
        (forwards, Bytes::new()),
        (ends_with(0xf3, b"x"), Bytes::new()),
    ];
    for (code, data) in calls {
        let mut world = with(&code);
        world.put(OTHER, 0, &hex!("600160015560016002556001600355"));
        let call = Call {
            data,
            ..to_contract()
        };
        let gas = on(&world, &Overrides::default(), |one| one.estimate(&call)).expect("enough");
        let at = |gas: u64| {
            called(
                &world,
                &Call {
                    gas: Some(gas),
                    ..call.clone()
                },
            )
        };
        assert!(at(gas).expect("begins").failure.is_none(), "{gas}");
        let less = at(gas - gas / 50);
        assert!(
            less.is_err() || less.is_ok_and(|called| called.failure.is_some()),
            "{gas}"
        );
    }
}

#[test]
fn estimates_of_what_fails_say_why() {
    for (code, text) in [
        (LOOP.to_vec(), "gas required exceeds allowance (16777216)"),
        (hex!("fe").to_vec(), "invalid opcode: INVALID"),
        (
            ends_with(0xfd, &error_string("no")),
            "execution reverted: no",
        ),
    ] {
        let estimate = on(&with(&code), &Overrides::default(), |one| {
            one.estimate(&to_contract())
        });
        assert_eq!(estimate.expect_err("it fails").to_string(), text);
    }
    let little = Call {
        gas: Some(21_000),
        ..to_contract()
    };
    let estimate = on(&with(&LOAD), &Overrides::default(), |one| {
        one.estimate(&little)
    });
    assert_eq!(
        estimate.expect_err("too little").to_string(),
        "gas required exceeds allowance (21000)"
    );
}

#[test]
fn an_access_list_names_what_is_touched_and_not_what_is_warm() {
    // Its slot 1; the balances of OTHER, of the sender and of the identity contract; a call of OTHER.
    let mut code = LOAD[..3].to_vec();
    for address in [OTHER, Account::new(1).address, IDENTITY] {
        code.push(0x73);
        code.extend(address);
        code.push(0x31);
    }
    code.extend(call_other());
    let mut world = with(&code);
    world.put(OTHER, 0, &LOAD);
    let list = |call: &Call| {
        on(&world, &Overrides::default(), |one| one.access_list(call)).expect("begins")
    };
    let listed = list(&to_contract());
    let one = |address| AccessListItem {
        address,
        storage_keys: vec![B256::with_last_byte(1)],
    };
    assert_eq!(
        listed.access_list,
        AccessList(vec![one(CONTRACT), one(OTHER)])
    );
    assert_eq!(listed.failure, None);
    let with_list = Call {
        access_list: listed.access_list.clone(),
        ..to_contract()
    };
    assert_eq!(
        called(&world, &with_list).expect("runs").gas_used,
        listed.gas_used
    );
    assert_eq!(list(&with_list).access_list, listed.access_list);
    let payment = Call {
        to: Some(Address::repeat_byte(2)),
        ..to_contract()
    };
    let nothing = list(&payment);
    assert_eq!(
        (nothing.access_list, nothing.gas_used),
        (AccessList::default(), 21_000)
    );
}

#[test]
fn an_access_list_of_what_fails_says_so() {
    let listed = on(
        &with(&ends_with(0xfd, &error_string("no"))),
        &Overrides::default(),
        |one| one.access_list(&to_contract()),
    );
    let failure = listed.expect("begins").failure.expect("it reverts");
    assert_eq!(failure.to_string(), "execution reverted: no");
    let poor = Call {
        from: OTHER,
        value: U256::ONE,
        ..to_contract()
    };
    let refused = on(&World::new(), &Overrides::default(), |one| {
        one.access_list(&poor)
    });
    let text = refused.expect_err("no funds").to_string();
    assert!(
        text.starts_with("failed to apply transaction: err: insufficient funds"),
        "{text}"
    );
}

#[test]
fn authorizations_are_applied() {
    let mut world = with(&ends_with(0xf3, b"delegated"));
    let owner = Account::new(2);
    world.put(owner.address, WEALTH, &[]);
    let call = Call {
        from: Account::new(1).address,
        to: Some(owner.address),
        authorizations: Some(vec![owner.authorize(CONTRACT, 0)]),
        ..Call::default()
    };
    assert_eq!(
        called(&world, &call).expect("runs").output[..],
        b"delegated"[..]
    );
    let gas = on(&world, &Overrides::default(), |one| one.estimate(&call)).expect("enough");
    assert!(gas > 46_000, "{gas}");
}
