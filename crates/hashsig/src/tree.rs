//! Leaves, Merkle trees and authentication paths (RFC 8391 sections 4.1.5 to 4.1.9).
use crate::address::{Address, Kind};
use crate::hash::{PublicHash, SecretHash};
use crate::wots::{self, Chains};
use crate::{Node, N};

/// Which tree: its layer (0 signs messages) and its number within the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub layer: u32,
    pub tree: u64,
}

/// Compresses a WOTS+ public key to one leaf. An odd node at the end of a row moves up as it is.
pub fn leaf_from_key(hash: &PublicHash, key: &Chains, place: Place, leaf: u32) -> Node {
    let mut row = *key;
    let mut address = Address::new(place.layer, place.tree, Kind::LTree, leaf);
    let (mut length, mut height) = (row.len(), 0);
    while length > 1 {
        for index in 0..length / 2 {
            address.set_node(height, index as u32);
            row[index] = hash.parent(&row[2 * index], &row[2 * index + 1], address);
        }
        if length % 2 == 1 {
            row[length / 2] = row[length - 1];
        }
        length = length.div_ceil(2);
        height += 1;
    }
    row[0]
}

/// The root that `leaf_value` and its authentication path lead to.
pub fn root_from_path(
    hash: &PublicHash,
    leaf_value: Node,
    path: &[Node],
    place: Place,
    leaf: u32,
) -> Node {
    let mut address = Address::new(place.layer, place.tree, Kind::HashTree, 0);
    path.iter()
        .zip(0u32..)
        .fold(leaf_value, |node, (sibling, height)| {
            let index = leaf >> height;
            address.set_node(height, index >> 1);
            let (left, right) = if index & 1 == 0 {
                (&node, sibling)
            } else {
                (sibling, &node)
            };
            hash.parent(left, right, address)
        })
}

/// All nodes of one tree: the leaves, then each row above them, the root last. Every node is public.
#[derive(Clone)]
pub struct Tree {
    height: u32,
    nodes: Vec<Node>,
}

impl Tree {
    /// Computes a tree of 2^height leaves. `progress(leaves done)` is called after each leaf; false stops: None.
    pub fn build(
        hash: &PublicHash,
        secret: &SecretHash,
        height: u32,
        place: Place,
        progress: &mut dyn FnMut(u32) -> bool,
    ) -> Option<Self> {
        let mut nodes = Vec::with_capacity((2 << height) - 1);
        for leaf in 0..1u32 << height {
            let key = wots::public_key(
                hash,
                secret,
                Address::new(place.layer, place.tree, Kind::Ots, leaf),
            );
            nodes.push(leaf_from_key(hash, &key, place, leaf));
            if !progress(leaf + 1) {
                return None;
            }
        }
        let mut address = Address::new(place.layer, place.tree, Kind::HashTree, 0);
        let mut row = 0;
        for level in 0..height {
            let length = 1usize << (height - level);
            for index in 0..length / 2 {
                address.set_node(level, index as u32);
                let pair = row + 2 * index;
                nodes.push(hash.parent(&nodes[pair], &nodes[pair + 1], address));
            }
            row += length;
        }
        Some(Self { height, nodes })
    }

    /// A tree from its bytes; None if their number is not that of a tree of this height.
    pub fn from_bytes(height: u32, bytes: &[u8]) -> Option<Self> {
        let (nodes, rest) = bytes.as_chunks::<N>();
        (rest.is_empty() && nodes.len() == (2 << height) - 1).then(|| Self {
            height,
            nodes: nodes.to_vec(),
        })
    }

    /// All nodes, as `from_bytes` takes them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.nodes.concat()
    }

    /// The root.
    pub fn root(&self) -> Node {
        self.nodes[self.nodes.len() - 1]
    }

    /// The siblings on the way from `leaf` to the root.
    pub fn path(&self, leaf: u32) -> Vec<Node> {
        let mut row = 0;
        (0..self.height)
            .map(|level| {
                let sibling = self.nodes[row + ((leaf >> level) ^ 1) as usize];
                row += 1 << (self.height - level);
                sibling
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_leads_to_the_root() {
        let (hash, secret) = (PublicHash::new([1; N]), SecretHash::new(&[2; N]));
        let place = Place { layer: 1, tree: 3 };
        let mut seen = Vec::new();
        let tree = Tree::build(&hash, &secret, 3, place, &mut |done| {
            seen.push(done);
            true
        });
        let tree = tree.unwrap();
        assert_eq!(seen, (1..=8).collect::<Vec<_>>());
        for leaf in 0..8 {
            let key = wots::public_key(&hash, &secret, Address::new(1, 3, Kind::Ots, leaf));
            let value = leaf_from_key(&hash, &key, place, leaf);
            assert_eq!(
                root_from_path(&hash, value, &tree.path(leaf), place, leaf),
                tree.root()
            );
            assert_ne!(
                root_from_path(&hash, value, &tree.path(leaf), place, leaf ^ 1),
                tree.root()
            );
        }
        assert_eq!(
            Tree::from_bytes(3, &tree.to_bytes()).unwrap().root(),
            tree.root()
        );
        assert!(Tree::from_bytes(4, &tree.to_bytes()).is_none());
        assert!(Tree::build(&hash, &secret, 3, place, &mut |done| done < 4).is_none());
    }
}
