//! What the executor costs beside revm alone: `cargo bench -p quip-evm` prints one line of JSON, for
//! benchmarks/benchmark_evm.py. Times are this thread's own (CLOCK_THREAD_CPUTIME_ID); sides take turns; medians.
use std::collections::HashMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::AtomicBool;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{hex, keccak256, Address, Bytes, Signature, B256, U256};
use quip_evm::{
    recover_all, verify, Ancestors, Block, BlockEnvironment, Executor, Fork, Precompiles, Rules,
    Signed,
};
use quip_keys::ecdsa;
use quip_state::{
    Account, AccountChange, AccountValue, MemoryStates, State, StateChanges, StateReader,
    EMPTY_ROOT,
};
use quip_store::StoreError;
use revm::bytecode::Bytecode;
use revm::context::{BlockEnv, Context, TxEnv};
use revm::database::State as RevmState;
use revm::database_interface::Database;
use revm::primitives::hardfork::SpecId;
use revm::state::AccountInfo;
use revm::{ExecuteCommitEvm, MainBuilder};

const ROUNDS: usize = 7;
const TRANSFERS: u64 = 1_400;
const TOKEN: Address = Address::repeat_byte(0x70);
const LOOP: Address = Address::repeat_byte(0x10);
/// Turns of the loop: 16 M gas, below EIP-7825's cap.
const TURNS: u32 = 550_000;
const WEALTH: u64 = 1 << 60;
const BASE_FEE: u64 = 7;
const GAS_LIMIT: u64 = 120_000_000;
const RULES: Rules = Rules {
    fork: Fork::Osaka,
    chain_id: 1,
};
/// ERC-20's transfer(address, uint256) over the mapping in slot 0, with its event; the selector is not looked at.
const TOKEN_CODE: [u8; 97] = hex!(
    "602435335f525f60205260405f208054828110605d5782900390556004355f5260405f208054820190555f5260043533"
    "7fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60205fa360015f5260205ff35b5f5ffd"
);

/// for (i = 0; i < TURNS; i++) {}
fn loop_code() -> Vec<u8> {
    let mut code = hex!("5f5b6001018063").to_vec();
    code.extend(TURNS.to_be_bytes());
    code.extend(hex!("11600157"));
    code
}

/// A state in memory without tries: what a flat state is at best.
#[derive(Clone, Default)]
struct Memory {
    accounts: HashMap<Address, Account>,
    slots: HashMap<(Address, U256), U256>,
    codes: HashMap<B256, Bytes>,
}

impl StateReader for Memory {
    fn account(&self, address: Address) -> Result<Option<Account>, StoreError> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        Ok(self
            .slots
            .get(&(address, slot))
            .copied()
            .unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, StoreError> {
        Ok(self.codes[&hash].clone())
    }
}

/// The same state as revm reads it, with nothing of ours between.
struct Bare<'a>(&'a Memory);

impl Database for Bare<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.0.accounts.get(&address).map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            code: None,
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::new_legacy(self.0.codes[&hash].clone()))
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self
            .0
            .slots
            .get(&(address, slot))
            .copied()
            .unwrap_or_default())
    }

    fn block_hash(&mut self, _number: u64) -> Result<B256, Infallible> {
        Ok(B256::ZERO)
    }
}

struct NoAncestors;

impl Ancestors for NoAncestors {
    fn hash(&self, _number: u64) -> Result<B256, StoreError> {
        Err(StoreError::corrupt("no ancestors here"))
    }

    fn header(&self, _number: u64) -> Result<Option<Bytes>, StoreError> {
        Err(StoreError::corrupt("no ancestors here"))
    }
}

fn secret(number: u64) -> [u8; 32] {
    keccak256(number.to_be_bytes()).0
}

fn address_of(secret: &[u8; 32]) -> Address {
    let public = ecdsa::public_key(secret).expect("a secret");
    let point = ecdsa::uncompressed(&public).expect("a key");
    Address::from_slice(&keccak256(point)[12..])
}

