//! The three kinds of nodes and their RLP. Strict: bytes that no encoder makes are refused.
use std::sync::Arc;

use alloy_primitives::{keccak256, B256};
use alloy_rlp::{Encodable, Header, EMPTY_STRING_CODE};

use crate::nibbles;
use crate::place::{place_key, Owner};

/// A node shorter than this lies inside its parent; others are referred to by their hash.
const HASHED: usize = 32;
/// Sixteen hashes and no value.
const MAX_BRANCH_PAYLOAD: usize = 16 * 33 + 1;
/// Inline nodes nest at most this deep: each level takes at least one byte of the 31.
const MAX_INLINE_DEPTH: usize = 32;

/// A place in the trie: nothing, a node on disk, or a node in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    #[default]
    Empty,
    Hash(B256),
    Node(Box<Node>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Leaf {
        path: Vec<u8>,
        value: Vec<u8>,
    },
    /// The path is never empty and the child is always a branch.
    Extension {
        path: Vec<u8>,
        child: Link,
    },
    /// An empty value is none.
    Branch {
        children: Box<[Link; 16]>,
        value: Vec<u8>,
    },
}

impl From<Node> for Link {
    fn from(node: Node) -> Self {
        Self::Node(Box::new(node))
    }
}

/// A node that was made: the key of its place, its hash, its RLP.
pub type Made = (Vec<u8>, B256, Arc<[u8]>);

/// Encodes the nodes of one trie that are in memory.
pub struct Sealer {
    pub owner: Owner,
    /// Where in the trie the node lies that is being encoded.
    pub path: Vec<u8>,
    pub made: Vec<Made>,
}

impl Sealer {
    /// A node in memory gets its hash and goes to `made`, unless it is short; adds what its parent holds, RLP.
    fn seal(&mut self, link: &Link, out: &mut Vec<u8>) {
        match link {
            Link::Empty => out.push(EMPTY_STRING_CODE),
            Link::Hash(hash) => hash.encode(out),
            Link::Node(node) => {
                let encoded = self.encode(node);
                if encoded.len() < HASHED {
                    out.extend(encoded);
                } else {
                    self.keep(encoded).encode(out);
                }
            }
        }
    }

    fn below(&mut self, path: &[u8], link: &Link, out: &mut Vec<u8>) {
        let depth = self.path.len();
        self.path.extend_from_slice(path);
        self.seal(link, out);
        self.path.truncate(depth);
    }

    /// Notes an encoded node at the present path; its hash.
    pub fn keep(&mut self, encoded: Vec<u8>) -> B256 {
        let hash = keccak256(&encoded);
        let place = place_key(&self.owner, &self.path);
        self.made.push((place, hash, encoded.into()));
        hash
    }

    /// The RLP of a node; what is new below it goes to `made`.
    pub fn encode(&mut self, node: &Node) -> Vec<u8> {
        let mut payload = Vec::with_capacity(MAX_BRANCH_PAYLOAD);
        match node {
            Node::Leaf { path, value } => {
                nibbles::encode(path, true).as_slice().encode(&mut payload);
                value.as_slice().encode(&mut payload);
            }
            Node::Extension { path, child } => {
                nibbles::encode(path, false).as_slice().encode(&mut payload);
                self.below(path, child, &mut payload);
            }
            Node::Branch { children, value } => {
                for (nibble, child) in (0_u8..).zip(children.iter()) {
                    self.below(&[nibble], child, &mut payload);
                }
                value.as_slice().encode(&mut payload);
            }
        }
        let mut out = Vec::with_capacity(payload.len() + 4);
        Header {
            list: true,
            payload_length: payload.len(),
        }
        .encode(&mut out);
        out.extend(payload);
        out
    }
}

/// The items of an RLP list: (is a list, the item with its header, its payload).
type Item<'a> = (bool, &'a [u8], &'a [u8]);

fn items(bytes: &[u8]) -> Option<Vec<Item<'_>>> {
    let mut rest = bytes;
    let mut payload = Header::decode_bytes(&mut rest, true).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut items = Vec::with_capacity(17);
    while !payload.is_empty() {
        let whole = payload;
        let header = Header::decode(&mut payload).ok()?;
        let (inner, after) = payload.split_at_checked(header.payload_length)?;
        items.push((header.list, &whole[..whole.len() - after.len()], inner));
        payload = after;
    }
    Some(items)
}

fn decode_link((list, whole, inner): Item<'_>, depth: usize) -> Option<Link> {
    match (list, inner.len()) {
        (false, 0) => Some(Link::Empty),
        (false, 32) => Some(Link::Hash(B256::from_slice(inner))),
        (true, _) if whole.len() < HASHED => Some(decode_at(whole, depth + 1)?.into()),
        _ => None,
    }
}

fn decode_at(bytes: &[u8], depth: usize) -> Option<Node> {
    if depth > MAX_INLINE_DEPTH {
        return None;
    }
    let items = items(bytes)?;
    match items.as_slice() {
        [(false, _, path), (value_is_list, _, value)] => {
            let (path, leaf) = nibbles::decode(path)?;
            if leaf && !value_is_list && !value.is_empty() {
                return Some(Node::Leaf {
                    path,
                    value: value.to_vec(),
                });
            }
            let child = decode_link(items[1], depth)?;
            (!leaf && !path.is_empty() && child != Link::Empty)
                .then_some(Node::Extension { path, child })
        }
        [links @ .., (false, _, value)] if links.len() == 16 => {
            let mut children = Box::<[Link; 16]>::default();
            for (child, item) in children.iter_mut().zip(links) {
                *child = decode_link(*item, depth)?;
            }
            Some(Node::Branch {
                children,
                value: value.to_vec(),
            })
        }
        _ => None,
    }
}

/// The node in `bytes`; None for bytes that no encoder makes.
pub fn decode(bytes: &[u8]) -> Option<Node> {
    decode_at(bytes, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(path: &[u8], value: &[u8]) -> Node {
        Node::Leaf {
            path: path.to_vec(),
            value: value.to_vec(),
        }
    }

    #[test]
    fn nodes_survive_encoding() {
        let mut children = Box::<[Link; 16]>::default();
        children[3] = leaf(&[1], &[0x90]).into();
        children[15] = Link::Hash(B256::repeat_byte(7));
        let branch = Node::Branch {
            children,
            value: b"v".to_vec(),
        };
        let long = leaf(&[0; 63], &[0xab; 100]);
        let extension = Node::Extension {
            path: vec![1, 2],
            child: Link::Hash(B256::repeat_byte(9)),
        };
        for node in [
            branch,
            long,
            extension,
            leaf(&[], &[0x80]),
            leaf(&[5, 6], b"x"),
        ] {
            let mut sealer = Sealer {
                owner: None,
                path: Vec::new(),
                made: Vec::new(),
            };
            assert_eq!(decode(&sealer.encode(&node)), Some(node));
            assert!(sealer.made.is_empty());
        }
    }

    #[test]
    fn what_no_encoder_makes_is_refused() {
        let empty_leaf = [0xc2, 0x20, 0x80];
        let empty_extension = [0xc2, 0x11, 0x80];
        let extension_without_path = [&[0xe2, 0x00, 0xa0][..], &[7; 32]].concat();
        let short_hash = [&[0xe1, 0x11, 0x9f][..], &[7; 31]].concat();
        for bytes in [
            &[][..],
            &[0x80],
            &[0xc0],
            &empty_leaf,
            &empty_extension,
            &extension_without_path,
            &short_hash,
        ] {
            assert_eq!(decode(bytes), None, "{bytes:02x?}");
        }
    }
}
