//! Everything reachable from state roots: is it all there, is nothing else, and does the flat state say the same?
use std::collections::HashSet;

use alloy_primitives::{keccak256, B256, KECCAK256_EMPTY};
use quip_store::{guarded, StoreError};

use crate::accounts::Account;
use crate::node::{Link, Node};
use crate::place::{node_key, Owner};
use crate::source::{NodeSource, CODES, NODES};
use crate::states::{StateSource, States};
use crate::tables::{block_of, mark_of, parent_and_root, BLOCKS, FLAT, FLUSHED, MARKS};
use crate::trie::{load, EMPTY_ROOT};

/// More broken rows than this are not listed.
const MAX_PROBLEMS: usize = 1_000;

/// What was seen. Kept from root to root, so that nodes shared by many states are read once.
#[derive(Debug, Default)]
pub struct Walked {
    seen: HashSet<Vec<u8>>,
    codes: HashSet<B256>,
    pub problems: Vec<StoreError>,
}

impl Walked {
    /// Distinct nodes that were read, or tried.
    pub fn nodes(&self) -> u64 {
        self.seen.len() as u64
    }

    fn note(&mut self, problem: StoreError) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

/// Called with a key and a value as the flat state should have them.
type Leaf<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>;

/// A place that waits for its visit.
struct Place {
    owner: Owner,
    path: Vec<u8>,
    link: Link,
}

impl Place {
    fn root(owner: Owner, root: B256) -> Self {
        let link = if root == EMPTY_ROOT {
            Link::Empty
        } else {
            Link::Hash(root)
        };
        Self {
            owner,
            path: Vec::new(),
            link,
        }
    }
}

/// Goes through a state from its root; `leaf` is called with what the flat state should have. What is broken goes to
/// `walked.problems` and the walk goes on. Nodes seen before are passed by unless `again`.
fn walk(source: &dyn NodeSource, root: B256, walked: &mut Walked, again: bool, leaf: Leaf<'_>) {
    let mut waiting = vec![Place::root(None, root)];
    while let Some(place) = waiting.pop() {
        let node = match place.link {
            Link::Empty => continue,
            Link::Node(ref node) => (**node).clone(),
            Link::Hash(hash) => {
                let key = node_key(&place.owner, &place.path, &hash);
                if !walked.seen.insert(key) && !again {
                    continue;
                }
                match guarded(|| load(source, &place.owner, &place.path, hash)) {
                    Ok(node) => node,
                    Err(error) => {
                        walked.note(error);
                        continue;
                    }
                }
            }
        };
        if let Err(error) = visit(source, place, node, walked, &mut waiting, leaf) {
            walked.note(error);
        }
    }
}

fn visit(
    source: &dyn NodeSource,
    place: Place,
    node: Node,
    walked: &mut Walked,
    waiting: &mut Vec<Place>,
    leaf: Leaf<'_>,
) -> Result<(), StoreError> {
    let below = |rest: &[u8]| [place.path.as_slice(), rest].concat();
    match node {
        Node::Extension { path, child } => waiting.push(Place {
            path: below(&path),
            owner: place.owner,
            link: child,
        }),
        Node::Branch { children, .. } => {
            for (nibble, link) in (0_u8..).zip(*children) {
                let path = below(&[nibble]);
                waiting.push(Place {
                    owner: place.owner,
                    path,
                    link,
                });
            }
        }
        Node::Leaf { path, value } => {
            let nibbles = below(&path);
            let key: Vec<u8> = nibbles
                .chunks(2)
                .map(|pair| pair[0] << 4 | pair[pair.len() - 1])
                .collect();
            let Some(owner) = place.owner else {
                return account(source, &key, &value, walked, waiting, leaf);
            };
            leaf(&[owner.as_slice(), &key].concat(), &value)?;
        }
    }
    Ok(())
}

fn account(
    source: &dyn NodeSource,
    key: &[u8],
    value: &[u8],
    walked: &mut Walked,
    waiting: &mut Vec<Place>,
    leaf: Leaf<'_>,
) -> Result<(), StoreError> {
    let broken = |what: String| StoreError::corrupt(what).at(NODES, key);
    let account =
        Account::decode(value).map_err(|error| broken(format!("not an account: {error}")))?;
    let owner = B256::try_from(key).map_err(|_| broken("not at the end of its path".into()))?;
    waiting.push(Place::root(Some(owner), account.storage_root));
    let hash = account.code_hash;
    if hash != KECCAK256_EMPTY && walked.codes.insert(hash) {
        let code = guarded(|| source.code(hash));
        match code {
            Ok(Some(code)) if keccak256(&code) == hash => {}
            Ok(_) => walked.note(
                StoreError::corrupt("a code is missing or another").at(CODES, hash.as_slice()),
            ),
            Err(error) => walked.note(error),
        }
    }
    leaf(key, &account.encode_slim())
}

impl States {
    /// Visits all states that are kept, and everything that is stored of them.
    pub fn check(&self) -> Result<Walked, StoreError> {
        self.read(None, |source| {
            let mut walked = Walked::default();
            if let Err(error) = guarded(|| check_states(source, &mut walked)) {
                walked.note(error);
            }
            if let Err(error) = guarded(|| check_flat(source, &mut walked)) {
                walked.note(error);
            }
            if let Err(error) = guarded(|| check_nodes(source, &mut walked)) {
                walked.note(error);
            }
            Ok(walked)
        })
    }
}

fn check_states(source: &StateSource<'_>, walked: &mut Walked) -> Result<(), StoreError> {
    source.snapshot().rows(BLOCKS)?.visit(&[], |key, row| {
        block_of(BLOCKS, key)?;
        let (_, root) = parent_and_root(key, row)?;
        walk(source, root, walked, false, &mut |_, _| Ok(()));
        Ok(true)
    })
}

/// The flat state in the store has what the trie of its block has, and no more.
fn check_flat(source: &StateSource<'_>, walked: &mut Walked) -> Result<(), StoreError> {
    let flat = source.snapshot().rows(FLAT)?;
    let mut leaves: u64 = 0;
    if let Some(row) = source.snapshot().get(MARKS, FLUSHED)? {
        let root = mark_of(FLUSHED, &row)?.root;
        walk(source, root, walked, true, &mut |key, value| {
            leaves += 1;
            if flat.get(key)?.as_deref() == Some(value) {
                return Ok(());
            }
            Err(StoreError::corrupt("not what the trie has").at(FLAT, key))
        });
    }
    let mut rows: u64 = 0;
    flat.visit(&[], |_, _| {
        rows += 1;
        Ok(true)
    })?;
    if rows != leaves {
        walked.note(StoreError::corrupt(format!(
            "the flat state has {rows} rows, its trie {leaves}"
        )));
    }
    Ok(())
}

/// No node is left of states that are not kept.
fn check_nodes(source: &StateSource<'_>, walked: &mut Walked) -> Result<(), StoreError> {
    source.snapshot().rows(NODES)?.visit(&[], |key, _| {
        if !walked.seen.contains(key) {
            walked.note(StoreError::corrupt("a trie node that no kept state has").at(NODES, key));
        }
        Ok(true)
    })
}
