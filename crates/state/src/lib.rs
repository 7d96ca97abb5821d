//! Ethereum's Merkle-Patricia tries over content-addressed nodes, and the account state in one of them.
//!
//! ```text
//! reader.rs     what execution reads of a state, and the changes that it hands back
//! view.rs       a state by its root, from its trie
//! accounts.rs   address -> account in the secure trie: read, update
//! walk.rs       everything reachable from a root, for checks
//! trie.rs       get, insert, remove, commit: touches only the nodes on the paths that change
//! node.rs       the nodes and their RLP        nibbles.rs   paths and their hex-prefix encoding
//! source.rs     where nodes come from: nothing, or the store behind a bounded cache
//! ```
//!
//! A trie is named by its root; a commit returns the nodes that are new and writes nothing. Nodes are keyed by their
//! keccak256 and never deleted, so any root that was ever stored can be read.
//! Source: Ethereum Yellow Paper, appendices C (hex-prefix) and D (trie).

mod accounts;
mod commit;
mod diff;
mod layer;
mod nibbles;
mod node;
mod place;
mod proof;
mod reader;
mod rebuild;
mod source;
mod states;
mod tables;
mod trie;
mod update;
mod view;
mod walk;

pub use accounts::Account;
pub use commit::BlockState;
pub use layer::{Mark, Staged};
pub use place::{place_key, Owner};
pub use proof::{prove, AccountProof, SlotProof};
pub use reader::{AccountChange, AccountValue, State, StateChanges, StateReader};
pub use source::{Empty, NodeSource};
pub use states::{Limits, States, View};
pub use trie::{Committed, Trie, EMPTY_ROOT};
pub use update::StateUpdate;
pub use view::{MemoryStates, TrieState};
pub use walk::Walked;
