//! Plain maps that say what a state holds, and changes drawn for them.
use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{keccak256, Address, Bytes, B256, U256};
use quip_state::{AccountChange, AccountValue, State, StateChanges, TrieState, EMPTY_ROOT};

/// xorshift64*: the same chain for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }
}

/// An account as a model has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    pub nonce: u64,
    pub balance: u64,
    pub code: Bytes,
    pub storage: BTreeMap<u64, u64>,
}

pub type Model = BTreeMap<u64, Plain>;

pub fn address(number: u64) -> Address {
    Address::left_padding_from(&number.to_be_bytes())
}

/// Changes of a few accounts, and the model after them.
pub fn changed(random: &mut Random, before: &Model) -> (StateChanges, Model) {
    let (mut changes, mut after) = (StateChanges::default(), before.clone());
    for _ in 0..random.below(6) {
        let number = random.below(40);
        let mut plain = after.get(&number).cloned().unwrap_or_default();
        let mut change = AccountChange::default();
        match random.below(8) {
            0 => {
                after.remove(&number);
                changes.accounts.insert(address(number), change);
                continue;
            }
            1 => {
                plain = Plain::default();
                change.wiped = true;
            }
            2 => plain.code = Bytes::from(vec![random.below(3) as u8; 5]),
            _ => {}
        }
        plain.nonce += 1;
        plain.balance = random.below(3); // the same states come again
        for _ in 0..random.below(5) {
            let (slot, value) = (random.below(12), random.below(3));
            change.storage.insert(U256::from(slot), U256::from(value));
            plain.storage.insert(slot, value);
            plain.storage.retain(|_, value| *value != 0);
        }
        if random.below(3) == 0 {
            plain.nonce = 1;
        }
        let code_hash = keccak256(&plain.code);
        changes.codes.insert(code_hash, plain.code.clone());
        change.value = Some(AccountValue {
            nonce: plain.nonce,
            balance: U256::from(plain.balance),
            code_hash,
        });
        if changes.accounts.contains_key(&address(number)) {
            continue; // once a block
        }
        changes.accounts.insert(address(number), change);
        after.insert(number, plain);
    }
    (changes, after)
}

#[derive(Clone)]
pub struct Block {
    pub number: u64,
    pub hash: B256,
    pub parent: B256,
    pub root: B256,
    pub model: Model,
}

/// The nodes of a state, made in one step.
pub fn nodes_of(model: &Model) -> BTreeSet<B256> {
    let change = |plain: &Plain| AccountChange {
        value: Some(AccountValue {
            nonce: plain.nonce,
            balance: U256::from(plain.balance),
            code_hash: keccak256(&plain.code),
        }),
        storage: plain
            .storage
            .iter()
            .map(|(slot, value)| (U256::from(*slot), U256::from(*value)))
            .collect(),
        wiped: false,
    };
    let changes = StateChanges {
        accounts: model
            .iter()
            .map(|(number, plain)| (address(*number), change(plain)))
            .collect(),
        codes: BTreeMap::new(),
    };
    let whole = TrieState::new(&quip_state::Empty, EMPTY_ROOT).update(&changes);
    whole
        .expect("from nothing")
        .nodes()
        .map(|(hash, _)| *hash)
        .collect()
}
