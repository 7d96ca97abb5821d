//! What both halves of a transaction sign: EIP-712 typed data, so that a browser's or a hardware wallet makes the ECDSA
//! half with `eth_signTypedData_v4`. (The signatures are no part of it, and the transaction's own type is in the domain.)
use std::sync::LazyLock;

use alloy_eip2930::{AccessList, AccessListItem};
use alloy_primitives::{keccak256, FixedBytesSliceExt, TxKind, B256, U256};

use crate::transaction::Payload;

const DOMAIN: &str = "EIP712Domain(string name,string version,uint256 chainId)";
const NAME: &str = "quip/tx";
const VERSION: &str = "1";
const ACCESS_TUPLE: &str = "AccessTuple(address account,bytes32[] storageKeys)";
/// encodeType: the referenced type follows the primary one.
const TRANSACTION: &str = "Transaction(uint64 nonce,uint256 maxPriorityFeePerGas,uint256 maxFeePerGas,uint64 gas,\
    bytes to,uint256 value,bytes data,AccessTuple[] accessList,address sender,uint8 suite,bytes ecdsaKey,\
    bytes xmssKey,uint64 leafIndex)AccessTuple(address account,bytes32[] storageKeys)";

static DOMAIN_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(DOMAIN));
static NAME_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(NAME));
static VERSION_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(VERSION));
static ACCESS_TUPLE_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(ACCESS_TUPLE));
static TRANSACTION_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(TRANSACTION));

fn number(value: u64) -> B256 {
    U256::from(value).into()
}

fn hash_of(words: &[B256]) -> B256 {
    keccak256(words.as_flattened())
}

fn domain_separator(chain_id: u64) -> B256 {
    hash_of(&[*DOMAIN_HASH, *NAME_HASH, *VERSION_HASH, number(chain_id)])
}

fn access_tuple(item: &AccessListItem) -> B256 {
    let keys = hash_of(&item.storage_keys);
    hash_of(&[*ACCESS_TUPLE_HASH, item.address.into_word(), keys])
}

fn access_list(list: &AccessList) -> B256 {
    let tuples: Vec<B256> = list.0.iter().map(access_tuple).collect();
    hash_of(&tuples)
}

/// keccak256(0x1901 || domain separator || hashStruct(transaction)).
pub fn digest(payload: &Payload) -> B256 {
    let to = match &payload.to {
        TxKind::Create => keccak256([]),
        TxKind::Call(address) => keccak256(address),
    };
    let transaction = hash_of(&[
        *TRANSACTION_HASH,
        number(payload.nonce),
        U256::from(payload.max_priority_fee_per_gas).into(),
        U256::from(payload.max_fee_per_gas).into(),
        number(payload.gas_limit),
        to,
        payload.value.into(),
        keccak256(&payload.data),
        access_list(&payload.access_list),
        payload.sender.into_word(),
        number(payload.keys.suite().into()),
        keccak256(payload.keys.ecdsa()),
        keccak256(payload.keys.xmss()),
        number(payload.leaf),
    ]);
    let mut message = [0; 66];
    message[..2].copy_from_slice(&[0x19, 0x01]);
    message[2..34].copy_from_slice(domain_separator(payload.chain_id).as_slice());
    message[34..].copy_from_slice(transaction.as_slice());
    keccak256(message)
}
