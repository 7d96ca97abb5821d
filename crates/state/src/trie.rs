//! One trie: reads and changes touch only the nodes on their paths; nothing is written.
use alloy_primitives::{b256, keccak256, B256};
use quip_store::StoreError;

use crate::nibbles;
use crate::node::{self, Link, Node};
use crate::source::{NodeSource, NODES};

/// keccak256(RLP("")): the root of the trie without entries.
pub const EMPTY_ROOT: B256 =
    b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

type Result<T> = std::result::Result<T, StoreError>;

/// The outcome of changes: the root, and the nodes that were made for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Committed {
    pub root: B256,
    /// (keccak256, RLP), each once; some may be stored already.
    pub nodes: Vec<(B256, Vec<u8>)>,
}

pub struct Trie<'a> {
    root: Link,
    source: &'a dyn NodeSource,
}

/// Loads and decodes one node.
pub fn load(source: &dyn NodeSource, hash: B256) -> Result<Node> {
    let bytes = source.load(hash)?;
    node::decode(&bytes)
        .ok_or_else(|| StoreError::corrupt("not a trie node").at(NODES, hash.as_slice()))
}

fn find(source: &dyn NodeSource, link: &Link, path: &[u8]) -> Result<Option<Vec<u8>>> {
    match link {
        Link::Empty => Ok(None),
        Link::Hash(hash) => find_below(source, &load(source, *hash)?, path),
        Link::Node(node) => find_below(source, node, path),
    }
}

fn find_below(source: &dyn NodeSource, node: &Node, path: &[u8]) -> Result<Option<Vec<u8>>> {
    match node {
        Node::Leaf { path: rest, value } => Ok((path == rest).then(|| value.clone())),
        Node::Extension {
            path: prefix,
            child,
        } => match path.strip_prefix(prefix.as_slice()) {
            Some(rest) => find(source, child, rest),
            None => Ok(None),
        },
        Node::Branch { children, value } => match path.split_first() {
            Some((first, rest)) => find(source, &children[usize::from(*first)], rest),
            None => Ok((!value.is_empty()).then(|| value.clone())),
        },
    }
}

/// An extension over `child`, or the child itself where the path is empty.
fn extend(path: &[u8], child: Link) -> Link {
    if path.is_empty() {
        return child;
    }
    Node::Extension {
        path: path.to_vec(),
        child,
    }
    .into()
}

/// A branch that is being made.
#[derive(Default)]
struct Fork {
    children: Box<[Link; 16]>,
    value: Vec<u8>,
}

impl Fork {
    fn leaf(mut self, path: &[u8], value: Vec<u8>) -> Self {
        match path.split_first() {
            None => self.value = value,
            Some((first, rest)) => {
                self.children[usize::from(*first)] = Node::Leaf {
                    path: rest.to_vec(),
                    value,
                }
                .into();
            }
        }
        self
    }

    fn extension(mut self, path: &[u8], child: Link) -> Self {
        self.children[usize::from(path[0])] = extend(&path[1..], child);
        self
    }

    /// The branch, below an extension where `path` is not empty.
    fn under(self, path: &[u8]) -> Link {
        extend(
            path,
            Node::Branch {
                children: self.children,
                value: self.value,
            }
            .into(),
        )
    }
}

impl<'a> Trie<'a> {
    /// The trie with that root among the nodes of `source`; nothing is read yet.
    pub fn new(root: B256, source: &'a dyn NodeSource) -> Self {
        let root = if root == EMPTY_ROOT {
            Link::Empty
        } else {
            Link::Hash(root)
        };
        Self { root, source }
    }

