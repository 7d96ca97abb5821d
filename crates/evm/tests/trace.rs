//! Traces: what go-ethereum's tracers say of transactions of a block and of calls that nobody signed.
mod support;

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use alloy_primitives::{hex, Bytes, U256};
use quip_evm::simulate::{Bounds, CallError, Overrides, Stopped};
use quip_evm::trace::{trace_block, Traced};
use quip_evm::Signed;
use serde_json::{json, Value};
use support::chain::{Account, Wish, World};
use support::questions::*;

/// Adds one to slot 0 and returns it.
const COUNTER: [u8; 16] = hex!("600054600101806000555f5260205ff3");

fn count(nonce: u64) -> Signed {
    let wish = Wish {
        nonce,
        value: U256::ZERO,
        ..Wish::to(CONTRACT)
    };
    wish.sign(&Account::new(1))
}

fn traces(
    world: &World,
    transactions: &[Signed],
    only: Option<usize>,
    options: &Value,
) -> Result<Vec<Value>, CallError> {
    let cancelled = AtomicBool::new(false);
    let traced = Traced { transactions, only };
    let found = world
        .with_block(|block| trace_block(block, traced, &options.to_string(), bounds(&cancelled)));
    found.map(|all| {
        all.iter()
            .map(|json| serde_json::from_str(json).expect("JSON"))
            .collect()
    })
}

#[test]
fn steps_are_those_of_the_transaction_after_the_ones_before_it() {
    let world = with(&COUNTER);
    let body = [count(0), count(1), count(2)];
    let all = traces(&world, &body, None, &json!({})).expect("traced");
    assert_eq!(all.len(), 3);
    for (index, one) in (0_usize..).zip(&all) {
        let alone = traces(&world, &body, Some(index), &json!({})).expect("traced");
        assert_eq!(&alone, std::slice::from_ref(one));
        let counted = U256::from(index + 1).to_be_bytes::<32>();
        assert_eq!(one["returnValue"], format!("0x{}", hex::encode(counted)));
        assert_eq!(one["failed"], false);
    }
    let steps = all[0]["structLogs"].as_array().expect("steps");
    let names: Vec<&str> = steps
        .iter()
        .map(|step| step["op"].as_str().expect("a name"))
        .collect();
    let expected = "PUSH1 SLOAD PUSH1 ADD DUP1 PUSH1 SSTORE PUSH0 MSTORE PUSH1 PUSH0 RETURN";
    assert_eq!(names.join(" "), expected);
    assert_eq!(
        (&steps[1]["pc"], &steps[1]["depth"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(steps[1]["stack"], json!(["0x0"]));
    let executed = world.verify(&body).expect("lawful");
    let gas: u64 = all
        .iter()
        .map(|one| one["gas"].as_u64().expect("gas"))
        .sum();
    assert_eq!(gas, executed.gas_used);
}

#[test]
fn calls_states_and_selectors() {
    let mut world = with(&call_other());
    world.put(OTHER, 0, &ends_with(0xfd, &error_string("no")));
    let body = [Wish {
        data: Bytes::from_static(&hex!("0123456700")),
        value: U256::ZERO,
        ..Wish::to(CONTRACT)
    }
    .sign(&Account::new(1))];
    let one = |options: Value| {
        traces(&world, &body, Some(0), &options)
            .expect("traced")
            .remove(0)
    };
    let calls = one(json!({"tracer": "callTracer"}));
    assert_eq!(
        (&calls["type"], &calls["input"]),
        (&json!("CALL"), &json!("0x0123456700"))
    );
    let inner = &calls["calls"][0];
    assert_eq!(inner["to"], format!("{OTHER:?}"));
    assert_eq!(
        (&inner["error"], &inner["revertReason"]),
        (&json!("execution reverted"), &json!("no"))
    );
    let top = one(json!({"tracer": "callTracer", "tracerConfig": {"onlyTopCall": true}}));
    assert_eq!(top["calls"], Value::Null);
    let before = one(json!({"tracer": "prestateTracer"}));
    assert_eq!(
        before[format!("{CONTRACT:?}")]["code"],
        format!("0x{}", hex::encode(call_other()))
    );
    let difference = one(json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}}));
    let sender = format!("{:?}", Account::new(1).address);
    assert_eq!(difference["post"][sender]["nonce"], 1);
    assert_eq!(
        one(json!({"tracer": "4byteTracer"})),
        json!({"0x01234567-1": 1})
    );
    assert_eq!(one(json!({"tracer": "noopTracer"})), json!({}));
}

