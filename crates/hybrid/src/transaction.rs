//! Transactions of type 0x51: 0x51 || RLP([chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gas, to, value, data,
//! accessList, sender, suite, [ECDSA key, XMSS key], leafIndex, v, r, s, xmss]).
//!
//! There is one encoding of a transaction, and one pair of signatures for what was signed under a leaf: integers have no
//! leading zeros, lengths are the shortest, nothing is left over, s is low, v is 0 or 1.
use alloy_eip2930::AccessList;
use alloy_primitives::{keccak256, Address, Bytes, TxKind, B256, U256};
use alloy_rlp::{Decodable, Encodable, Header};

use crate::error::HybridError;
use crate::keys::HybridKeys;
use crate::typed_data;

/// The first byte (EIP-2718).
pub const TYPE: u8 = 0x51;
/// No lawful transaction is larger: a byte of data costs 10 gas at least (EIP-7623), one of an access list more, and a
/// transaction has at most 2^24 gas (EIP-7825).
pub const MAX_TRANSACTION_BYTES: usize = 2 << 20;

/// Everything that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub chain_id: u64,
    pub nonce: u64,
    /// Wei for each gas, at most.
    pub max_priority_fee_per_gas: u128,
    pub max_fee_per_gas: u128,
    pub gas_limit: u64,
    pub to: TxKind,
    /// Wei.
    pub value: U256,
    pub data: Bytes,
    pub access_list: AccessList,
    /// In the payload, because after a rotation it does not follow from the keys, and a miner's keys have two names.
    pub sender: Address,
    pub keys: HybridKeys,
    pub leaf: u64,
}

/// A payload and its two signatures, which may be wrong until `verify` says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridTransaction {
    pub payload: Payload,
    /// r || s || v.
    pub ecdsa: [u8; 65],
    pub xmss: Bytes,
}

fn malformed(what: &'static str) -> impl FnOnce(alloy_rlp::Error) -> HybridError {
    move |_| HybridError::Malformed(what)
}

/// The next field. Errors: Malformed, naming it.
fn field<T: Decodable>(rest: &mut &[u8], what: &'static str) -> Result<T, HybridError> {
    T::decode(rest).map_err(malformed(what))
}

/// The contents of the next list, which `rest` is moved past.
fn list<'a>(rest: &mut &'a [u8], what: &'static str) -> Result<&'a [u8], HybridError> {
    Header::decode_bytes(rest, true).map_err(malformed(what))
}

fn string<'a>(rest: &mut &'a [u8], what: &'static str) -> Result<&'a [u8], HybridError> {
    Header::decode_bytes(rest, false).map_err(malformed(what))
}

impl Payload {
    /// The 13 fields at the head of `rest`.
    fn decode_fields(rest: &mut &[u8]) -> Result<Self, HybridError> {
        let chain_id = field(rest, "chainId")?;
        let nonce = field(rest, "nonce")?;
        let max_priority_fee_per_gas = field(rest, "maxPriorityFeePerGas")?;
        let max_fee_per_gas = field(rest, "maxFeePerGas")?;
        let gas_limit = field(rest, "gas")?;
        let to = field(rest, "to")?;
        let value = field(rest, "value")?;
        let data = field(rest, "data")?;
        let access_list = field(rest, "accessList")?;
        let sender = field(rest, "sender")?;
        let suite = field(rest, "suite")?;
        let mut pair = list(rest, "publicKeys")?;
        let (ecdsa, xmss) = (
            string(&mut pair, "publicKeys")?,
            string(&mut pair, "publicKeys")?,
        );
        if !pair.is_empty() {
            return Err(HybridError::Malformed("publicKeys"));
        }
        let keys = HybridKeys::new(suite, ecdsa, xmss)?;
        let leaf = field(rest, "leafIndex")?;
        if leaf >= keys.leaves() {
            return Err(HybridError::LeafOutOfRange(leaf));
        }
        Ok(Self {
            chain_id,
            nonce,
            max_priority_fee_per_gas,
            max_fee_per_gas,
            gas_limit,
            to,
            value,
            data,
            access_list,
            sender,
            keys,
            leaf,
        })
    }

    /// From the RLP list of the 13 fields alone, for signers. Errors: TooLarge, Malformed, a bad key, LeafOutOfRange.
    pub fn decode(encoded: &[u8]) -> Result<Self, HybridError> {
        let mut fields = whole_list(encoded)?;
        let payload = Self::decode_fields(&mut fields)?;
        if !fields.is_empty() {
            return Err(HybridError::Malformed("a field too many"));
        }
        Ok(payload)
    }