fn encoded(secret: &[u8; 32], to: Address, gas_limit: u64, input: Bytes) -> Vec<u8> {
    let transaction = TxEip1559 {
        chain_id: 1,
        gas_limit,
        max_fee_per_gas: 2 * u128::from(BASE_FEE),
        max_priority_fee_per_gas: 1,
        to: to.into(),
        input,
        ..TxEip1559::default()
    };
    let signed = ecdsa::sign(secret, transaction.signature_hash().as_slice()).expect("signed");
    let signature = Signature::from_bytes_and_parity(&signed[..64], signed[64] == 1);
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()
}

fn transfer(number: u64) -> Vec<u8> {
    let mut input = hex!("a9059cbb").to_vec();
    let to = Address::left_padding_from(&(number + 1_000_000).to_be_bytes());
    input.extend(B256::left_padding_from(to.as_slice()));
    input.extend(U256::from(5).to_be_bytes::<32>());
    encoded(&secret(number), TOKEN, 100_000, input.into())
}

/// The slot of an address's balance in the token.
fn balance_slot(holder: Address) -> U256 {
    let mut key = [0; 64];
    key[12..32].copy_from_slice(holder.as_slice());
    keccak256(key).into()
}

fn world() -> Memory {
    let mut memory = Memory::default();
    let account = |code_hash| Account {
        nonce: 0,
        balance: U256::from(WEALTH),
        storage_root: EMPTY_ROOT,
        code_hash,
    };
    for (address, code) in [(TOKEN, TOKEN_CODE.to_vec()), (LOOP, loop_code())] {
        let hash = keccak256(&code);
        memory.codes.insert(hash, code.into());
        memory.accounts.insert(address, account(hash));
    }
    memory.codes.insert(keccak256([]), Bytes::new());
    for number in 0..TRANSFERS {
        let holder = address_of(&secret(number));
        memory.accounts.insert(holder, account(keccak256([])));
        memory
            .slots
            .insert((TOKEN, balance_slot(holder)), U256::from(1_000_000));
    }
    memory
}

fn environment() -> BlockEnvironment {
    BlockEnvironment {
        number: 1,
        parent_hash: B256::ZERO,
        beneficiary: Address::repeat_byte(0xbe),
        timestamp: 1,
        gas_limit: GAS_LIMIT,
        base_fee: BASE_FEE,
        randomness: B256::ZERO,
    }
}

/// Gas used by the executor.
fn with_executor(memory: &Memory, signed: &[Signed]) -> u64 {
    let environment = environment();
    let mut executor = Executor::new(
        memory,
        &NoAncestors,
        &RULES,
        &environment,
        &Precompiles::Ethereum,
    );
    let mut gas = 0;
    for one in signed {
        let result = executor.transact(one).expect("lawful");
        assert!(result.is_success());
        gas += result.tx_gas_used();
    }
    black_box(executor.into_changes());
    gas
}

fn tx_env(signed: &Signed) -> TxEnv {
    use alloy_consensus::Transaction as _;
    let fields = signed.transaction.fields();
    TxEnv {
        tx_type: 2,
        caller: signed.sender,
        gas_limit: fields.gas_limit(),
        gas_price: fields.max_fee_per_gas(),
        gas_priority_fee: fields.max_priority_fee_per_gas(),
        kind: fields.kind(),
        data: fields.input().clone(),
        ..TxEnv::default()
    }
}

/// Gas used by revm alone, on the same state.
fn with_revm(memory: &Memory, transactions: &[TxEnv]) -> u64 {
    let database = RevmState::builder().with_database(Bare(memory)).build();
    let block = BlockEnv {
        gas_limit: GAS_LIMIT,
        basefee: BASE_FEE,
        ..BlockEnv::default()
    };
    let context: Context<BlockEnv, TxEnv, _, _> = Context::new(database, SpecId::OSAKA);
    let mut evm = context.with_block(block).build_mainnet();
    let mut gas = 0;
    for one in transactions {
        let result = evm.transact_commit(one.clone()).expect("lawful");
        assert!(result.is_success());
        gas += result.tx_gas_used();
    }
    gas
}