#[test]
fn a_call_that_nobody_signed_is_traced() {
    let trace = |world: &World, call: &_, options: Value| {
        on(world, &Overrides::default(), |one| {
            one.trace(call, &options.to_string())
        })
    };
    let world = with(&COUNTER);
    let steps = trace(&world, &to_contract(), json!({})).expect("traced");
    assert_eq!(steps.matches("\"SSTORE\"").count(), 1);
    let poor = quip_evm::simulate::Call {
        from: OTHER,
        value: U256::ONE,
        ..to_contract()
    };
    let refused = trace(&world, &poor, json!({}))
        .expect_err("no funds")
        .to_string();
    assert!(
        refused.starts_with("tracing failed: insufficient funds for gas * price + value: "),
        "{refused}"
    );
    // 50 M gas of an endless loop are some 19 M steps.
    let stopped = trace(&with(&LOOP), &to_contract(), json!({}));
    assert!(
        matches!(stopped, Err(CallError::Stopped(Stopped::TooLarge))),
        "{stopped:?}"
    );
    let calls = trace(
        &with(&LOOP),
        &to_contract(),
        json!({"tracer": "callTracer"}),
    );
    assert!(calls.expect("one call").contains("out of gas"));
}

#[test]
fn storage_in_every_step_is_counted() {
    // Reads slot after slot until the gas is over: step n shows n slots.
    let code = hex!("5f5b805450600101600156");
    let stopped = on(&with(&code), &Overrides::default(), |one| {
        one.trace(&to_contract(), "{}")
    });
    assert!(
        matches!(stopped, Err(CallError::Stopped(Stopped::TooLarge))),
        "{stopped:?}"
    );
}

#[test]
fn options_that_cannot_be_had_are_refused() {
    let world = with(&COUNTER);
    for (options, text) in [
        (
            json!({"tracer": "{step: function() {}}"}),
            "tracer not found: JavaScript is not run",
        ),
        (
            json!({"tracer": "erc7562Tracer"}),
            "erc7562Tracer is not supported",
        ),
        (
            json!({"tracer": "callTracer", "tracerConfig": {"onlyTopCall": 5}}),
            "invalid tracer config",
        ),
        (json!({"tracer": 5}), ""),
        (json!([]), ""),
    ] {
        let error = traces(&world, &[count(0)], None, &options).expect_err("refused");
        assert!(matches!(error, CallError::Refused { .. }), "{error:?}");
        assert!(error.to_string().starts_with(text), "{error}");
    }
}

#[test]
fn a_trace_can_be_cancelled_and_ends_at_its_deadline() {
    let world = with(&COUNTER);
    let body = [count(0)];
    for (is_cancelled, seconds, reason) in [
        (true, 600, Stopped::Cancelled),
        (false, 0, Stopped::Deadline),
    ] {
        let cancelled = AtomicBool::new(is_cancelled);
        let bounds = Bounds {
            gas: GAS_CAP,
            deadline: Instant::now() + Duration::from_secs(seconds),
            cancelled: &cancelled,
        };
        let traced = Traced {
            transactions: &body,
            only: None,
        };
        let stopped = world.with_block(|block| trace_block(block, traced, "{}", bounds));
        assert!(
            matches!(stopped, Err(CallError::Stopped(why)) if why == reason),
            "{stopped:?}"
        );
    }
}

#[test]
fn a_transaction_that_cannot_be_run_has_no_trace() {
    let error = traces(&with(&COUNTER), &[count(5)], None, &json!({})).expect_err("its nonce");
    assert!(matches!(error, CallError::Environment(_)), "{error:?}");
    assert!(error.to_string().contains("nonce"), "{error}");
}
