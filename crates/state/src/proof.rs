//! Proofs of what a state has, as EIP-1186 has them: the nodes on the path, the root first.
use alloy_primitives::{keccak256, Address, B256, U256};
use quip_store::StoreError;

use crate::accounts::{Account, NEW_ACCOUNT};
use crate::nibbles;
use crate::node::{Link, Node};
use crate::place::Owner;
use crate::reader::StateReader;
use crate::source::NodeSource;
use crate::trie::{load, EMPTY_ROOT};
use crate::view::TrieState;

/// A slot with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotProof {
    pub slot: U256,
    pub value: U256,
    pub nodes: Vec<Vec<u8>>,
}

/// An account, or its absence, with proofs of it and of some slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    pub account: Option<Account>,
    pub nodes: Vec<Vec<u8>>,
    pub slots: Vec<SlotProof>,
}

/// RLP of the nodes on the way to a key, as far as there are any. Nodes inside their parent are not repeated.
fn path_to(
    source: &dyn NodeSource,
    owner: &Owner,
    root: B256,
    key: B256,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let path = nibbles::of_key(key.as_slice());
    let mut proof = Vec::new();
    let mut at = 0;
    let mut link = if root == EMPTY_ROOT {
        Link::Empty
    } else {
        Link::Hash(root)
    };
    loop {
        let node = match link {
            Link::Empty => return Ok(proof),
            Link::Hash(hash) => {
                proof.push(source.load(owner, &path[..at], hash)?.to_vec());
                load(source, owner, &path[..at], hash)?
            }
            Link::Node(node) => *node,
        };
        link = match node {
            Node::Branch { mut children, .. } if at < path.len() => {
                at += 1;
                std::mem::take(&mut children[usize::from(path[at - 1])])
            }
            Node::Extension {
                path: prefix,
                child,
            } if path[at..].starts_with(&prefix) => {
                at += prefix.len();
                child
            }
            Node::Branch { .. } | Node::Extension { .. } | Node::Leaf { .. } => return Ok(proof),
        };
    }
}

/// The proof of an account and some of its slots in the state of `root`. Errors: Missing for a state that is not kept.
pub fn prove(
    source: &dyn NodeSource,
    root: B256,
    address: Address,
    slots: &[U256],
) -> Result<AccountProof, StoreError> {
    let state = TrieState::new(source, root);
    let owner = keccak256(address);
    let nodes = path_to(source, &None, root, owner)?;
    let account = state.account(address)?;
    let storage_root = account.unwrap_or(NEW_ACCOUNT).storage_root;
    let slots = slots.iter().map(|slot| {
        let key = keccak256(slot.to_be_bytes::<32>());
        Ok(SlotProof {
            slot: *slot,
            value: state.storage(address, *slot)?,
            nodes: path_to(source, &Some(owner), storage_root, key)?,
        })
    });
    Ok(AccountProof {
        account,
        nodes,
        slots: slots.collect::<Result<_, StoreError>>()?,
    })
}
