//! The hash function address (ADRS, RFC 8391 section 2.5): eight 32-bit big-endian words.
//!
//! | word | OTS (type 0) | L-tree (type 1) | hash tree (type 2) |
//! |---|---|---|---|
//! | 0 | layer | layer | layer |
//! | 1, 2 | tree (64 bits) | tree | tree |
//! | 3 | 0 | 1 | 2 |
//! | 4 | OTS address (the leaf) | L-tree address (the leaf) | 0 |
//! | 5 | chain | height | height |
//! | 6 | hash (step in the chain) | index | index |
//! | 7 | key and mask: 0 key, 1 and 2 masks | same | same |

#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Kind {
    Ots = 0,
    LTree = 1,
    HashTree = 2,
}

#[derive(Clone, Copy)]
pub struct Address([u8; 32]);

impl Address {
    /// Kind `HashTree` has no leaf of its own: pass 0.
    pub fn new(layer: u32, tree: u64, kind: Kind, leaf: u32) -> Self {
        let mut address = Self([0; 32]);
        address.set(0, layer);
        address.set(1, (tree >> 32) as u32);
        address.set(2, tree as u32);
        address.set(3, kind as u32);
        address.set(4, leaf);
        address
    }

    #[inline]
    fn set(&mut self, word: usize, value: u32) {
        self.0[4 * word..4 * word + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// Word 5 of an OTS address: the chain.
    #[inline]
    pub fn set_chain(&mut self, chain: u32) {
        self.set(5, chain);
    }

    /// Word 6 of an OTS address: the step within the chain.
    #[inline]
    pub fn set_step(&mut self, step: u32) {
        self.set(6, step);
    }

    /// Words 5 and 6 of a tree address: height and index of a node.
    #[inline]
    pub fn set_node(&mut self, height: u32, index: u32) {
        self.set(5, height);
        self.set(6, index);
    }

    /// The address with word 7: key (0) or bitmask (1, 2).
    #[inline]
    pub fn with_mask(mut self, key_and_mask: u32) -> Self {
        self.set(7, key_and_mask);
        self
    }

    /// The 32 bytes that are hashed.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
