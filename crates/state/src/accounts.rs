//! An account: RLP([nonce, balance, storage root, code hash]) in the trie, shorter in the flat state.
use alloy_primitives::{B256, KECCAK256_EMPTY, U256};
use alloy_rlp::{Decodable, Encodable, Header, EMPTY_STRING_CODE};

use crate::trie::EMPTY_ROOT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    pub storage_root: B256,
    pub code_hash: B256,
}

impl Account {
    /// EIP-161: such an account is not kept.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == KECCAK256_EMPTY
    }

    /// As the trie has it; nothing for an empty one.
    pub(crate) fn encode(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut payload = Vec::with_capacity(112);
        self.nonce.encode(&mut payload);
        self.balance.encode(&mut payload);
        self.storage_root.encode(&mut payload);
        self.code_hash.encode(&mut payload);
        listed(payload)
    }

    /// As the flat state and the diffs have it: an empty string for no storage and no code. Nothing for an empty one.
    pub(crate) fn encode_slim(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut payload = Vec::with_capacity(112);
        self.nonce.encode(&mut payload);
        self.balance.encode(&mut payload);
        for (hash, none) in [
            (&self.storage_root, EMPTY_ROOT),
            (&self.code_hash, KECCAK256_EMPTY),
        ] {
            if *hash == none {
                payload.push(EMPTY_STRING_CODE);
            } else {
                hash.encode(&mut payload);
            }
        }
        listed(payload)
    }

    /// What `encode_slim` made; None for nothing.
    pub(crate) fn decode_slim(bytes: &[u8]) -> alloy_rlp::Result<Option<Self>> {
        if bytes.is_empty() {
            return Ok(None);
        }
        Self::decode_with(bytes, |payload, none| {
            if payload.first() == Some(&EMPTY_STRING_CODE) {
                *payload = &payload[1..];
                return Ok(none);
            }
            B256::decode(payload)
        })
        .map(Some)
    }
    pub(crate) fn decode(bytes: &[u8]) -> alloy_rlp::Result<Self> {
        Self::decode_with(bytes, |payload, _| B256::decode(payload))
    }

    fn decode_with(
        bytes: &[u8],
        hash: impl Fn(&mut &[u8], B256) -> alloy_rlp::Result<B256>,
    ) -> alloy_rlp::Result<Self> {
        let mut rest = bytes;
        let mut payload = Header::decode_bytes(&mut rest, true)?;
        let account = Self {
            nonce: u64::decode(&mut payload)?,
            balance: U256::decode(&mut payload)?,
            storage_root: hash(&mut payload, EMPTY_ROOT)?,
            code_hash: hash(&mut payload, KECCAK256_EMPTY)?,
        };
        if payload.is_empty() && rest.is_empty() {
            Ok(account)
        } else {
            Err(alloy_rlp::Error::UnexpectedLength)
        }
    }
}

fn listed(payload: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 2);
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut out);
    out.extend(payload);
    out
}

/// What an address has that nothing happened to.
pub(crate) const NEW_ACCOUNT: Account = Account {
    nonce: 0,
    balance: U256::ZERO,
    storage_root: EMPTY_ROOT,
    code_hash: KECCAK256_EMPTY,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_survive_encoding() {
        let hash = B256::repeat_byte(7);
        for (nonce, balance, storage_root, code_hash) in [
            (1, u64::MAX, EMPTY_ROOT, KECCAK256_EMPTY),
            (u64::MAX, 128, hash, KECCAK256_EMPTY),
            (0, 0, EMPTY_ROOT, hash),
            (1, 0, hash, hash),
        ] {
            let balance = U256::from(balance);
            let account = Account {
                nonce,
                balance,
                storage_root,
                code_hash,
            };
            assert_eq!(Account::decode(&account.encode()), Ok(account));
            assert_eq!(
                Account::decode_slim(&account.encode_slim()),
                Ok(Some(account))
            );
            for mut longer in [account.encode(), account.encode_slim()] {
                longer.push(0);
                assert!(Account::decode(&longer).is_err());
                assert!(Account::decode_slim(&longer).is_err());
            }
        }
        assert_eq!(NEW_ACCOUNT.encode(), NEW_ACCOUNT.encode_slim());
        assert_eq!(Account::decode_slim(&NEW_ACCOUNT.encode_slim()), Ok(None));
    }
}
