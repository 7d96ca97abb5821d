//! Random chains with branches, reorganisations, restarts, flushes and prunings, against plain maps.
mod game;
mod models;

use std::sync::Arc;

use alloy_primitives::{keccak256, B256, U256};
use quip_state::{prove, BlockState, Limits, State, States, TrieState, EMPTY_ROOT};
use quip_store::{Changes, FaultyDisk, Store};

use crate::game::{assert_reads, played, rows};
use crate::models::{address, changed, Block, Model, Random};

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
