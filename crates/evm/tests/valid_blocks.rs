//! Ethereum's BlockchainTests/ValidBlocks: several transactions a block, several blocks. Headers are another chain's, but
//! what they say of the outcome is what ours would.
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use alloy_primitives::{address, keccak256, Address, B256, KECCAK256_EMPTY, U256};
use quip_evm::{
    next_base_fee, ordered_root, recover_all, verify, Block, BlockEnvironment, Executed, Fork,
    Precompiles, Rules,
};
use quip_state::{AccountChange, AccountValue, MemoryStates, State, StateChanges, EMPTY_ROOT};
use serde_json::Value;
use support::{addressed, bytes, fields, files, hash, read, small, Alloc, Hashes};

/// The contract of EIP-4788, which this chain does not have: what the beacon chain tells it is written by hand.
const BEACON_ROOTS: Address = address!("000F3df6D732807Ef1319fB7B8bB8522d0Beac02");
const BEACON_RING: u64 = 8_191;

fn changes(alloc: &Alloc) -> StateChanges {
    let mut changes = StateChanges::default();
    for (address, entry) in &alloc.accounts {
        let code_hash = keccak256(&entry.code);
        if code_hash != KECCAK256_EMPTY {
            changes.codes.insert(code_hash, entry.code.clone());
        }
        let value = AccountValue {
            nonce: entry.nonce,
            balance: entry.balance,
            code_hash,
        };
        let change = AccountChange {
            value: Some(value),
            storage: entry.storage.clone(),
            wiped: false,
        };
        changes.accounts.insert(*address, change);
    }
    changes
}

/// A chain in memory.
struct Chain {
    states: MemoryStates,
    root: B256,
    ancestors: Hashes,
}

impl Chain {
    fn change(&mut self, changes: &StateChanges) {
        let update = self
            .states
            .state(self.root)
            .update(changes)
            .expect("in memory");
        self.states.keep(&update);
        self.root = update.root();
    }

    /// What EIP-4788 does at the start of a block, where its contract is.
    fn tell_beacon_root(&mut self, pre: &Alloc, header: &Value) {
        let Some(contract) = pre.accounts.get(&BEACON_ROOTS) else {
            return;
        };
        let timestamp = small(&header["timestamp"]);
        let slot = timestamp % BEACON_RING;
        let root = U256::from_be_bytes(hash(&header["parentBeaconBlockRoot"]).0);
        let mut told = changes(&BTreeMap::from([(BEACON_ROOTS, contract.clone())]).into());
        let change = told.accounts.get_mut(&BEACON_ROOTS).expect("just put");
        change.storage = [
            (U256::from(slot), U256::from(timestamp)),
            (U256::from(slot + BEACON_RING), root),
        ]
        .into();
        self.change(&told);
    }

    fn run(&self, header: &Value, transactions: &[Vec<u8>]) -> Executed {
        let environment = BlockEnvironment {
            number: small(&header["number"]),
            parent_hash: hash(&header["parentHash"]),
            beneficiary: addressed(&header["coinbase"]),
            timestamp: small(&header["timestamp"]),
            gas_limit: small(&header["gasLimit"]),
            base_fee: small(&header["baseFeePerGas"]),
            randomness: hash(&header["mixHash"]),
        };
        let rules = Rules {
            fork: Fork::Cancun,
            chain_id: 1,
        };
        let block = Block {
            rules: &rules,
            environment: &environment,
            state: &self.states.state(self.root),
            ancestors: &self.ancestors,
            precompiles: &Precompiles::Ethereum,
            payments: &[],
        };
        let signed: Result<Vec<_>, _> = recover_all(transactions).into_iter().collect();
        verify(block, &signed.expect("lawful"), &AtomicBool::new(false)).expect("lawful")
    }
}

/// The transactions in the RLP of a block: [header, transactions, ...].
fn transactions(block: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = alloy_rlp::Header::decode_bytes(&mut &*block, true).expect("a list");
    alloy_rlp::Header::decode_bytes(&mut parts, true).expect("a header");
    let mut rest = alloy_rlp::Header::decode_bytes(&mut parts, true).expect("transactions");
    let mut found = Vec::new();
    while !rest.is_empty() {
        let before = rest;
        let item = alloy_rlp::Header::decode(&mut rest).expect("an item");
        let whole = before.len() - rest.len() + item.payload_length;
        let start = if item.list {
            0
        } else {
            before.len() - rest.len()
        };
        found.push(before[start..whole].to_vec());
        rest = &before[whole..];
    }
    found
}

/// What a block came to is what its header says.
fn compare(executed: &Executed, header: &Value, place: &str) {
    let receipts = &executed.receipts;
    let bloom = &bytes(&header["bloom"])[..];
    assert_eq!(executed.gas_used, small(&header["gasUsed"]), "{place}: gas");
    assert_eq!(
        receipts.root(),
        hash(&header["receiptTrie"]),
        "{place}: receipts"
    );
    assert_eq!(receipts.bloom().as_slice(), bloom, "{place}: bloom");
    assert_eq!(
        executed.state.root(),
        hash(&header["stateRoot"]),
        "{place}: state"
    );
}

fn check(name: &str, test: &Value) {
    let pre = Alloc::new(&test["pre"]);
    let genesis = &test["genesisBlockHeader"];
    let mut chain = Chain {
        states: MemoryStates::default(),
        root: EMPTY_ROOT,
        ancestors: Hashes([(0, hash(&genesis["hash"]))].into()),
    };
    chain.change(&changes(&pre));
    assert_eq!(
        chain.root,
        hash(&genesis["stateRoot"]),
        "{name}: the state before"
    );
    let mut parent = genesis;
    for block in test["blocks"].as_array().expect("a list") {
        let header = &block["blockHeader"];
        let place = format!("{name}, block {}", header["number"]);
        let fee = |of: &Value| small(&of["baseFeePerGas"]);
        let expected_fee = next_base_fee(
            small(&parent["gasLimit"]),
            small(&parent["gasUsed"]),
            fee(parent),
        );
        assert_eq!(fee(header), expected_fee, "{place}: base fee");
        let body = transactions(&bytes(&block["rlp"]));
        assert_eq!(
            ordered_root(&body),
            hash(&header["transactionsTrie"]),
            "{place}: body"
        );
        chain.tell_beacon_root(&pre, header);
        let executed = chain.run(header, &body);
        compare(&executed, header, &place);
        chain.states.keep(&executed.state);
        chain.root = executed.state.root();
        chain
            .ancestors
            .0
            .insert(small(&header["number"]), hash(&header["hash"]));
        parent = header;
    }
    assert_eq!(
        chain.root,
        Alloc::new(&test["postState"]).root(),
        "{name}: the state after"
    );
}

#[test]
fn blocks_come_to_what_their_headers_say() {
    let files = files("BlockchainTests/ValidBlocks");
    for path in &files {
        for (name, test) in fields(&read(path)) {
            check(name, test);
        }
    }
    println!("{} files", files.len());
}
