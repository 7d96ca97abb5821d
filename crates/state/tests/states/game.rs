//! A chain with branches, reorganisations, restarts, flushes and prunings, each step of it by chance.
use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::{keccak256, B256, U256};
use quip_state::{
    BlockState, Limits, State, StateReader, StateUpdate, States, TrieState, EMPTY_ROOT,
};
use quip_store::{Changes, ScanRange, Store, StoreError};

use crate::models::{address, changed, nodes_of, Block, Model, Random};

pub fn assert_reads(states: &States, block: &Block) {
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

    /// The rows that name the canonical blocks up to this one.
    fn index(&self, block: &Block) -> Vec<(String, Vec<u8>, Vec<u8>)> {
        let mut puts = Vec::new();
        let mut entering = block;
        loop {
            let key = entering.number.to_be_bytes().to_vec();
            puts.push(("canonical".to_string(), key, entering.hash.to_vec()));
            if entering.number == 0 {
                return puts;
            }
            entering = self.get(entering.parent);
        }
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

pub fn rows(store: &Store, table: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
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

/// A chain that is played by chance.
struct Game {
    seed: u64,
    random: Random,
    limits: Limits,
    store: Arc<Store>,
    states: States,
    chain: Chain,
}

impl Game {
    fn new(seed: u64, limits: Limits) -> Self {
        let store = Arc::new(Store::in_memory().expect("memory"));
        Self {
            seed,
            random: Random(seed),
            limits,
            states: States::open(store.clone(), limits).expect("opened"),
            store,
            chain: Chain {
                blocks: Vec::new(),
                head: B256::ZERO,
            },
        }
    }

    /// What the next block stands on: the head, or one of the last few blocks, or nothing at all.
    fn parent(&mut self) -> Option<Block> {
        match self.chain.blocks.len() {
            0 => None,
            _ if self.random.below(4) > 0 => Some(self.chain.get(self.chain.head).clone()),
            many => {
                let near = self.random.below(many.min(6) as u64) as usize;
                Some(self.chain.blocks[many - 1 - near].clone())
            }
        }
    }

    /// The next block and its update; nothing where the parent's state was dropped meanwhile.
    fn next_block(&mut self, step: u64) -> Option<(Block, StateUpdate)> {
        let parent = self.parent();
        let root = parent.as_ref().map_or(EMPTY_ROOT, |parent| parent.root);
        let model = parent
            .as_ref()
            .map_or(Model::new(), |one| one.model.clone());
        let (changes, model) = changed(&mut self.random, &model);
        let update = self.states.read(None, root, |view| {
            TrieState::new(view, root).update(&changes)
        });
        let update = match update {
            Ok(update) => update,
            Err(StoreError::Missing(_)) if step > 0 => return None,
            Err(error) => panic!("{error}"),
        };
        let block = Block {
            number: parent.as_ref().map_or(0, |parent| parent.number + 1),
            hash: keccak256([self.seed.to_be_bytes(), step.to_be_bytes()].concat()),
            parent: parent.map_or(B256::ZERO, |parent| parent.hash),
            root: update.root(),
            model,
        };
        Some((block, update))
    }

    fn becomes_head(&mut self, block: &Block) -> bool {
        match self.chain.blocks.iter().map(|block| block.number).max() {
            None => true,
            Some(height) => {
                block.number > height || (block.number == height && self.random.below(2) == 0)
            }
        }
    }

    fn grow(&mut self, step: u64) {
        let Some((block, update)) = self.next_block(step) else {
            return;
        };
        let is_head = self.becomes_head(&block);
        self.chain.blocks.push(block.clone());
        let mut changes = Changes::default();
        if is_head {
            self.chain.head = block.hash;
            changes.puts = self.chain.index(&block);
        }
        let made = BlockState {
            number: block.number,
            hash: block.hash,
            parent: block.parent,
            update: &update,
            is_head,
        };
        match self.states.commit(&changes, &[made]) {
            Ok(()) => {}
            // The parent was dropped, and another state has its root.
            Err(StoreError::Missing(_)) if step > 0 => {
                self.chain.blocks.pop();
                if is_head {
                    self.chain.head = self.states.head().expect("one").hash;
                }
                return;
            }
            Err(error) => panic!("{error}"),
        }
        let head = self.states.head().map(|head| head.hash);
        assert_eq!(head, Some(self.chain.head));
        self.disturb();
    }

    /// Now and then a restart, a look at everything, or a way back.
    fn disturb(&mut self) {
        if self.random.below(9) == 0 {
            // What is replayed is what was there.
            let empty = Arc::new(Store::in_memory().expect("memory"));
            self.states = States::open(empty, self.limits).expect("opened");
            self.states = States::open(self.store.clone(), self.limits).expect("opened again");
        }
        if self.random.below(16) == 0 {
            let head = self.chain.get(self.chain.head).clone();
            assert_reads(&self.states, &head);
            assert_exact(&self.chain, &self.states, &self.store, false);
        }
        if self.random.below(25) == 0 {
            self.states.flush().expect("flushed");
            self.go_back();
        }
    }

    fn go_back(&mut self) {
        let oldest = self.states.oldest().expect("one at least").number;
        let height = self.chain.get(self.chain.head).number;
        let target = oldest + self.random.below(height - oldest + 1);
        let target = self.chain.canonical(target).clone();
        self.states
            .rewind(target.number, target.hash)
            .expect("kept");
        self.chain.head = target.hash;
        let blocks = &mut self.chain.blocks;
        blocks.retain(|block| block.number <= target.number);
        assert_exact(&self.chain, &self.states, &self.store, true);
    }
}

pub fn played(seed: u64, limits: Limits, steps: u64) {
    let mut game = Game::new(seed, limits);
    for step in 0..steps {
        game.grow(step);
    }
    game.states.prune().expect("pruned");
    assert_exact(&game.chain, &game.states, &game.store, true);
    let head = game.chain.get(game.chain.head).number;
    let oldest = game.states.oldest().expect("one at least").number;
    assert!(oldest >= (head + 1).saturating_sub(limits.retained)); // above it after going back
}
