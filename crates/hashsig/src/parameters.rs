//! The parameter sets in use, by their RFC 8391 names.
use crate::{wots, N};

/// OID || root || pub_seed.
pub const PUBLIC_KEY_BYTES: usize = 4 + 2 * N;

/// A parameter set: SHA-256, n = 32, w = 16; `layers` trees of height `tree_height` on top of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub name: &'static str,
    /// Number in the XMSS registry (one layer) or in the XMSS^MT registry (RFC 8391, section 8).
    pub oid: u32,
    pub tree_height: u32,
    pub layers: u32,
    /// Bytes of the leaf index at the head of a signature.
    pub index_bytes: usize,
}

/// 1,024 signatures of 2,500 bytes.
pub const XMSS_SHA2_10_256: Parameters = Parameters {
    name: "XMSS-SHA2_10_256",
    oid: 1,
    tree_height: 10,
    layers: 1,
    index_bytes: 4,
};

/// 1,048,576 signatures of 4,963 bytes.
pub const XMSSMT_SHA2_20_2_256: Parameters = Parameters {
    name: "XMSSMT-SHA2_20/2_256",
    oid: 1,
    tree_height: 10,
    layers: 2,
    index_bytes: 3,
};

impl Parameters {
    /// Signatures that one key can make.
    pub const fn leaves(&self) -> u64 {
        1 << (self.tree_height * self.layers)
    }

    /// Leaves of one tree.
    pub const fn tree_leaves(&self) -> u32 {
        1 << self.tree_height
    }

    /// One layer's share of a signature: a WOTS+ signature and an authentication path.
    pub const fn layer_bytes(&self) -> usize {
        (wots::CHAINS + self.tree_height as usize) * N
    }

    /// Length of a signature.
    pub const fn signature_bytes(&self) -> usize {
        self.index_bytes + N + self.layers as usize * self.layer_bytes()
    }

    /// The leaf inside the tree of `layer`, and that tree's number in its layer, on the way from `leaf` to the root.
    pub const fn position(&self, leaf: u64, layer: u32) -> (u32, u64) {
        let path = leaf >> (layer * self.tree_height);
        (
            (path & (self.tree_leaves() as u64 - 1)) as u32,
            path >> self.tree_height,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_rfc() {
        assert_eq!(
            (
                XMSS_SHA2_10_256.signature_bytes(),
                XMSS_SHA2_10_256.leaves()
            ),
            (2_500, 1 << 10)
        );
        assert_eq!(
            (
                XMSSMT_SHA2_20_2_256.signature_bytes(),
                XMSSMT_SHA2_20_2_256.leaves()
            ),
            (4_963, 1 << 20)
        );
    }

    #[test]
    fn a_leaf_is_found_in_every_layer() {
        let leaf = (5 << 10) | 7;
        assert_eq!(XMSSMT_SHA2_20_2_256.position(leaf, 0), (7, 5));
        assert_eq!(XMSSMT_SHA2_20_2_256.position(leaf, 1), (5, 0));
    }
}
