//! A header as it came: its 16 fields, strictly decoded and not copied, and the two hashes made from its bytes.
//!
//! Strict as `quip.consensus.types.header`: canonical RLP, exact lengths, integer ranges. Since there is one encoding of
//! a header, the bytes that were decoded are the bytes that are hashed and stored: nothing is encoded again.
use alloy_primitives::{keccak256, Keccak256, B256, U256};

/// Fields of a header.
pub const FIELDS: usize = 16;
/// Bytes of extraData that name the miner.
pub const MINER_ID_SIZE: usize = 20;
const MAX_EXTRA_SIZE: usize = 32;
const EXTRA_DATA: usize = 12;
const MIX_HASH: usize = 13;
const NONCE: usize = 14;
const BASE_FEE: usize = 15;
/// Exact lengths of the fields that have one.
const SIZES: [(usize, usize); 9] = [
    (0, 32),
    (1, 32),
    (2, 20),
    (3, 32),
    (4, 32),
    (5, 32),
    (6, 256),
    (MIX_HASH, 32),
    (NONCE, 8),
];

/// A well-formed header. Its values may still be unlawful.
#[derive(Debug, Clone)]
pub struct Header<'a> {
    /// The contents of the 16 fields, in order.
    pub fields: [&'a [u8]; FIELDS],
    pub difficulty: U256,
    pub number: u64,
    pub gas_limit: u64,
    pub gas_used: u64,
    pub timestamp: u64,
    pub base_fee: U256,
    encoded: &'a [u8],
    /// Of the encoding: the fields before the mixHash, and the base fee.
    head: &'a [u8],
    tail: &'a [u8],
}

/// Minimal big-endian bytes of at most 256 bits.
fn integer(bytes: &[u8]) -> Option<U256> {
    if bytes.first() == Some(&0) || bytes.len() > 32 {
        return None;
    }
    Some(U256::from_be_slice(bytes))
}

fn integer_u64(bytes: &[u8]) -> Option<u64> {
    integer(bytes)?.try_into().ok()
}

impl<'a> Header<'a> {
    /// The header in its RLP; None where the bytes are not exactly one well-formed header.
    pub fn decode(encoded: &'a [u8]) -> Option<Self> {
        let mut rest = encoded;
        let list = alloy_rlp::Header::decode(&mut rest).ok()?;
        if !list.list || list.payload_length != rest.len() {
            return None;
        }
        let payload = rest;
        let mut fields = [&[][..]; FIELDS];
        let mut ends = [0; FIELDS];
        for (field, end) in fields.iter_mut().zip(&mut ends) {
            let item = alloy_rlp::Header::decode(&mut rest).ok()?;
            if item.list {
                return None;
            }
            (*field, rest) = rest.split_at_checked(item.payload_length)?;
            *end = payload.len() - rest.len();
        }
        let sized = SIZES
            .iter()
            .all(|&(index, size)| fields[index].len() == size);
        if !rest.is_empty() || !sized || fields[EXTRA_DATA].len() > MAX_EXTRA_SIZE {
            return None;
        }
        Some(Header {
            difficulty: integer(fields[7])?,
            number: integer_u64(fields[8])?,
            gas_limit: integer_u64(fields[9])?,
            gas_used: integer_u64(fields[10])?,
            timestamp: integer_u64(fields[11])?,
            base_fee: integer(fields[BASE_FEE])?,
            head: &payload[..ends[EXTRA_DATA]],
            tail: &payload[ends[NONCE]..],
            fields,
            encoded,
        })
    }

    /// keccak256(RLP(header)).
    pub fn hash(&self) -> B256 {
        keccak256(self.encoded)
    }

    /// keccak256 of the RLP of the 14 fields that the puzzle commits to: all but mixHash and nonce.
    pub fn sealing_hash(&self) -> B256 {
        let mut prefix = Vec::with_capacity(4);
        alloy_rlp::Header {
            list: true,
            payload_length: self.head.len() + self.tail.len(),
        }
        .encode(&mut prefix);
        let mut hasher = Keccak256::new();
        for part in [&prefix[..], self.head, self.tail] {
            hasher.update(part);
        }
        hasher.finalize()
    }

    /// Block hash of the parent.
    pub fn parent_hash(&self) -> &'a [u8] {
        self.fields[0]
    }

    /// keccak256 of the RLP list of the ommers' headers.
    pub fn ommers_hash(&self) -> &'a [u8] {
        self.fields[1]
    }

    /// Who sealed the block: the first 20 bytes of extraData, fewer in a genesis header.
    pub fn miner_id(&self) -> &'a [u8] {
        let extra = self.fields[EXTRA_DATA];
        &extra[..extra.len().min(MINER_ID_SIZE)]
    }

    /// The byte of extraData behind the miner id; None where there is none.
    pub fn ommers(&self) -> Option<u8> {
        self.fields[EXTRA_DATA].get(MINER_ID_SIZE).copied()
    }

    /// The puzzle's seed.
    pub fn mix_hash(&self) -> &'a [u8] {
        self.fields[MIX_HASH]
    }

    /// What the miner chose so that the seed opens the gate.
    pub fn nonce(&self) -> &'a [u8] {
        self.fields[NONCE]
    }
}
