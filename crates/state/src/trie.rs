//! One trie: reads and changes touch only the nodes on their paths; nothing is written.
use alloy_primitives::{b256, B256};
use quip_store::StoreError;

use crate::nibbles;
use crate::node::{self, Link, Made, Node, Sealer};
use crate::place::{place_key, Owner};
use crate::source::{NodeSource, TRIE};

/// keccak256(RLP("")): the root of the trie without entries.
pub const EMPTY_ROOT: B256 =
    b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

type Result<T> = std::result::Result<T, StoreError>;

/// The outcome of changes: the root, the nodes that were made for it and those that it no longer has.
#[derive(Debug, PartialEq, Eq)]
pub struct Committed {
    pub root: B256,
    /// One at each place, ascending by place.
    pub made: Vec<Made>,
    /// Keys of places that had a node and have none any more.
    pub gone: Vec<Vec<u8>>,
}

pub struct Trie<'a> {
    root: Link,
    owner: Owner,
    source: &'a dyn NodeSource,
    /// Keys of the places whose nodes were changed.
    taken: Vec<Vec<u8>>,
}

/// Loads and decodes one node.
pub fn load(source: &dyn NodeSource, owner: &Owner, path: &[u8], hash: B256) -> Result<Node> {
    let bytes = source.load(owner, path, hash)?;
    node::decode(&bytes)
        .ok_or_else(|| StoreError::corrupt("not a trie node").at(TRIE, &place_key(owner, path)))
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
    pub fn new(owner: Owner, root: B256, source: &'a dyn NodeSource) -> Self {
        let root = if root == EMPTY_ROOT {
            Link::Empty
        } else {
            Link::Hash(root)
        };
        Self {
            root,
            owner,
            source,
            taken: Vec::new(),
        }
    }

    /// The value of a key. Errors: Corrupt where a node on the path is absent or broken; Missing for the root's.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.find(&self.root, &nibbles::of_key(key), 0)
    }

    fn find(&self, link: &Link, path: &[u8], at: usize) -> Result<Option<Vec<u8>>> {
        match link {
            Link::Empty => Ok(None),
            Link::Hash(hash) => {
                let node = load(self.source, &self.owner, &path[..at], *hash)?;
                self.find_below(&node, path, at)
            }
            Link::Node(node) => self.find_below(node, path, at),
        }
    }

    fn find_below(&self, node: &Node, path: &[u8], at: usize) -> Result<Option<Vec<u8>>> {
        match node {
            Node::Leaf { path: rest, value } => Ok((path[at..] == *rest).then(|| value.clone())),
            Node::Extension {
                path: prefix,
                child,
            } if path[at..].starts_with(prefix) => self.find(child, path, at + prefix.len()),
            Node::Extension { .. } => Ok(None),
            Node::Branch { children, value } => match path.get(at) {
                Some(nibble) => self.find(&children[usize::from(*nibble)], path, at + 1),
                None => Ok((!value.is_empty()).then(|| value.clone())),
            },
        }
    }

    /// Sets the value of a key; an empty value removes it. Errors: as `get`; the trie must not be used after one.
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let before = self.get(key)?.unwrap_or_default();
        self.replace(key, &before, value)
    }

    /// As `set`, for a key whose value is known. Wrong values of `before` make a wrong trie.
    pub fn replace(&mut self, key: &[u8], before: &[u8], value: &[u8]) -> Result<()> {
        if before == value {
            return Ok(());
        }
        let root = std::mem::take(&mut self.root);
        let path = nibbles::of_key(key);
        self.root = if value.is_empty() {
            self.remove(root, &path, 0)?
        } else {
            self.insert(root, &path, 0, value.to_vec())?
        };
        Ok(())
    }

    /// The root, and the nodes that were made since `new`, and the places that were left.
    pub fn commit(self) -> Committed {
        let mut sealer = Sealer {
            owner: self.owner,
            path: Vec::new(),
            made: Vec::new(),
        };
        let root = match &self.root {
            Link::Empty => EMPTY_ROOT,
            Link::Hash(hash) => *hash,
            Link::Node(root) => {
                let encoded = sealer.encode(root);
                sealer.keep(encoded)
            }
        };
        let mut made = sealer.made;
        made.sort_unstable();
        let mut gone = self.taken;
        gone.retain(|place| {
            made.binary_search_by(|(other, ..)| other.cmp(place))
                .is_err()
        });
        Committed { root, made, gone }
    }

    /// The node at a link, to be changed; `path` leads to it.
    fn take(&mut self, hash: B256, path: &[u8]) -> Result<Node> {
        let node = load(self.source, &self.owner, path, hash)?;
        self.taken.push(place_key(&self.owner, path));
        Ok(node)
    }

    fn insert(&mut self, link: Link, path: &[u8], at: usize, value: Vec<u8>) -> Result<Link> {
        let node = match link {
            Link::Empty => {
                return Ok(Node::Leaf {
                    path: path[at..].to_vec(),
                    value,
                }
                .into())
            }
            Link::Hash(hash) => self.take(hash, &path[..at])?,
            Link::Node(node) => *node,
        };
        let rest = &path[at..];
        match node {
            Node::Leaf { path: old, .. } if old == rest => {
                Ok(Node::Leaf { path: old, value }.into())
            }
            Node::Leaf {
                path: old,
                value: old_value,
            } => {
                let common = nibbles::common_prefix(&old, rest);
                let fork = Fork::default()
                    .leaf(&old[common..], old_value)
                    .leaf(&rest[common..], value);
                Ok(fork.under(&rest[..common]))
            }
            Node::Extension {
                path: prefix,
                child,
            } => {
                let common = nibbles::common_prefix(&prefix, rest);
                if common == prefix.len() {
                    let child = self.insert(child, path, at + common, value)?;
                    return Ok(extend(&prefix, child));
                }
                let fork = Fork::default()
                    .extension(&prefix[common..], child)
                    .leaf(&rest[common..], value);
                Ok(fork.under(&rest[..common]))
            }
            Node::Branch {
                mut children,
                value: old_value,
            } => {
                let Some(nibble) = rest.first() else {
                    return Ok(Node::Branch { children, value }.into());
                };
                let child = std::mem::take(&mut children[usize::from(*nibble)]);
                children[usize::from(*nibble)] = self.insert(child, path, at + 1, value)?;
                Ok(Node::Branch {
                    children,
                    value: old_value,
                }
                .into())
            }
        }
    }

    /// Removes a key that is there.
    fn remove(&mut self, link: Link, path: &[u8], at: usize) -> Result<Link> {
        let node = match link {
            Link::Empty => return Ok(Link::Empty),
            Link::Hash(hash) => self.take(hash, &path[..at])?,
            Link::Node(node) => *node,
        };
        match node {
            Node::Leaf { .. } => Ok(Link::Empty),
            Node::Extension {
                path: prefix,
                child,
            } => {
                let child = self.remove(child, path, at + prefix.len())?;
                self.merge(&path[..at], &prefix, child)
            }
            Node::Branch {
                mut children,
                mut value,
            } => {
                match path.get(at) {
                    None => value.clear(),
                    Some(nibble) => {
                        let child = std::mem::take(&mut children[usize::from(*nibble)]);
                        children[usize::from(*nibble)] = self.remove(child, path, at + 1)?;
                    }
                }
                self.collapse(&path[..at], children, value)
            }
        }
    }

    /// A branch at `place` that lost something: a branch still, or what is left of it.
    fn collapse(
        &mut self,
        place: &[u8],
        mut children: Box<[Link; 16]>,
        value: Vec<u8>,
    ) -> Result<Link> {
        let mut left = (0_u8..16).filter(|index| children[usize::from(*index)] != Link::Empty);
        match (left.next(), left.next(), value.is_empty()) {
            (None, _, _) => Ok(Node::Leaf {
                path: Vec::new(),
                value,
            }
            .into()),
            (Some(only), None, true) => {
                let child = std::mem::take(&mut children[usize::from(only)]);
                self.merge(place, &[only], child)
            }
            _ => Ok(Node::Branch { children, value }.into()),
        }
    }

    /// `path` before `child`, at `place`: joined with the child's own path where it has one.
    fn merge(&mut self, place: &[u8], path: &[u8], child: Link) -> Result<Link> {
        let hashed = match &child {
            Link::Hash(hash) => Some(*hash),
            Link::Empty | Link::Node(_) => None,
        };
        let below = [place, path].concat();
        let node = match child {
            Link::Empty => return Ok(Link::Empty),
            Link::Hash(hash) => load(self.source, &self.owner, &below, hash)?,
            Link::Node(node) => *node,
        };
        let (rest, child) = match node {
            // A branch stays what it is, where it is.
            Node::Branch { .. } => {
                return Ok(extend(path, hashed.map_or_else(|| node.into(), Link::Hash)))
            }
            Node::Leaf { path: rest, value } => {
                let path = [path, &rest].concat();
                (None, Node::Leaf { path, value }.into())
            }
            Node::Extension { path: rest, child } => (Some(rest), child),
        };
        if hashed.is_some() {
            self.taken.push(place_key(&self.owner, &below));
        }
        Ok(match rest {
            Some(rest) => extend(&[path, &rest].concat(), child),
            None => child,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    use crate::source::Empty;
    use std::collections::HashMap;
    use std::sync::Arc;

    /// By place: a node takes that of the one before it.
    struct Map(HashMap<Vec<u8>, Arc<[u8]>>);

    impl NodeSource for Map {
        fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>> {
            let node = self.0.get(&place_key(owner, path)).cloned();
            node.filter(|rlp| keccak256(rlp) == hash)
                .ok_or_else(|| StoreError::corrupt("missing"))
        }

        fn code(&self, _hash: B256) -> Result<Option<alloy_primitives::Bytes>> {
            Ok(None)
        }
    }

    fn root_of(pairs: &[(&str, &str)]) -> B256 {
        let mut trie = Trie::new(None, EMPTY_ROOT, &Empty);
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
            let mut trie = Trie::new(None, root, &map);
            trie.set(key(step).as_slice(), &[1; 60]).expect("set");
            if step % 3 == 2 {
                trie.set(key(step - 1).as_slice(), b"").expect("removed");
            }
            let committed = trie.commit();
            root = committed.root;
            for place in &committed.gone {
                assert!(map.0.remove(place).is_some(), "left what was not there");
            }
            let made = committed.made.into_iter();
            map.0.extend(made.map(|(place, _, rlp)| (place, rlp)));
        }
        let mut whole = Trie::new(None, EMPTY_ROOT, &Empty);
        (0..300)
            .filter(|step| step % 3 != 1)
            .for_each(|step| whole.set(key(step).as_slice(), &[1; 60]).expect("set"));
        let whole = whole.commit();
        assert_eq!(root, whole.root);
        let nodes = whole.made.into_iter();
        let whole_nodes: HashMap<_, _> = nodes.map(|(place, _, rlp)| (place, rlp)).collect();
        assert!(map.0 == whole_nodes, "just the nodes of the last state");
        map.0.remove(&place_key(&None, &[]));
        assert!(Trie::new(None, root, &map).get(b"x").is_err());
    }
}
