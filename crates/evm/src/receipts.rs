//! Receipts (EIP-658, EIP-2718), their blooms, and the roots of a block's ordered lists.
use alloy_consensus::{Receipt as Outcome, RlpEncodableReceipt};
use alloy_primitives::{Bloom, Log, B256};
use alloy_rlp::{BufMut, Encodable};
use quip_state::{Empty, Trie, EMPTY_ROOT};
use revm::context::result::ExecutionResult;

/// What a transaction came to.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The transaction's type.
    pub kind: u8,
    pub outcome: Outcome,
    pub bloom: Bloom,
}

impl Receipt {
    /// `cumulative_gas`: what the block has used up to and with this transaction.
    pub(crate) fn new(kind: u8, result: ExecutionResult, cumulative_gas: u64) -> Self {
        let outcome = Outcome {
            status: result.is_success().into(),
            cumulative_gas_used: cumulative_gas,
            logs: result.into_logs(),
        };
        let bloom = outcome.bloom_slow();
        Self {
            kind,
            outcome,
            bloom,
        }
    }

    /// The bytes that the receipts root is made of (EIP-2718).
    pub fn encoded(&self) -> Vec<u8> {
        let length = self.outcome.rlp_encoded_length_with_bloom(&self.bloom);
        let mut out = Vec::with_capacity(length + 1);
        if self.kind != 0 {
            out.put_u8(self.kind);
        }
        self.outcome.rlp_encode_with_bloom(&self.bloom, &mut out);
        out
    }

    /// What its transaction wrote to the log.
    pub fn logs(&self) -> &[Log] {
        &self.outcome.logs
    }
}

/// The receipts of a block.
#[derive(Clone, Debug, Default)]
pub struct Receipts(pub Vec<Receipt>);

impl Receipts {
    /// Root of the trie RLP(index) -> receipt.
    pub fn root(&self) -> B256 {
        ordered_root(self.0.iter().map(Receipt::encoded))
    }

    /// The bloom of all logs.
    pub fn bloom(&self) -> Bloom {
        let mut all = Bloom::ZERO;
        for receipt in &self.0 {
            all.accrue_bloom(&receipt.bloom);
        }
        all
    }

    /// The RLP list of them: a legacy receipt as the list that it is, any other as the string of its bytes.
    pub fn rlp(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        for receipt in &self.0 {
            let encoded = receipt.encoded();
            if receipt.kind == 0 {
                payload.extend(encoded);
            } else {
                encoded.as_slice().encode(&mut payload);
            }
        }
        let mut out = Vec::with_capacity(payload.len() + 9);
        let header = alloy_rlp::Header {
            list: true,
            payload_length: payload.len(),
        };
        header.encode(&mut out);
        out.extend(payload);
        out
    }
}

/// Root of the trie RLP(index) -> item, of transactions or receipts.
pub fn ordered_root<B: AsRef<[u8]>>(items: impl IntoIterator<Item = B>) -> B256 {
    let mut trie = Trie::new(None, EMPTY_ROOT, &Empty);
    for (index, item) in items.into_iter().enumerate() {
        trie.set(&alloy_rlp::encode(index), item.as_ref())
            .expect("a trie that began empty needs no stored node");
    }
    trie.commit().root
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{hex, Address, Bytes, LogData};

    fn receipt(kind: u8) -> Receipt {
        let data = LogData::new_unchecked(vec![B256::repeat_byte(3)], Bytes::from_static(b"data"));
        let log = Log {
            address: Address::repeat_byte(2),
            data,
        };
        let outcome = Outcome {
            status: true.into(),
            cumulative_gas_used: 21_000,
            logs: vec![log],
        };
        let bloom = outcome.bloom_slow();
        Receipt {
            kind,
            outcome,
            bloom,
        }
    }

    #[test]
    fn a_type_stands_before_its_receipt() {
        let [legacy, typed] = [0, 2].map(receipt);
        assert_eq!(typed.encoded()[0], 2);
        assert_eq!(typed.encoded()[1..], legacy.encoded());
        assert_eq!(legacy.encoded()[..3], hex!("f90147"));
    }

    #[test]
    fn roots_and_lists_of_nothing() {
        let none = Receipts::default();
        assert_eq!(none.root(), EMPTY_ROOT);
        assert_eq!(none.rlp(), [0xc0]);
        assert_eq!(none.bloom(), Bloom::ZERO);
    }

    #[test]
    fn the_list_holds_strings_and_lists() {
        let both = Receipts(vec![receipt(0), receipt(2)]);
        let rlp = both.rlp();
        let mut rest = alloy_rlp::Header::decode_bytes(&mut &rlp[..], true).expect("a list");
        assert!(
            alloy_rlp::Header::decode(&mut &*rest)
                .expect("an item")
                .list
        );
        alloy_rlp::Header::decode_bytes(&mut rest, true).expect("the legacy one");
        let string = alloy_rlp::Header::decode_bytes(&mut rest, false).expect("the typed one");
        assert_eq!(string, both.0[1].encoded());
        assert!(rest.is_empty());
        assert_eq!(both.bloom(), both.0[0].bloom);
    }
}
