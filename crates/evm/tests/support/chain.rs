//! Accounts whose keys are known, the transactions that they sign, and blocks of them on a state in memory.
use std::sync::atomic::AtomicBool;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2718::Encodable2718;
use alloy_eips::eip7702::{Authorization, SignedAuthorization};
use alloy_primitives::{keccak256, Address, Bytes, Signature, TxKind, B256, U256};
use quip_evm::{
    recover_all, verify, Block, BlockEnvironment, Executed, ExecutionError, Fork, Precompiles,
    Rules, Signed,
};
use quip_keys::ecdsa;
use quip_state::{
    AccountChange, AccountValue, MemoryStates, State, StateChanges, StateReader, EMPTY_ROOT,
};

use super::Hashes;

pub const CHAIN_ID: u64 = 20_050;
pub const BASE_FEE: u64 = 100;
pub const BENEFICIARY: Address = Address::repeat_byte(0xbe);
pub const RULES: Rules = Rules {
    fork: Fork::Osaka,
    chain_id: CHAIN_ID,
};
/// Of every account.
pub const WEALTH: u64 = 1_000_000_000_000_000_000;

/// A key, and the address that it has.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    secret: [u8; 32],
    pub address: Address,
}

impl Account {
    pub fn new(number: u8) -> Self {
        let secret = [number; 32];
        let public = ecdsa::public_key(&secret).expect("a secret");
        let point = ecdsa::uncompressed(&public).expect("a key");
        let address = Address::from_slice(&keccak256(point)[12..]);
        Self { secret, address }
    }

    fn sign(&self, digest: B256) -> Signature {
        let signed = ecdsa::sign(&self.secret, digest.as_slice()).expect("signed");
        Signature::from_bytes_and_parity(&signed[..64], signed[64] == 1)
    }

    fn seal<T: SignableTransaction<Signature>>(&self, transaction: T) -> Vec<u8>
    where
        alloy_consensus::TxEnvelope: From<alloy_consensus::Signed<T>>,
    {
        let signature = self.sign(transaction.signature_hash());
        alloy_consensus::TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()
    }

    /// Lets the account's transactions be run with another's code (EIP-7702).
    pub fn authorize(&self, address: Address, nonce: u64) -> SignedAuthorization {
        let authorization = Authorization {
            chain_id: U256::from(CHAIN_ID),
            address,
            nonce,
        };
        let signature = self.sign(authorization.signature_hash());
        authorization.into_signed(signature)
    }
}

/// What a transaction says, for any type.
#[derive(Clone, Debug)]
pub struct Wish {
    pub kind: u8,
    pub nonce: u64,
    pub gas: u64,
    pub fee: u128,
    pub tip: u128,
    pub to: TxKind,
    pub value: U256,
    pub data: Bytes,
    pub authorizations: Vec<SignedAuthorization>,
}

impl Wish {
    /// A transfer of 1 wei.
    pub fn to(address: Address) -> Self {
        Self {
            kind: 2,
            nonce: 0,
            gas: 100_000,
            fee: 2 * u128::from(BASE_FEE),
            tip: 3,
            to: address.into(),
            value: U256::ONE,
            data: Bytes::new(),
            authorizations: Vec::new(),
        }
    }

    pub fn encode(self, from: &Account) -> Vec<u8> {
        let (chain_id, nonce, gas_limit, to) = (CHAIN_ID, self.nonce, self.gas, self.to);
        let (value, input, gas_price) = (self.value, self.data, self.fee);
        let access_list = alloy_eips::eip2930::AccessList::default();
        match self.kind {
            0 => {
                let chain_id = Some(chain_id);
                from.seal(TxLegacy {
                    chain_id,
                    nonce,
                    gas_price,
                    gas_limit,
                    to,
                    value,
                    input,
                })
            }
            1 => from.seal(TxEip2930 {
                chain_id,
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                access_list,
                input,
            }),
            2 => from.seal(TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                to,
                value,
                access_list,
                input,
                max_fee_per_gas: self.fee,
                max_priority_fee_per_gas: self.tip,
            }),
            _ => from.seal(TxEip7702 {
                chain_id,
                nonce,
                gas_limit,
                value,
                access_list,
                input,
                to: *to.to().expect("type 4 creates nothing"),
                max_fee_per_gas: self.fee,
                max_priority_fee_per_gas: self.tip,
                authorization_list: self.authorizations,
            }),
        }
    }

    pub fn sign(self, from: &Account) -> Signed {
        let encoded = self.encode(from);
        recover_all(&[encoded]).remove(0).expect("lawful")
    }
}

/// A state in memory that blocks are run on.
pub struct World {
    pub states: MemoryStates,
    pub root: B256,
    pub environment: BlockEnvironment,
    pub precompiles: Precompiles,
    pub payments: Vec<(Address, U256)>,
    pub ancestors: Hashes,
}

impl World {
    /// Accounts 1 to 9, rich.
    pub fn new() -> Self {
        let mut world = Self {
            states: MemoryStates::default(),
            root: EMPTY_ROOT,
            environment: BlockEnvironment {
                number: 7,
                parent_hash: B256::repeat_byte(6),
                beneficiary: BENEFICIARY,
                timestamp: 1_000,
                gas_limit: 30_000_000,
                base_fee: BASE_FEE,
                randomness: B256::repeat_byte(5),
            },
            precompiles: Precompiles::Ethereum,
            payments: Vec::new(),
            ancestors: Hashes::default(),
        };
        for number in 1..10 {
            world.put(Account::new(number).address, WEALTH, &[]);
        }
        world
    }

    pub fn put(&mut self, address: Address, balance: u64, code: &[u8]) {
        let code = Bytes::copy_from_slice(code);
        let code_hash = keccak256(&code);
        let value = AccountValue {
            nonce: u64::from(!code.is_empty()),
            balance: U256::from(balance),
            code_hash,
        };
        let change = AccountChange {
            value: Some(value),
            ..AccountChange::default()
        };
        let changes = StateChanges {
            accounts: [(address, change)].into(),
            codes: [(code_hash, code)].into(),
        };
        let update = self
            .states
            .state(self.root)
            .update(&changes)
            .expect("in memory");
        self.states.keep(&update);
        self.root = update.root();
    }

    pub fn with_block<T>(&self, run: impl FnOnce(Block<'_>) -> T) -> T {
        run(Block {
            rules: &RULES,
            environment: &self.environment,
            state: &self.states.state(self.root),
            ancestors: &self.ancestors,
            precompiles: &self.precompiles,
            payments: &self.payments,
        })
    }

    pub fn verify(&self, transactions: &[Signed]) -> Result<Executed, ExecutionError> {
        self.with_block(|block| verify(block, transactions, &AtomicBool::new(false)))
    }

    /// Runs a block and goes on from there.
    pub fn run(&mut self, transactions: &[Signed]) -> Executed {
        let executed = self.verify(transactions).expect("a lawful block");
        self.states.keep(&executed.state);
        self.root = executed.state.root();
        executed
    }

    pub fn balance(&self, address: Address) -> U256 {
        let account = self
            .states
            .state(self.root)
            .account(address)
            .expect("in memory");
        account.map_or(U256::ZERO, |account| account.balance)
    }

    pub fn slot(&self, address: Address, slot: u64) -> U256 {
        self.states
            .state(self.root)
            .storage(address, U256::from(slot))
            .expect("in memory")
    }
}