    /// The value of a key. Errors: Corrupt where a node on the path is absent or broken.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        find(self.source, &self.root, &nibbles::of_key(key))
    }

    /// Sets the value of a key; an empty value removes it. Errors: as `get`; the trie must not be used after one.
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let before = self.get(key)?;
        if before.as_deref().unwrap_or_default() == value {
            return Ok(());
        }
        let root = std::mem::take(&mut self.root);
        let path = nibbles::of_key(key);
        self.root = if value.is_empty() {
            self.remove(root, &path)?
        } else {
            self.insert(root, &path, value.to_vec())?
        };
        Ok(())
    }

    /// The root, and the nodes that were made since `new`.
    pub fn commit(self) -> Committed {
        let mut nodes = Vec::new();
        let root = match &self.root {
            Link::Empty => EMPTY_ROOT,
            Link::Hash(hash) => *hash,
            Link::Node(root) => {
                let encoded = node::encode(root, &mut nodes);
                let hash = keccak256(&encoded);
                nodes.push((hash, encoded));
                hash
            }
        };
        nodes.sort_unstable();
        nodes.dedup();
        Committed { root, nodes }
    }

    fn insert(&self, link: Link, path: &[u8], value: Vec<u8>) -> Result<Link> {
        let node = match link {
            Link::Empty => {
                return Ok(Node::Leaf {
                    path: path.to_vec(),
                    value,
                }
                .into())
            }
            Link::Hash(hash) => load(self.source, hash)?,
            Link::Node(node) => *node,
        };
        match node {
            Node::Leaf { path: old, .. } if old == path => {
                Ok(Node::Leaf { path: old, value }.into())
            }
            Node::Leaf {
                path: old,
                value: old_value,
            } => {
                let common = nibbles::common_prefix(&old, path);
                let fork = Fork::default()
                    .leaf(&old[common..], old_value)
                    .leaf(&path[common..], value);
                Ok(fork.under(&path[..common]))
            }
            Node::Extension {
                path: prefix,
                child,
            } => {
                let common = nibbles::common_prefix(&prefix, path);
                if common == prefix.len() {
                    return Ok(extend(&prefix, self.insert(child, &path[common..], value)?));
                }
                let fork = Fork::default()
                    .extension(&prefix[common..], child)
                    .leaf(&path[common..], value);
                Ok(fork.under(&path[..common]))
            }
            Node::Branch {
                mut children,
                value: old_value,
            } => {
                let Some((first, rest)) = path.split_first() else {
                    return Ok(Node::Branch { children, value }.into());
                };
                let child = std::mem::take(&mut children[usize::from(*first)]);
                children[usize::from(*first)] = self.insert(child, rest, value)?;
                Ok(Node::Branch {
                    children,
                    value: old_value,
                }
                .into())
            }
        }
    }

    /// Removes a key that is there.
    fn remove(&self, link: Link, path: &[u8]) -> Result<Link> {
        let node = match link {
            Link::Empty => return Ok(Link::Empty),
            Link::Hash(hash) => load(self.source, hash)?,
            Link::Node(node) => *node,
        };
        match node {
            Node::Leaf { .. } => Ok(Link::Empty),
            Node::Extension {
                path: prefix,
                child,
            } => {
                let child = self.remove(child, &path[prefix.len()..])?;
                self.merge(&prefix, child)
            }
            Node::Branch {
                mut children,
                mut value,
            } => {
                match path.split_first() {
                    None => value.clear(),
                    Some((first, rest)) => {
                        let child = std::mem::take(&mut children[usize::from(*first)]);
                        children[usize::from(*first)] = self.remove(child, rest)?;
                    }
                }
                self.collapse(children, value)
            }
        }
    }

    /// A branch that lost something: a branch still, or what is left of it.
    fn collapse(&self, mut children: Box<[Link; 16]>, value: Vec<u8>) -> Result<Link> {
        let mut left = (0_u8..16).filter(|index| children[usize::from(*index)] != Link::Empty);
        match (left.next(), left.next(), value.is_empty()) {
            (None, _, _) => Ok(Node::Leaf {
                path: Vec::new(),
                value,
            }
            .into()),
            (Some(only), None, true) => {
                self.merge(&[only], std::mem::take(&mut children[usize::from(only)]))
            }
            _ => Ok(Node::Branch { children, value }.into()),
        }
    }

    /// `path` before `child`: joined with the child's own path where it has one.
    fn merge(&self, path: &[u8], child: Link) -> Result<Link> {
        let node = match &child {
            Link::Empty => return Ok(Link::Empty),
            Link::Hash(hash) => load(self.source, *hash)?,
            Link::Node(node) => (**node).clone(),
        };
        Ok(match node {
            Node::Leaf { path: rest, value } => Node::Leaf {
                path: [path, &rest].concat(),
                value,
            }
            .into(),
            Node::Extension { path: rest, child } => extend(&[path, &rest].concat(), child),
            Node::Branch { .. } => extend(path, child),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Empty;
    use std::collections::HashMap;
    use std::sync::Arc;

    struct Map(HashMap<B256, Vec<u8>>);

    impl NodeSource for Map {
        fn load(&self, hash: B256) -> Result<Arc<[u8]>> {
            self.0
                .get(&hash)
                .map(|node| node.as_slice().into())
                .ok_or_else(|| StoreError::corrupt("missing"))
        }

        fn code(&self, _hash: B256) -> Result<Option<alloy_primitives::Bytes>> {
            Ok(None)
        }
    }

    fn root_of(pairs: &[(&str, &str)]) -> B256 {
        let mut trie = Trie::new(EMPTY_ROOT, &Empty);
        pairs.iter().for_each(|(key, value)| {
            trie.set(key.as_bytes(), value.as_bytes())
                .expect("no source needed")
        });
        trie.commit().root
    }

    #[test]
    fn known_roots() {
        assert_eq!(root_of(&[]), EMPTY_ROOT);
        let dogs = [
            ("do", "verb"),
            ("horse", "stallion"),
            ("doge", "coin"),
            ("dog", "puppy"),
        ];
        let expected = b256!("5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84");
        assert_eq!(root_of(&dogs), expected);
        let with_more = [&dogs[..], &[("dogglesworth", "cat"), ("dogglesworth", "")]].concat();
        assert_eq!(root_of(&with_more), expected);
    }

    #[test]
    fn a_stored_trie_goes_on_and_names_what_is_missing() {
        let mut map = Map(HashMap::new());
        let mut root = EMPTY_ROOT;
        let key = |number: u32| keccak256(number.to_be_bytes());
        for step in 0..300_u32 {
            let mut trie = Trie::new(root, &map);
            trie.set(key(step).as_slice(), &[1; 60]).expect("set");
            if step % 3 == 2 {
                trie.set(key(step - 1).as_slice(), b"").expect("removed");
            }
            let committed = trie.commit();
            root = committed.root;
            map.0.extend(committed.nodes);
        }
        let mut whole = Trie::new(EMPTY_ROOT, &Empty);
        (0..300)
            .filter(|step| step % 3 != 1)
            .for_each(|step| whole.set(key(step).as_slice(), &[1; 60]).expect("set"));
        let whole = whole.commit();
        assert_eq!(root, whole.root);
        assert!(whole
            .nodes
            .iter()
            .all(|(hash, node)| map.0.get(hash) == Some(node)));
        map.0.remove(&root);
        assert!(Trie::new(root, &map).get(b"x").is_err());
    }
}
