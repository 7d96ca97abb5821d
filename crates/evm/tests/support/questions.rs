//! Questions about a small world: a contract, who asks it, and code that fails in every way.
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use alloy_primitives::{hex, Address, U256};
use quip_evm::simulate::{Bounds, Call, CallError, Called, Overrides, Simulation};
use quip_evm::Block;

use super::chain::{Account, World};

pub const CONTRACT: Address = Address::repeat_byte(0xcc);
pub const IDENTITY: Address =
    alloy_primitives::address!("0000000000000000000000000000000000000004");
pub const OTHER: Address = Address::repeat_byte(0xdd);
pub const GAS_CAP: u64 = 50_000_000;
/// Jumps to itself.
pub const LOOP: [u8; 4] = hex!("5b600056");
/// Returns the word at slot 1.
pub const LOAD: [u8; 11] = hex!("60015460005260206000f3");

/// Long after any of these tests.
pub fn bounds(cancelled: &AtomicBool) -> Bounds<'_> {
    Bounds {
        gas: GAS_CAP,
        deadline: Instant::now() + Duration::from_secs(600),
        cancelled,
    }
}

pub fn on<T>(world: &World, overrides: &Overrides, ask: impl FnOnce(Simulation<'_>) -> T) -> T {
    let cancelled = AtomicBool::new(false);
    world.with_block(|block: Block<'_>| {
        ask(Simulation {
            block,
            overrides,
            bounds: bounds(&cancelled),
        })
    })
}

pub fn called(world: &World, call: &Call) -> Result<Called, CallError> {
    on(world, &Overrides::default(), |simulation| {
        simulation.call(call)
    })
}

pub fn with(code: &[u8]) -> World {
    let mut world = World::new();
    world.put(CONTRACT, 0, code);
    world
}

pub fn to_contract() -> Call {
    Call {
        from: Account::new(1).address,
        to: Some(CONTRACT),
        ..Call::default()
    }
}

/// Code that copies what follows it into memory and ends with it: REVERT (fd) or RETURN (f3).
pub fn ends_with(end: u8, data: &[u8]) -> Vec<u8> {
    let size = u8::try_from(data.len()).expect("short");
    let mut code = vec![
        0x60, size, 0x60, 12, 0x60, 0, 0x39, 0x60, size, 0x60, 0, end,
    ];
    code.extend(data);
    code
}

pub fn error_string(reason: &str) -> Vec<u8> {
    let mut data = hex!("08c379a0").to_vec();
    data.extend(U256::from(32).to_be_bytes::<32>());
    data.extend(U256::from(reason.len()).to_be_bytes::<32>());
    let mut padded = reason.as_bytes().to_vec();
    padded.resize(reason.len().div_ceil(32) * 32, 0);
    data.extend(padded);
    data
}

pub fn panic_of(code: u64) -> Vec<u8> {
    let code = U256::from(code).to_be_bytes::<32>();
    [&hex!("4e487b71")[..], &code].concat()
}

pub fn failure_of(code: &[u8]) -> String {
    let called = called(&with(code), &to_contract()).expect("it runs");
    assert!(called.output.is_empty());
    called.failure.expect("it fails").to_string()
}

/// Pushes a call of OTHER with all gas; the result is left on the stack.
pub fn call_other() -> Vec<u8> {
    let mut code = hex!("60006000600060006000").to_vec();
    code.push(0x73);
    code.extend(OTHER);
    code.extend(hex!("5af1"));
    code
}