/// Seconds that this thread has computed.
fn thread_seconds() -> f64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure is ours and lives through the call.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    assert_eq!(failed, 0, "a clock that POSIX asks for");
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// Median seconds of each, taking turns.
fn medians<const N: usize>(mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut seconds = [(); N].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        for (work, seconds) in works.iter_mut().zip(&mut seconds) {
            let started = thread_seconds();
            work();
            seconds.push(thread_seconds() - started);
        }
    }
    seconds.map(|mut all| {
        all.sort_by(f64::total_cmp);
        all[ROUNDS / 2]
    })
}

/// The state in a trie, from which a whole block is run: reads, execution, receipts, root.
fn in_trie(memory: &Memory) -> (MemoryStates, B256) {
    let mut changes = StateChanges {
        codes: memory.codes.clone().into_iter().collect(),
        ..StateChanges::default()
    };
    for (address, account) in &memory.accounts {
        let value = AccountValue {
            nonce: account.nonce,
            balance: account.balance,
            code_hash: account.code_hash,
        };
        let slots = memory
            .slots
            .iter()
            .filter(|((holder, _), _)| holder == address);
        let change = AccountChange {
            value: Some(value),
            storage: slots.map(|((_, slot), value)| (*slot, *value)).collect(),
            wiped: false,
        };
        changes.accounts.insert(*address, change);
    }
    let states = MemoryStates::default();
    let update = states
        .state(EMPTY_ROOT)
        .update(&changes)
        .expect("in memory");
    states.keep(&update);
    (states, update.root())
}

fn whole_block(states: &MemoryStates, root: B256, signed: &[Signed]) -> B256 {
    let block = Block {
        rules: &RULES,
        environment: &environment(),
        state: &states.state(root),
        ancestors: &NoAncestors,
        precompiles: &Precompiles::Ethereum,
        payments: &[],
    };
    let executed = verify(block, signed, &AtomicBool::new(false)).expect("lawful");
    black_box(executed.receipts.root());
    executed.state.root()
}

fn signed(encoded: &[Vec<u8>]) -> Vec<Signed> {
    let recovered: Result<Vec<_>, _> = recover_all(encoded).into_iter().collect();
    recovered.expect("lawful")
}

fn main() {
    let memory = world();
    let transfers: Vec<Vec<u8>> = (0..TRANSFERS).map(transfer).collect();
    let loops = signed(&[encoded(&secret(0), LOOP, 1 << 24, Bytes::new())]);
    let tokens = signed(&transfers);
    let bare_loops: Vec<_> = loops.iter().map(tx_env).collect();
    let bare_tokens: Vec<_> = tokens.iter().map(tx_env).collect();
    let gas = with_executor(&memory, &loops);
    assert_eq!(gas, with_revm(&memory, &bare_loops), "the same work");
    assert_eq!(
        with_executor(&memory, &tokens),
        with_revm(&memory, &bare_tokens)
    );
    let (states, root) = in_trie(&memory);
    let [loop_own, loop_bare, token_own, token_bare, block] = medians([
        &mut || {
            black_box(with_executor(&memory, &loops));
        },
        &mut || {
            black_box(with_revm(&memory, &bare_loops));
        },
        &mut || {
            black_box(with_executor(&memory, &tokens));
        },
        &mut || {
            black_box(with_revm(&memory, &bare_tokens));
        },
        &mut || {
            black_box(whole_block(&states, root, &tokens));
        },
    ]);
    let mgas = |seconds: f64| gas as f64 / seconds / 1e6;
    let per_second = |seconds: f64| TRANSFERS as f64 / seconds;
    println!(
        "{{\"loop_own\": {:.1}, \"loop_bare\": {:.1}, \"erc20_own\": {:.0}, \"erc20_bare\": {:.0}, \"erc20_block\": {:.0}}}",
        mgas(loop_own), mgas(loop_bare), per_second(token_own), per_second(token_bare), per_second(block),
    );
}
