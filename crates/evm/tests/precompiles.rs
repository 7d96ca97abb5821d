//! The chain's own contracts, called as a contract would: through a transaction.
mod support;

use std::sync::Arc;

use alloy_primitives::{hex, keccak256, Address, Bytes, B256, I256, U256};
use quip_evm::{Ancestors, Block, IsingEnergy, Precompiles, ISING_ENERGY, LAST_PROOF, XMSS_VERIFY};
use quip_hashsig::{Seeds, SigningKey, XMSS_SHA2_10_256};
use quip_ising::graph::Graph;
use quip_ising::model::Model;
use quip_store::StoreError;
use support::chain::{Account, Wish, World};

/// Calls `TARGET` with its own input; keeps in slot 0 whether that succeeded, in 1 the length of the output, in 2 and 3
/// its first and last word.
fn caller(target: Address) -> Vec<u8> {
    let mut code = hex!("365f5f375f5f365f5f73").to_vec();
    code.extend(target);
    // CALL(gas, target, 0, 0, size, 0, 0); then the output is copied to memory 32, so that its last word lies at its length.
    code.extend(hex!("5af15f553d6001553d5f60203e6020516002553d51600355"));
    code
}

const CALLER: Address = Address::repeat_byte(0xca);

fn triangle() -> IsingEnergy {
    let graph = Graph::new(3, vec![(0, 1), (0, 2), (1, 2)], &[0, 1, 2]).expect("a graph");
    IsingEnergy {
        graph: Arc::new(graph),
        ternary: true,
    }
}

/// What the call came to: whether it succeeded, its gas (about), and the kept words.
struct Called {
    success: bool,
    length: u64,
    first: U256,
    last: U256,
    gas: u64,
}

fn call_in(world: &mut World, target: Address, input: &[u8]) -> Called {
    world.put(CALLER, 0, &caller(target));
    let wish = Wish {
        gas: 16_000_000,
        value: U256::ZERO,
        data: Bytes::copy_from_slice(input),
        ..Wish::to(CALLER)
    };
    let executed = world.run(&[wish.sign(&Account::new(1))]);
    assert!(
        executed.receipts.0[0].outcome.status.coerce_status(),
        "the caller itself failed"
    );
    Called {
        success: world.slot(CALLER, 0) == U256::ONE,
        length: world.slot(CALLER, 1).to(),
        first: world.slot(CALLER, 2),
        last: world.slot(CALLER, 3),
        gas: executed.gas_used,
    }
}

fn call(target: Address, input: &[u8]) -> Called {
    let mut world = World::new();
    world.precompiles = Precompiles::Quip(triangle());
    call_in(&mut world, target, input)
}

fn signed_digest() -> (Vec<u8>, usize) {
    let seeds = Seeds {
        sk_seed: [1; 32],
        sk_prf: [2; 32],
        pub_seed: [3; 32],
    };
    let mut key = SigningKey::generate(XMSS_SHA2_10_256, seeds, &mut |_| true).expect("a key");
    let digest = keccak256("digest");
    let signature = key.sign(5, digest.as_slice()).expect("signed");
    let mut input = vec![1];
    input.extend(key.public_key());
    input.extend(digest);
    let at = input.len();
    input.extend(signature);
    (input, at)
}

#[test]
fn xmss_signatures_are_verified() {
    let (good, signature_at) = signed_digest();
    let called = call(XMSS_VERIFY, &good);
    assert!(called.success && called.length == 32 && called.first == U256::ONE);
    assert!(called.gas > 20_000);
    for place in [signature_at - 1, signature_at + 100, 10] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        let called = call(XMSS_VERIFY, &bad);
        assert!(
            called.success && called.length == 0,
            "byte {place} is another"
        );
    }
    for malformed in [&[][..], &[3], &[1], &good[..good.len() - 1]] {
        let called = call(XMSS_VERIFY, malformed);
        assert!(!called.success && called.length == 0);
    }
}

#[test]
fn without_them_the_addresses_are_empty() {
    let called = call_in(&mut World::new(), XMSS_VERIFY, &[3]);
    assert!(called.success && called.length == 0);
}

fn energy(value: i64) -> U256 {
    I256::try_from(value).expect("fits").into_raw()
}

