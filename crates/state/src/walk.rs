//! Everything reachable from state roots: is it all there?
use std::collections::HashSet;

use alloy_primitives::B256;
use quip_store::{guarded, StoreError};

use crate::accounts::Account;
use crate::node::{Link, Node};
use crate::source::{NodeSource, NODES};
use crate::trie::{load, EMPTY_ROOT};

/// More broken nodes than this are not listed.
const MAX_PROBLEMS: usize = 1_000;

/// What was seen. Kept from root to root, so that nodes shared by many states are read once.
#[derive(Debug, Default)]
pub struct Walked {
    seen: HashSet<B256>,
    pub accounts: u64,
    pub problems: Vec<StoreError>,
}

impl Walked {
    /// Distinct nodes that were read, or tried.
    pub fn nodes(&self) -> u64 {
        self.seen.len() as u64
    }
}

/// Visits a state's accounts and their storage. What is broken goes to `walked.problems` and the walk goes on.
pub fn walk(source: &dyn NodeSource, root: B256, walked: &mut Walked) {
    let mut waiting = vec![(root, true)];
    while let Some((hash, state)) = waiting.pop() {
        if hash == EMPTY_ROOT || !walked.seen.insert(hash) {
            continue;
        }
        let visited = guarded(|| load(source, hash))
            .and_then(|node| visit(&node, hash, state, walked, &mut waiting));
        if let Err(error) = visited {
            if walked.problems.len() < MAX_PROBLEMS {
                walked.problems.push(error);
            }
        }
    }
}

/// Notes what a node refers to. `state`: the node is of the trie of accounts, not of one account's storage.
fn visit(
    node: &Node,
    hash: B256,
    state: bool,
    walked: &mut Walked,
    waiting: &mut Vec<(B256, bool)>,
) -> Result<(), StoreError> {
    let mut follow = |link: &Link, walked: &mut Walked| match link {
        Link::Empty => Ok(()),
        Link::Hash(child) => {
            waiting.push((*child, state));
            Ok(())
        }
        Link::Node(child) => visit(child, hash, state, walked, waiting),
    };
    match node {
        Node::Extension { child, .. } => follow(child, walked),
        Node::Branch { children, .. } => {
            children.iter().try_for_each(|child| follow(child, walked))
        }
        Node::Leaf { value, .. } if state => {
            let account = Account::decode(value).map_err(|error| {
                StoreError::corrupt(format!("not an account: {error}")).at(NODES, hash.as_slice())
            })?;
            walked.accounts += 1;
            waiting.push((account.storage_root, false));
            Ok(())
        }
        Node::Leaf { .. } => Ok(()),
    }
}
