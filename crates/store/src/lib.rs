//! The node's one database: a crash-safe, checksummed key-value file with one writer.
//!
//! ```text
//! Store             tables of bytes -> bytes; commit = one durable transaction     store.rs
//!   opening         the ways in which its file is opened                           opening.rs
//!   commit, snapshot  one transaction; a view of one moment                        commit.rs, snapshot.rs
//!   value frame     every value carries a checksum of (table, key, value)          frame.rs
//!   redb            B-trees, transactions, recovery                                (library)
//!   ChecksummedDisk every 4 KiB block carries a checksum                           checksum.rs
//!   a disk          File, memory, Overlay (read-only), FaultyDisk (tests)          disk.rs, faults.rs
//! ```
//!
//! Two layers of checksums, because they catch different things. redb trusts the pages it reads, so a flipped bit in a
//! page's keys could make a stored row look absent: block checksums turn that into an error. The checksum
//! of the value names table and key of what is broken, and survives a salvage that ignores broken blocks.
//!
//! Not here: what the tables mean (src/quip/storage), and tries (crates/state).

mod checksum;
mod commit;
mod disk;
mod error;
mod faults;
mod frame;
mod guard;
mod opening;
mod snapshot;
mod store;
mod sums;

pub use checksum::ChecksummedDisk;
pub use commit::{Changes, Writer};
pub use disk::Overlay;
pub use error::{Result, StoreError};
pub use faults::FaultyDisk;
pub use guard::guarded;
pub use opening::STORE_VERSION;
pub use snapshot::{CheckReport, Row, Rows, ScanRange, Snapshot};
pub use store::{Moments, Store};
