//! The blocks that the one being run descends from: what BLOCKHASH and lastProof ask for.
use std::cell::RefCell;

use alloy_primitives::{Bytes, B256};
use quip_seal::Header;
use quip_store::StoreError;

/// So many blocks before one are known to it: as far back as BLOCKHASH goes.
pub const ANCESTORS: u64 = 256;

/// The 256 blocks before one. Every method: Corrupt for damage.
pub trait Ancestors {
    /// The hash of one of them.
    fn hash(&self, number: u64) -> Result<B256, StoreError>;

    /// The RLP of the header of one of them; None where the number is nobody's, which only a question's block can mean.
    fn header(&self, number: u64) -> Result<Option<Bytes>, StoreError>;
}

/// Where headers lie.
pub trait HeaderSource {
    /// The RLP of the header of this hash. Corrupt: there is none.
    fn load(&self, hash: B256) -> Result<Bytes, StoreError>;
}

/// A block's ancestors, found by walking from parent to parent: only as far as somebody asks, and once.
pub struct Lineage<'a> {
    source: &'a dyn HeaderSource,
    /// Of the block whose ancestors they are.
    number: u64,
    /// From the parent downwards; one hash more than headers.
    hashes: RefCell<Vec<B256>>,
    headers: RefCell<Vec<Bytes>>,
}

impl<'a> Lineage<'a> {
    /// The ancestors of a block with this number and parent.
    pub fn new(source: &'a dyn HeaderSource, number: u64, parent_hash: B256) -> Self {
        Self {
            source,
            number,
            hashes: RefCell::new(vec![parent_hash]),
            headers: RefCell::default(),
        }
    }

    /// Generations between the block's parent and an ancestor.
    fn distance(&self, number: u64) -> Result<usize, StoreError> {
        let child = number.checked_add(1);
        let distance = child.and_then(|child| self.number.checked_sub(child));
        let distance = distance.and_then(|distance| usize::try_from(distance).ok());
        distance.ok_or_else(|| {
            StoreError::corrupt(format!(
                "block {number} is no ancestor of block {}",
                self.number
            ))
        })
    }

    /// Walks until so many headers are known.
    fn walk(&self, headers: usize) -> Result<(), StoreError> {
        while self.headers.borrow().len() < headers {
            let hash = *self.hashes.borrow().last().expect("the parent's at least");
            let encoded = self.source.load(hash)?;
            let header = Header::decode(&encoded);
            let header = header.ok_or_else(|| {
                StoreError::corrupt("not a header").at("headers", hash.as_slice())
            })?;
            let parent = B256::from_slice(header.parent_hash());
            self.hashes.borrow_mut().push(parent);
            self.headers.borrow_mut().push(encoded.clone());
        }
        Ok(())
    }
}

impl Ancestors for Lineage<'_> {
    fn hash(&self, number: u64) -> Result<B256, StoreError> {
        let distance = self.distance(number)?;
        self.walk(distance)?;
        Ok(self.hashes.borrow()[distance])
    }

    fn header(&self, number: u64) -> Result<Option<Bytes>, StoreError> {
        let distance = self.distance(number)?;
        self.walk(distance + 1)?;
        Ok(Some(self.headers.borrow()[distance].clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;
    use std::cell::Cell;
    use std::collections::HashMap;

    /// The RLP of a header with this parent and number.
    fn header(parent: B256, number: u8) -> Bytes {
        let (word, extra) = ([9; 32], [1; 21]);
        let fields: [&[u8]; 16] = [
            parent.as_slice(),
            &word,
            &[2; 20],
            &word,
            &word,
            &word,
            &[0; 256],
            &[7],
            &[number],
            &[1],
            &[1],
            &[1],
            &extra,
            &word,
            &[5; 8],
            &[7],
        ];
        let mut out = Vec::new();
        alloy_rlp::encode_list::<_, [u8]>(&fields, &mut out);
        out.into()
    }

    #[derive(Default)]
    struct Kept {
        headers: HashMap<B256, Bytes>,
        loads: Cell<usize>,
    }

    impl HeaderSource for Kept {
        fn load(&self, hash: B256) -> Result<Bytes, StoreError> {
            self.loads.set(self.loads.get() + 1);
            let header = self.headers.get(&hash).cloned();
            header.ok_or_else(|| StoreError::corrupt("no such header"))
        }
    }

    #[test]
    fn ancestors_are_walked_once_and_no_further_than_asked() {
        let mut kept = Kept::default();
        let mut hashes = vec![B256::ZERO];
        for number in 1..6 {
            let encoded = header(hashes[usize::from(number) - 1], number);
            hashes.push(keccak256(&encoded));
            kept.headers.insert(hashes[usize::from(number)], encoded);
        }
        let lineage = Lineage::new(&kept, 6, hashes[5]);
        assert_eq!(lineage.hash(5), Ok(hashes[5]));
        assert_eq!(kept.loads.get(), 0, "the parent's hash is known");
        assert_eq!(lineage.hash(3), Ok(hashes[3]));
        assert_eq!(
            lineage.header(4),
            Ok(Some(kept.headers[&hashes[4]].clone()))
        );
        assert_eq!(
            lineage.header(3),
            Ok(Some(kept.headers[&hashes[3]].clone()))
        );
        assert_eq!(kept.loads.get(), 3);
        assert!(lineage.hash(6).is_err() && lineage.hash(u64::MAX).is_err());
        assert_eq!(lineage.hash(0), Ok(B256::ZERO));
        assert!(lineage.header(0).is_err(), "nobody has it");
    }
}