    fn encode_fields(&self, out: &mut Vec<u8>) {
        self.chain_id.encode(out);
        self.nonce.encode(out);
        self.max_priority_fee_per_gas.encode(out);
        self.max_fee_per_gas.encode(out);
        self.gas_limit.encode(out);
        self.to.encode(out);
        self.value.encode(out);
        self.data.encode(out);
        self.access_list.encode(out);
        self.sender.encode(out);
        self.keys.suite().encode(out);
        let mut pair = Vec::new();
        self.keys.ecdsa()[..].encode(&mut pair);
        self.keys.xmss()[..].encode(&mut pair);
        as_list(&pair, out);
        self.leaf.encode(out);
    }

    /// What both halves sign (EIP-712).
    pub fn digest(&self) -> B256 {
        typed_data::digest(self)
    }

    /// Whether the sender is one of the names of the keys: the hybrid address or, of suite 0x02, the miner id. Not to be
    /// asked where a key policy names the account's keys.
    pub fn keys_name_sender(&self) -> bool {
        self.sender == self.keys.account_address()
            || (self.keys.suite() == crate::SUITE_MINING && self.sender == self.keys.miner_id())
    }
}

fn whole_list(encoded: &[u8]) -> Result<&[u8], HybridError> {
    if encoded.len() > MAX_TRANSACTION_BYTES {
        return Err(HybridError::TooLarge(encoded.len()));
    }
    let mut rest = encoded;
    let fields = list(&mut rest, "not a list")?;
    if !rest.is_empty() {
        return Err(HybridError::Malformed("bytes after the list"));
    }
    Ok(fields)
}

fn as_list(fields: &[u8], out: &mut Vec<u8>) {
    let head = Header {
        list: true,
        payload_length: fields.len(),
    };
    head.encode(out);
    out.extend_from_slice(fields);
}

/// r || s || v of the next three fields. Whether r and s are in range shows on recovery.
fn signature(rest: &mut &[u8]) -> Result<[u8; 65], HybridError> {
    let v: u8 = field(rest, "v")?;
    let r: U256 = field(rest, "r")?;
    let s: U256 = field(rest, "s")?;
    if v > 1 {
        return Err(HybridError::Malformed("v is neither 0 nor 1"));
    }
    let mut bytes = [v; 65];
    bytes[..32].copy_from_slice(&r.to_be_bytes::<32>());
    bytes[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    Ok(bytes)
}

impl HybridTransaction {
    /// From its bytes. Errors: TooLarge, Malformed, a bad key or length, LeafOutOfRange, OtherLeaf.
    pub fn decode(encoded: &[u8]) -> Result<Self, HybridError> {
        if encoded.len() > MAX_TRANSACTION_BYTES {
            return Err(HybridError::TooLarge(encoded.len()));
        }
        let (&kind, after) = encoded
            .split_first()
            .ok_or(HybridError::Malformed("no bytes"))?;
        if kind != TYPE {
            return Err(HybridError::Malformed("another type"));
        }
        let mut rest = whole_list(after)?;
        let payload = Payload::decode_fields(&mut rest)?;
        let ecdsa = signature(&mut rest)?;
        let xmss: Bytes = field(&mut rest, "xmss")?;
        if !rest.is_empty() {
            return Err(HybridError::Malformed("a field too many"));
        }
        let inside = payload.keys.leaf_of(&xmss)?;
        if inside != payload.leaf {
            return Err(HybridError::OtherLeaf(payload.leaf, inside));
        }
        Ok(Self {
            payload,
            ecdsa,
            xmss,
        })
    }

    /// The bytes, as in a block's body.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        self.payload.encode_fields(&mut fields);
        self.ecdsa[64].encode(&mut fields);
        U256::from_be_slice(&self.ecdsa[..32]).encode(&mut fields);
        U256::from_be_slice(&self.ecdsa[32..64]).encode(&mut fields);
        self.xmss.encode(&mut fields);
        let mut out = vec![TYPE];
        as_list(&fields, &mut out);
        out
    }

    /// keccak256 of the bytes.
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }

    /// Whether both halves sign the payload under its keys and leaf. Says nothing of the sender: ask
    /// `Payload::keys_name_sender`, or the account's key policy. Errors: OtherLeaf, Ecdsa, Xmss, a bad length.
    pub fn verify(&self) -> Result<(), HybridError> {
        let inside = self.payload.keys.leaf_of(&self.xmss)?;
        if inside != self.payload.leaf {
            return Err(HybridError::OtherLeaf(self.payload.leaf, inside));
        }
        self.payload
            .keys
            .verify(self.payload.digest(), &self.ecdsa, &self.xmss)
    }
}
