//! Transactions of types 0, 1, 2 and 4 (EIP-155, 2930, 1559, 7702): from their bytes, strictly, and their hash.
use alloy_consensus::{EthereumTxEnvelope, Transaction as _, TxEip4844};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{keccak256, Bytes, Signature, B256, U256};

use crate::error::TransactionError;

/// The first byte of the RLP of a list; below 0x80 is a type (EIP-2718), between them nothing.
const LIST: u8 = 0xc0;
/// EIP-2930, EIP-1559, EIP-7702. Not 3: no transaction of this chain carries blobs.
const TYPES: [u8; 3] = [1, 2, 4];

/// One signed transaction, and the bytes that it came as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    envelope: EthereumTxEnvelope<TxEip4844>,
    encoded: Bytes,
    hash: B256,
}

/// What a transaction asks for and offers, whoever signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// None for a legacy transaction that says no chain (EIP-155).
    pub chain_id: Option<u64>,
    pub nonce: u64,
    pub gas_limit: u64,
    /// Wei for each gas, base fee included; of older types the gas price.
    pub max_fee_per_gas: u128,
    /// Wei for each gas to the beneficiary; of older types the gas price.
    pub max_priority_fee_per_gas: u128,
    /// Wei.
    pub value: U256,
    /// Bytes of data or init code.
    pub data_size: usize,
    /// Makes a contract.
    pub creates: bool,
    /// Authorizations (EIP-7702).
    pub authorizations: usize,
}

impl Transaction {
    /// The transaction of these bytes (EIP-2718). Errors: Malformed, also for what has another, canonical form;
    /// UnsupportedType.
    pub fn decode(encoded: &[u8]) -> Result<Self, TransactionError> {
        match encoded.first() {
            None => return Err(TransactionError::Malformed("no bytes".into())),
            Some(&first) if first < LIST && !TYPES.contains(&first) => {
                return Err(TransactionError::UnsupportedType(first))
            }
            Some(_) => {}
        }
        let envelope = EthereumTxEnvelope::decode_2718_exact(encoded)
            .map_err(|error| TransactionError::Malformed(error.to_string()))?;
        if envelope.encoded_2718() != encoded {
            return Err(TransactionError::Malformed("not canonical RLP".into()));
        }
        Ok(Self {
            envelope,
            encoded: Bytes::copy_from_slice(encoded),
            hash: keccak256(encoded),
        })
    }

    /// keccak256 of the bytes.
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// The bytes, as in a block's body.
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// 0, 1, 2 or 4.
    pub fn kind(&self) -> u8 {
        self.envelope.tx_type() as u8
    }

    /// The fields.
    pub fn fields(&self) -> &EthereumTxEnvelope<TxEip4844> {
        &self.envelope
    }

    /// What it asks for and offers.
    pub fn terms(&self) -> Terms {
        let fields = &self.envelope;
        Terms {
            chain_id: fields.chain_id(),
            nonce: fields.nonce(),
            gas_limit: fields.gas_limit(),
            max_fee_per_gas: fields.max_fee_per_gas(),
            max_priority_fee_per_gas: fields.priority_fee_or_price(),
            value: fields.value(),
            data_size: fields.input().len(),
            creates: fields.is_create(),
            authorizations: self.authorizations().len(),
        }
    }

    pub(crate) fn signature(&self) -> (&Signature, B256) {
        (self.envelope.signature(), self.envelope.signature_hash())
    }

    pub(crate) fn authorizations(&self) -> &[SignedAuthorization] {
        self.envelope.authorization_list().unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    /// The example of EIP-155.
    const EIP_155: &str = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025\
        a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3\
        dc64214b297fb1966a3b6d83";

    #[test]
    fn the_example_of_eip_155_is_read() {
        let bytes = hex::decode(EIP_155).expect("hex");
        let transaction = Transaction::decode(&bytes).expect("lawful");
        assert_eq!(transaction.kind(), 0);
        assert_eq!(transaction.fields().nonce(), 9);
        assert_eq!(transaction.fields().chain_id(), Some(1));
        assert_eq!(transaction.hash(), keccak256(&bytes));
        assert_eq!(transaction.encoded()[..], bytes);
        let terms = Terms {
            chain_id: Some(1),
            nonce: 9,
            gas_limit: 21_000,
            max_fee_per_gas: 20_000_000_000,
            max_priority_fee_per_gas: 20_000_000_000,
            value: U256::from(1_000_000_000_000_000_000_u64),
            data_size: 0,
            creates: false,
            authorizations: 0,
        };
        assert_eq!(transaction.terms(), terms);
    }

    #[test]
    fn other_types_and_other_bytes_are_refused() {
        let bytes = hex::decode(EIP_155).expect("hex");
        for first in [0x00, 0x03, 0x05, 0x51, 0x7e, 0x7f, 0x80, 0xbf] {
            let mut other = bytes.clone();
            other.insert(0, first);
            assert_eq!(
                Transaction::decode(&other),
                Err(TransactionError::UnsupportedType(first))
            );
        }
        let mut longer = bytes.clone();
        longer.push(0);
        for bad in [
            &[][..],
            &bytes[..bytes.len() - 1],
            &longer,
            &[LIST],
            &[2],
            &[2, LIST],
        ] {
            assert!(
                matches!(
                    Transaction::decode(bad),
                    Err(TransactionError::Malformed(_))
                ),
                "{bad:02x?}"
            );
        }
    }
}
