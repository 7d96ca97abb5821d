//! Everything reachable from state roots: is it all there, is nothing else, and does the flat state say the same?
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use alloy_primitives::{keccak256, Bytes, B256, KECCAK256_EMPTY};
use quip_store::{guarded, Snapshot, StoreError};

use crate::accounts::Account;
use crate::diff::DIFFS;
use crate::layer::{root_of, Layer, Mark};
use crate::node::{Link, Node};
use crate::place::Owner;
use crate::rebuild::{mark, rebuilt, update_to, Blocks, Flushed};
use crate::source::{NodeSource, CODES, TRIE};
use crate::states::{is_cut_off, States};
use crate::tables::{block_key, block_of, parent_and_root, BLOCKS, FLAT, FLUSHED, OLDEST};
use crate::trie::{load, EMPTY_ROOT};

/// More broken rows than this are not listed.
const MAX_PROBLEMS: usize = 1_000;

/// What was seen.
#[derive(Debug, Default)]
pub struct Walked {
    /// Nodes of the flushed trie that were read, or tried.
    pub nodes: u64,
    /// Blocks whose states were made again from the diffs.
    pub states: u64,
    codes: HashSet<B256>,
    pub problems: Vec<StoreError>,
}

impl Walked {
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
/// `walked.problems` and the walk goes on.
fn walk(source: &dyn NodeSource, root: B256, walked: &mut Walked, leaf: Leaf<'_>) {
    let mut waiting = vec![Place::root(None, root)];
    while let Some(place) = waiting.pop() {
        let node = match place.link {
            Link::Empty => continue,
            Link::Node(ref node) => (**node).clone(),
            Link::Hash(hash) => {
                walked.nodes += 1;
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
    let broken = |what: String| StoreError::corrupt(what).at(TRIE, key);
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
    /// Visits the flushed state and makes all others that are kept from it.
    pub fn check(&self) -> Result<Walked, StoreError> {
        let mut walked = Walked::default();
        let checked = self.store.read(|snapshot| {
            if let Err(error) = guarded(|| check_flushed(snapshot, &mut walked)) {
                walked.note(error);
            }
            guarded(|| check_diffs(snapshot, &mut walked))
        });
        if let Err(error) = checked {
            walked.note(error);
        }
        Ok(walked)
    }
}

/// The trie in the store is whole, and there is no more than it; the flat state has what it has, and no more.
fn check_flushed(snapshot: &Snapshot, walked: &mut Walked) -> Result<(), StoreError> {
    let flat = snapshot.rows(FLAT)?;
    let flushed = mark(snapshot, FLUSHED)?;
    let layer = Layer::default();
    let source = Coded(Flushed {
        snapshot,
        layer: &layer,
    });
    let mut leaves: u64 = 0;
    walk(&source, root_of(flushed), walked, &mut |key, value| {
        leaves += 1;
        if flat.get(key)?.as_deref() == Some(value) {
            return Ok(());
        }
        Err(StoreError::corrupt("not what the trie has").at(FLAT, key))
    });
    for (table, expected) in [(FLAT, leaves), (TRIE, walked.nodes)] {
        let mut rows: u64 = 0;
        snapshot.rows(table)?.visit(&[], |_, _| {
            rows += 1;
            Ok(true)
        })?;
        if rows != expected {
            walked.note(StoreError::corrupt(format!(
                "table {table} has {rows} rows, the state of the last flush {expected}"
            )));
        }
    }
    Ok(())
}

/// The flushed state with the store's code.
struct Coded<'a>(Flushed<'a>);

impl NodeSource for Coded<'_> {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        self.0.load(owner, path, hash)
    }

    fn code(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        let code = self.0.snapshot.get(CODES, hash.as_slice())?;
        Ok(code.map(Bytes::from))
    }
}

/// Every block's diff, from the flushed state outwards: it fits where it begins, and leads to the root it should.
fn check_diffs(snapshot: &Snapshot, walked: &mut Walked) -> Result<(), StoreError> {
    let Some(flushed) = mark(snapshot, FLUSHED)? else {
        return check_first(snapshot, walked);
    };
    let mut around = neighbours(snapshot)?;
    let mut waiting = vec![(flushed, Layer::default())];
    while let Some((from, layer)) = waiting.pop() {
        walked.states += 1;
        let mut next = around.remove(&from.hash).unwrap_or_default();
        next.retain(|to| around.contains_key(&to.hash)); // not where we come from
        let Some(last) = next.pop() else {
            continue;
        };
        let mut branches: Vec<(Mark, Layer)> =
            next.into_iter().map(|to| (to, layer.clone())).collect();
        branches.push((last, layer));
        for (to, mut layer) in branches {
            match guarded(|| step(snapshot, &mut layer, &from, &to)) {
                Ok(()) => waiting.push((to, layer)),
                Err(error) => walked.note(error),
            }
        }
    }
    Ok(())
}

/// Nothing is flushed yet: the diffs begin with the first block.
fn check_first(snapshot: &Snapshot, walked: &mut Walked) -> Result<(), StoreError> {
    let mut blocks = Vec::new();
    snapshot.rows(BLOCKS)?.visit(&[], |key, row| {
        let (number, hash) = block_of(BLOCKS, key)?;
        let root = parent_and_root(key, row)?.1;
        blocks.push(Mark { number, hash, root });
        Ok(true)
    })?;
    for block in blocks {
        walked.states += 1;
        if let Err(error) = guarded(|| rebuilt(snapshot, &block)) {
            walked.note(error);
        }
    }
    Ok(())
}

/// Parent and children of each block whose state is kept.
fn neighbours(snapshot: &Snapshot) -> Result<HashMap<B256, Vec<Mark>>, StoreError> {
    let oldest = mark(snapshot, OLDEST)?.map_or(0, |oldest| oldest.number);
    let mut around: HashMap<B256, Vec<Mark>> = HashMap::new();
    let mut blocks: HashMap<B256, Mark> = HashMap::new();
    let mut parents = Vec::new();
    snapshot.rows(BLOCKS)?.visit(&[], |key, row| {
        let (number, hash) = block_of(BLOCKS, key)?;
        let (parent, root) = parent_and_root(key, row)?;
        let block = Mark { number, hash, root };
        if !is_cut_off(snapshot, &block)? {
            blocks.insert(hash, block);
            around.entry(hash).or_default();
            if number > oldest {
                parents.push((block, parent));
            }
        }
        Ok(true)
    })?;
    for (block, parent) in parents {
        if let Some(below) = blocks.get(&parent) {
            around.entry(parent).or_default().push(block);
            around.entry(block.hash).or_default().push(*below);
        }
    }
    Ok(around)
}

/// Makes of the difference of a block's state from the flushed one that of a neighbour's.
fn step(snapshot: &Snapshot, layer: &mut Layer, from: &Mark, to: &Mark) -> Result<(), StoreError> {
    let up = to.number > from.number;
    let upper = if up { to } else { from };
    let source = Flushed {
        snapshot,
        layer: &*layer,
    };
    let mut values = HashMap::new();
    for change in snapshot.values(upper.number, &upper.hash)? {
        let (here, there) = if up {
            (change.old, change.new)
        } else {
            (change.new, change.old)
        };
        if source.flat(&change.key)? != Some(here) {
            let key = block_key(upper.number, &upper.hash);
            return Err(StoreError::corrupt("the diff does not fit").at(DIFFS, &key));
        }
        values.insert(change.key, there);
    }
    let update = update_to(&source, from.root, values, to)?;
    layer.add(&update);
    Ok(())
}