#[test]
fn the_energy_of_an_instance_that_is_given() {
    // Three spins, +1 -1 +1; J01 = 2, J02 = -3; h = (7, 1, 0).
    let mut input = hex!("0100000003000000020000000000000001020000000000000002fd07010005").to_vec();
    let called = call(ISING_ENERGY, &input);
    assert!(called.success && called.length == 32);
    assert_eq!(called.first, energy(-2 - 3 + 7 - 1));
    *input.last_mut().expect("spins") = 0x0d;
    assert!(
        !call(ISING_ENERGY, &input).success,
        "a bit behind the last spin"
    );
    input.pop();
    assert!(!call(ISING_ENERGY, &input).success, "no spins");
    let loops = hex!("0100000001000000010000000000000000010001");
    assert!(
        !call(ISING_ENERGY, &loops).success,
        "a spin coupled to itself"
    );
    let huge = hex!("01ffffffffffffffff");
    assert!(
        !call(ISING_ENERGY, &huge).success,
        "more than any block's gas"
    );
    assert!(!call(ISING_ENERGY, &[2]).success && !call(ISING_ENERGY, &[]).success);
}

#[test]
fn the_energy_of_what_a_seed_draws() {
    let chain = triangle();
    for seed in 0..8 {
        let model = Model::expand(Arc::clone(&chain.graph), &[seed; 32], true).model;
        for packed in 0_u8..8 {
            let spin = |v: usize| if packed >> v & 1 == 1 { 1 } else { -1 };
            let couplers = chain.graph.couplers().iter().zip(model.negative());
            let bonds: i64 = couplers
                .map(|(&(u, v), &negative)| {
                    spin(u as usize) * spin(v as usize) * (1 - 2 * i64::from(negative))
                })
                .sum();
            let fields: i64 = (0..3).map(|v| spin(v) * i64::from(model.field(v))).sum();
            let mut input = vec![0];
            input.extend([seed; 32]);
            input.push(packed);
            assert_eq!(
                call(ISING_ENERGY, &input).first,
                energy(bonds + fields),
                "seed {seed}, {packed:03b}"
            );
        }
    }
}

/// A header of this chain: RLP of 16 fields.
fn header(number: u64) -> Vec<u8> {
    let number_bytes = number.to_be_bytes();
    let number_bytes =
        &number_bytes[number_bytes.iter().position(|byte| *byte != 0).unwrap_or(8)..];
    let (word, extra) = ([9; 32], [0x11; 21]);
    let fields: [&[u8]; 16] = [
        &[1; 32],
        &word,
        &[2; 20],
        &word,
        &word,
        &word,
        &[0; 256],
        &[77],
        number_bytes,
        &[100],
        &[50],
        &[3, 232],
        &extra,
        &[4; 32],
        &[5; 8],
        &[7],
    ];
    let mut out = Vec::new();
    alloy_rlp::encode_list::<_, [u8]>(&fields, &mut out);
    out
}

/// Ancestors that have such headers.
struct Headers;

impl Ancestors for Headers {
    fn hash(&self, number: u64) -> Result<B256, StoreError> {
        Ok(keccak256(header(number)))
    }

    fn header(&self, number: u64) -> Result<Option<Bytes>, StoreError> {
        Ok(Some(header(number).into()))
    }
}

/// Calls lastProof at the block's number.
fn last_proof(wanted: &[u8]) -> Called {
    let mut world = World::new();
    world.environment.number = 1_000;
    world.precompiles = Precompiles::Quip(triangle());
    world.put(CALLER, 0, &caller(LAST_PROOF));
    let wish = Wish {
        gas: 1_000_000,
        value: U256::ZERO,
        data: Bytes::copy_from_slice(wanted),
        ..Wish::to(CALLER)
    };
    let signed = [wish.sign(&Account::new(1))];
    let executed = world.with_block(|block| {
        let block = Block {
            ancestors: &Headers,
            ..block
        };
        quip_evm::verify(block, &signed, &false.into()).expect("lawful")
    });
    world.states.keep(&executed.state);
    world.root = executed.state.root();
    Called {
        success: world.slot(CALLER, 0) == U256::ONE,
        length: world.slot(CALLER, 1).to(),
        first: world.slot(CALLER, 2),
        last: world.slot(CALLER, 3),
        gas: executed.gas_used,
    }
}

#[test]
fn an_ancestors_header_is_told() {
    let word = |number: u64| U256::from(number).to_be_bytes::<32>();
    for number in [744, 999] {
        let called = last_proof(&word(number));
        assert!(called.success && called.length == 9 * 32, "block {number}");
        assert_eq!(
            called.first,
            U256::from_be_bytes(keccak256(header(number)).0)
        );
        assert_eq!(called.last, U256::from(50), "gas used");
    }
    for number in [0, 743, 1_000, u64::MAX] {
        let called = last_proof(&word(number));
        assert!(
            called.success && called.length == 0,
            "block {number} is not one of the 256"
        );
    }
    assert!(last_proof(&[0xff; 32]).success);
    assert!(!last_proof(&[1]).success);
}
