//! Published test files: where they lie, how they are read, and a state in memory that holds whatever they say.
#![allow(dead_code)] // every test file takes what it needs

pub mod chain;
pub mod questions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use alloy_primitives::{hex, keccak256, Address, Bytes, B256, KECCAK256_EMPTY, U256};
use alloy_rlp::Encodable;
use quip_evm::Ancestors;
use quip_state::{Account, Empty, StateChanges, StateReader, Trie, EMPTY_ROOT};
use quip_store::StoreError;
use serde_json::Value;

/// The published files of a folder, which lie beside the project; none where they are not there.
pub fn files(folder: &str) -> Vec<PathBuf> {
    below(&format!("../shared/vectors/ethereum/{folder}"))
}

/// The files below a path that begins at the project's root.
pub fn below(path: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    collect(&root.join(path), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
}

pub fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a readable file");
    serde_json::from_str(&text).expect("JSON")
}

pub fn name_of(path: &Path) -> String {
    let name = path.file_stem().expect("a file").to_string_lossy();
    name.into_owned()
}

/// The fields of an object.
pub fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().expect("an object").iter()
}

pub fn bytes(value: &Value) -> Bytes {
    hex::decode(value.as_str().expect("a string"))
        .expect("hex")
        .into()
}

pub fn number(value: &Value) -> U256 {
    let text = value.as_str().expect("a string");
    let digits = text.strip_prefix("0x").expect("hexadecimal");
    U256::from_str_radix(digits, 16).expect("a number")
}

pub fn small(value: &Value) -> u64 {
    number(value).to()
}

pub fn hash(value: &Value) -> B256 {
    B256::from_slice(&bytes(value))
}

pub fn addressed(value: &Value) -> Address {
    Address::from_slice(&bytes(value))
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub nonce: u64,
    pub balance: U256,
    pub code: Bytes,
    pub storage: BTreeMap<U256, U256>,
}

/// A state as the files write it: also one with empty accounts, or with storage where there is no code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alloc {
    pub accounts: BTreeMap<Address, Entry>,
    codes: BTreeMap<B256, Bytes>,
}

impl From<BTreeMap<Address, Entry>> for Alloc {
    fn from(accounts: BTreeMap<Address, Entry>) -> Self {
        let codes = accounts.values();
        Self {
            codes: codes
                .map(|entry| (keccak256(&entry.code), entry.code.clone()))
                .collect(),
            accounts,
        }
    }
}

impl Alloc {
    pub fn new(value: &Value) -> Self {
        let entry = |account: &Value| Entry {
            nonce: small(&account["nonce"]),
            balance: number(&account["balance"]),
            code: bytes(&account["code"]),
            storage: fields(&account["storage"])
                .map(|(slot, value)| (number(&Value::from(slot.as_str())), number(value)))
                .filter(|(_, value)| !value.is_zero())
                .collect(),
        };
        let accounts = fields(value)
            .map(|(address, account)| (addressed(&Value::from(address.as_str())), entry(account)));
        accounts.collect::<BTreeMap<_, _>>().into()
    }

    pub fn apply(&mut self, changes: &StateChanges) {
        self.codes.extend(changes.codes.clone());
        for (address, change) in &changes.accounts {
            let Some(value) = change.value else {
                self.accounts.remove(address);
                continue;
            };
            let entry = self.accounts.entry(*address).or_default();
            if change.wiped {
                entry.storage.clear();
            }
            if keccak256(&entry.code) != value.code_hash {
                entry.code = match value.code_hash {
                    KECCAK256_EMPTY => Bytes::new(),
                    hash => self.codes[&hash].clone(),
                };
            }
            (entry.nonce, entry.balance) = (value.nonce, value.balance);
            entry.storage.extend(&change.storage);
            entry.storage.retain(|_, value| !value.is_zero());
        }
    }

    /// The root that Ethereum has for exactly these accounts.
    pub fn root(&self) -> B256 {
        let mut trie = Trie::new(None, EMPTY_ROOT, &Empty);
        for (address, entry) in &self.accounts {
            let mut storage = Trie::new(None, EMPTY_ROOT, &Empty);
            for (slot, value) in &entry.storage {
                let key = keccak256(slot.to_be_bytes::<32>());
                storage
                    .set(key.as_slice(), &alloy_rlp::encode(value))
                    .expect("in memory");
            }
            let mut payload = Vec::new();
            entry.nonce.encode(&mut payload);
            entry.balance.encode(&mut payload);
            storage.commit().root.encode(&mut payload);
            keccak256(&entry.code).encode(&mut payload);
            let mut encoded = Vec::new();
            let header = alloy_rlp::Header {
                list: true,
                payload_length: payload.len(),
            };
            header.encode(&mut encoded);
            encoded.extend(payload);
            trie.set(keccak256(address).as_slice(), &encoded)
                .expect("in memory");
        }
        trie.commit().root
    }
}

impl StateReader for Alloc {
    fn account(&self, address: Address) -> Result<Option<Account>, StoreError> {
        Ok(self.accounts.get(&address).map(|entry| Account {
            nonce: entry.nonce,
            balance: entry.balance,
            storage_root: EMPTY_ROOT,
            code_hash: keccak256(&entry.code),
        }))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StoreError> {
        let entry = self.accounts.get(&address);
        Ok(entry
            .and_then(|entry| entry.storage.get(&slot).copied())
            .unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, StoreError> {
        Ok(self
            .codes
            .get(&hash)
            .expect("the code of an account")
            .clone())
    }
}

/// Blocks whose hashes are made from their numbers, as state tests have them; or those of a chain.
#[derive(Clone, Debug, Default)]
pub struct Hashes(pub BTreeMap<u64, B256>);

impl Ancestors for Hashes {
    fn hash(&self, number: u64) -> Result<B256, StoreError> {
        let made = || keccak256(number.to_string());
        Ok(self.0.get(&number).copied().unwrap_or_else(made))
    }

    fn header(&self, _number: u64) -> Result<Option<Bytes>, StoreError> {
        Err(StoreError::corrupt(
            "these files have no headers of this chain",
        ))
    }
}
