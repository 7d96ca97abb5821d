//! Random chains with branches, reorganisations, restarts, flushes and prunings, against plain maps.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{keccak256, Address, Bytes, B256, U256};
use quip_state::{
    prove, AccountChange, AccountValue, BlockState, Limits, State, StateChanges, StateReader,
    States, TrieState, EMPTY_ROOT,
};
use quip_store::{Changes, FaultyDisk, ScanRange, Store, StoreError};

/// xorshift64*: the same chain for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % limit
    }
}

/// An account as a model has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Plain {
    nonce: u64,
    balance: u64,
    code: Bytes,
    storage: BTreeMap<u64, u64>,
}

type Model = BTreeMap<u64, Plain>;

fn address(number: u64) -> Address {
    Address::left_padding_from(&number.to_be_bytes())
}

/// Changes of a few accounts, and the model after them.
fn changed(random: &mut Random, before: &Model) -> (StateChanges, Model) {
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
struct Block {
    number: u64,
    hash: B256,
    parent: B256,
    root: B256,
    model: Model,
}

fn assert_reads(states: &States, block: &Block) {
    states
        .read(None, block.root, |view| {
            let state = TrieState::new(view, block.root);
            for number in 0..40 {
                let found = state.account(address(number))?;
                let Some(plain) = block.model.get(&number) else {
                    assert_eq!(found, None);
                    assert_eq!(state.storage(address(number), U256::from(1))?, U256::ZERO);
                    continue;
                };
                let account = found.expect("the model has it");
                assert_eq!(
                    (account.nonce, account.balance),
                    (plain.nonce, U256::from(plain.balance))
                );
                assert_eq!(state.code(account.code_hash)?, plain.code);
                for slot in 0..12 {
                    let expected = plain.storage.get(&slot).copied().unwrap_or_default();
                    let value = state.storage(address(number), U256::from(slot))?;
                    assert_eq!(value, U256::from(expected));
                }
            }
            Ok(())
        })
        .expect("kept");
}

/// Blocks, newest first, whose states should be kept, and the numbers of those that are dropped.
struct Chain {
    blocks: Vec<Block>,
    head: B256,
}

impl Chain {
    fn get(&self, hash: B256) -> &Block {
        let found = self.blocks.iter().find(|block| block.hash == hash);
        found.expect("a block of the chain")
    }

    fn canonical(&self, number: u64) -> &Block {
        let mut block = self.get(self.head);
        while block.number > number {
            block = self.get(block.parent);
        }
        block
    }

    /// Whether the block is on the oldest kept one.
    fn is_kept(&self, block: &Block, oldest: &Block) -> bool {
        let mut block = block;
        while block.number > oldest.number {
            block = self.get(block.parent);
        }
        block.hash == oldest.hash
    }
}

/// The nodes of a state, made in one step.
fn nodes_of(model: &Model) -> BTreeSet<B256> {
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

fn rows(store: &Store, table: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let range = ScanRange {
        start: Vec::new(),
        end: None,
        limit: usize::MAX,
        reverse: false,
    };
    store.scan(table, &range).expect("readable")
}

/// Every kept state is its model, every other one is missing, and the store has no trie node too many.
fn assert_exact(chain: &Chain, states: &States, store: &Store, is_flushed: bool) {
    let oldest = chain.get(states.oldest().expect("one at least").hash);
    let walked = states.check().expect("walked");
    assert_eq!(walked.problems, vec![]);
    let kept = |block: &Block| chain.is_kept(block, oldest);
    for block in &chain.blocks {
        let same = |other: &&Block| other.root == block.root && kept(other);
        if kept(block) {
            assert_reads(states, block);
        } else if block.root != EMPTY_ROOT && !chain.blocks.iter().any(|other| same(&other)) {
            let read = states.read(None, block.root, |_| Ok(()));
            assert!(matches!(read, Err(StoreError::Missing(_))), "{read:?}");
        }
    }
    if is_flushed {
        let stored: BTreeSet<B256> = rows(store, "trie")
            .iter()
            .map(|(_, rlp)| keccak256(rlp))
            .collect();
        assert_eq!(stored, nodes_of(&chain.get(chain.head).model));
    }
}

fn played(seed: u64, limits: Limits, steps: u64) {
    let random = &mut Random(seed);
    let store = Arc::new(Store::in_memory().expect("memory"));
    let mut states = States::open(store.clone(), limits).expect("opened");
    let mut chain = Chain {
        blocks: Vec::new(),
        head: B256::ZERO,
    };
    for step in 0..steps {
        let parent = match chain.blocks.len() {
            0 => None,
            _ if random.below(4) > 0 => Some(chain.get(chain.head).clone()),
            many => {
                let near = random.below(many.min(6) as u64) as usize;
                Some(chain.blocks[many - 1 - near].clone())
            }
        };
        let number = parent.as_ref().map_or(0, |parent| parent.number + 1);
        let none = Block {
            number: 0,
            hash: B256::ZERO,
            parent: B256::ZERO,
            root: EMPTY_ROOT,
            model: Model::new(),
        };
        let parent = parent.unwrap_or(none);
        let (changes, model) = changed(random, &parent.model);
        let update = states.read(None, parent.root, |view| {
            TrieState::new(view, parent.root).update(&changes)
        });
        let update = match update {
            Ok(update) => update,
            // The parent was dropped meanwhile.
            Err(StoreError::Missing(_)) if step > 0 => continue,
            Err(error) => panic!("{error}"),
        };
        let block = Block {
            number,
            hash: keccak256([seed.to_be_bytes(), step.to_be_bytes()].concat()),
            parent: parent.hash,
            root: update.root(),
            model,
        };
        let height = chain.blocks.iter().map(|block| block.number).max();
        let is_head = chain.blocks.is_empty()
            || Some(number) > height
            || (Some(number) == height && random.below(2) == 0);
        chain.blocks.push(block.clone());
        let mut puts = Vec::new();
        if is_head {
            chain.head = block.hash;
            let mut entering = &block;
            loop {
                let key = entering.number.to_be_bytes().to_vec();
                puts.push(("canonical".to_string(), key, entering.hash.to_vec()));
                if entering.number == 0 {
                    break;
                }
                entering = chain.get(entering.parent);
            }
        }
        let changes = Changes {
            puts,
            deletes: Vec::new(),
        };
        let made = BlockState {
            number,
            hash: block.hash,
            parent: block.parent,
            update: &update,
            is_head,
        };
        match states.commit(&changes, &[made]) {
            Ok(()) => {}
            // So was its parent, whose root another state has as well.
            Err(StoreError::Missing(_)) if step > 0 => {
                chain.blocks.pop();
                if is_head {
                    chain.head = states.head().expect("one").hash;
                }
                continue;
            }
            Err(error) => panic!("{error}"),
        }
        assert_eq!(states.head().map(|head| head.hash), Some(chain.head));
        if random.below(9) == 0 {
            // What is replayed is what was there.
            drop(states);
            states = States::open(store.clone(), limits).expect("opened again");
        }
        if random.below(16) == 0 {
            let head = chain.get(chain.head).clone();
            assert_reads(&states, &head);
            assert_exact(&chain, &states, &store, false);
        }
        if random.below(25) == 0 {
            states.flush().expect("flushed");
            let oldest = states.oldest().expect("one at least").number;
            let target = oldest + random.below(chain.get(chain.head).number - oldest + 1);
            let target = chain.canonical(target).clone();
            states.rewind(target.number, target.hash).expect("kept");
            chain.head = target.hash;
            chain.blocks.retain(|block| block.number <= target.number);
            assert_exact(&chain, &states, &store, true);
        }
    }
    states.prune().expect("pruned");
    assert_exact(&chain, &states, &store, true);
    let head = chain.get(chain.head).number;
    let oldest = states.oldest().expect("one at least").number;
    assert!(oldest >= (head + 1).saturating_sub(limits.retained)); // above it after going back
}

#[test]
fn states_are_the_models_and_nothing_is_left_over() {
    for seed in 1..=8 {
        let limits = Limits {
            flush_blocks: 1 + seed % 7,
            retained: if seed % 4 > 0 { 3 + seed } else { 1_000 },
            ..Limits::default()
        };
        played(seed, limits, 80);
    }
}

#[test]
fn a_flush_by_bytes_comes_before_one_by_blocks() {
    let limits = Limits {
        flush_bytes: 4_000,
        retained: 5,
        ..Limits::default()
    };
    played(77, limits, 80);
}

#[test]
fn a_batch_leaves_what_single_commits_leave() {
    let limits = Limits {
        flush_blocks: 4,
        ..Limits::default()
    };
    let mut digests = Vec::new();
    for batch in [1, 3, 30] {
        let random = &mut Random(5);
        let store = Arc::new(Store::in_memory().expect("memory"));
        let states = States::open(store.clone(), limits).expect("opened");
        let (mut parent, mut root, mut model) = (B256::ZERO, EMPTY_ROOT, Model::new());
        let (staged, mut waiting) = (states.stage(), Vec::new());
        let mut stage = staged;
        for number in 0..30_u64 {
            let (changes, after) = changed(random, &model);
            let update = states
                .read(Some(&stage), root, |view| {
                    TrieState::new(view, root).update(&changes)
                })
                .expect("updated");
            stage.keep(&update);
            let hash = keccak256(number.to_be_bytes());
            root = update.root();
            waiting.push((number, hash, parent, update));
            (parent, model) = (hash, after);
            if waiting.len() == batch || number == 29 {
                let blocks: Vec<_> = waiting
                    .iter()
                    .map(|(number, hash, parent, update)| BlockState {
                        number: *number,
                        hash: *hash,
                        parent: *parent,
                        update,
                        is_head: true,
                    })
                    .collect();
                states
                    .commit(&Changes::default(), &blocks)
                    .expect("committed");
                waiting.clear();
                stage = states.stage();
            }
        }
        let tables = store.tables().expect("tables");
        let all: Vec<_> = tables
            .iter()
            .map(|table| (table.clone(), rows(&store, table)))
            .collect();
        digests.push(all);
    }
    assert!(digests[0] == digests[1] && digests[0] == digests[2]);
}

#[test]
fn a_commit_that_fails_is_repeated() {
    let disk =
        FaultyDisk::new(&std::env::temp_dir().join(format!("quip-state-{}", std::process::id())))
            .expect("a file");
    let store = Arc::new(Store::open_on(disk.clone()).expect("opened"));
    let limits = Limits {
        flush_blocks: 2,
        ..Limits::default()
    };
    let states = States::open(store, limits).expect("opened");
    let random = &mut Random(3);
    let (mut parent, mut root, mut model) = (B256::ZERO, EMPTY_ROOT, Model::new());
    for number in 0..12_u64 {
        let (changes, after) = changed(random, &model);
        let update = states
            .read(None, root, |view| {
                TrieState::new(view, root).update(&changes)
            })
            .expect("updated");
        let block = BlockState {
            number,
            hash: keccak256(number.to_be_bytes()),
            parent,
            update: &update,
            is_head: true,
        };
        disk.set_full(number % 3 == 1);
        let large = Changes {
            puts: vec![("t".into(), vec![number as u8], vec![0; 1 << 20])],
            deletes: Vec::new(),
        };
        let first = states.commit(&large, &[block]);
        assert_eq!(first.is_err(), number % 3 == 1);
        disk.set_full(false);
        states
            .commit(&Changes::default(), &[block])
            .expect("there is room");
        (parent, root, model) = (block.hash, update.root(), after);
        let now = Block {
            number,
            hash: parent,
            parent,
            root,
            model: model.clone(),
        };
        assert_reads(&states, &now);
    }
    assert_eq!(states.check().expect("walked").problems, vec![]);
}

#[test]
fn a_proof_leads_from_the_root_to_the_value_or_its_absence() {
    let random = &mut Random(11);
    let store = Arc::new(Store::in_memory().expect("memory"));
    let states = States::open(store, Limits::default()).expect("opened");
    let (mut root, mut model) = (EMPTY_ROOT, Model::new());
    let stage = states.stage();
    for _ in 0..60 {
        let (changes, after) = changed(random, &model);
        let update = states
            .read(Some(&stage), root, |view| {
                TrieState::new(view, root).update(&changes)
            })
            .expect("updated");
        stage.keep(&update);
        (root, model) = (update.root(), after);
    }
    for number in 0..45 {
        let proof = states
            .read(Some(&stage), root, |view| {
                prove(view, root, address(number), &[U256::from(3)])
            })
            .expect("proved");
        assert_eq!(proof.account.is_some(), model.contains_key(&number));
        assert_eq!(keccak256(&proof.nodes[0]), root);
        for pair in proof.nodes.windows(2) {
            let below = keccak256(&pair[1]);
            assert!(pair[0].windows(32).any(|bytes| bytes == below.as_slice()));
        }
        let slots = model
            .get(&number)
            .map(|plain| plain.storage.clone())
            .unwrap_or_default();
        let value = slots.get(&3).copied().unwrap_or_default();
        assert_eq!(proof.slots[0].value, U256::from(value));
        assert_eq!(proof.slots[0].nodes.is_empty(), slots.is_empty());
    }
}
