//! What can go wrong with a store, named for what the operator has to do about it.
//!
//! ```text
//! StoreError
//!   Corrupt   what is on disk is not what was written: `quip db check`, `quip db reindex`
//!   Locked    another process has the file open
//!   Full      the disk is full: reads go on, commits resume once there is room
//!   Missing   a state that is not kept
//!   Version   the file was written by another version of the store
//!   ReadOnly  a commit on a store that was opened for reading
//!   Io        everything else the operating system refuses
//! ```
use std::fmt;
use std::io;

pub type Result<T> = std::result::Result<T, StoreError>;

/// What every message about damage ends with.
pub const HINT: &str =
    "run `quip db check` to see what is damaged and `quip db reindex` to rebuild it";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    Corrupt {
        what: String,
        table: String,
        key: Vec<u8>,
    },
    Locked(String),
    Full(String),
    Version {
        found: u32,
        expected: u32,
    },
    /// A trie node, by its hash, of a state that is older than those that are kept; or the node is lost.
    Missing(Vec<u8>),
    ReadOnly,
    Io(String),
}

impl StoreError {
    /// Damage that is not about one row; `at` adds the row.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt {
            what: what.into(),
            table: String::new(),
            key: Vec::new(),
        }
    }

    /// Says which row was asked for, where that is not known yet.
    #[must_use]
    pub fn at(self, table: &str, key: &[u8]) -> Self {
        match self {
            Self::Corrupt {
                what, table: named, ..
            } if named.is_empty() => Self::Corrupt {
                what,
                table: table.into(),
                key: key.into(),
            },
            other => other,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { what, table, .. } if table.is_empty() => {
                write!(out, "store is damaged: {what}; {HINT}")
            }
            Self::Corrupt { what, table, key } => {
                write!(out, "store is damaged at table {table}, key 0x")?;
                key.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
                write!(out, ": {what}; {HINT}")
            }
            Self::Locked(what) => write!(out, "store is in use by another process: {what}"),
            Self::Full(what) => write!(
                out,
                "disk is full: {what}; free some space, then import resumes by itself"
            ),
            Self::Version { found, expected } if found > expected => {
                write!(out, "store has version {found}, this program knows {expected}: use the newer program")
            }
            Self::Version { found, expected } => {
                write!(out, "store has version {found}, this program needs {expected}: run `quip db reindex`")
            }
            Self::Missing(hash) => {
                write!(out, "missing trie node ")?;
                hash.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
                write!(
                    out,
                    ": the state is older than those that are kept (`--archive` keeps all)"
                )
            }
            Self::ReadOnly => write!(out, "store was opened read-only"),
            Self::Io(what) => write!(out, "store: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// The error a disk gives for a block that fails its checksum; `kind` InvalidData marks it as damage.
pub fn damage(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::corrupt(error.to_string()),
            io::ErrorKind::UnexpectedEof => Self::corrupt("the file is shorter than it was"),
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full(error.to_string()),
            _ => Self::Io(error.to_string()),
        }
    }
}

impl From<redb::StorageError> for StoreError {
    fn from(error: redb::StorageError) -> Self {
        match error {
            redb::StorageError::Corrupted(what) => Self::corrupt(what),
            redb::StorageError::Io(error) => error.into(),
            redb::StorageError::ValueTooLarge(size) => {
                Self::Io(format!("a value of {size} bytes is too large"))
            }
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<redb::DatabaseError> for StoreError {
    fn from(error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => Self::Locked(error.to_string()),
            redb::DatabaseError::Storage(error) => error.into(),
            other => Self::corrupt(other.to_string()),
        }
    }
}

impl From<redb::TransactionError> for StoreError {
    fn from(error: redb::TransactionError) -> Self {
        match error {
            redb::TransactionError::Storage(error) => error.into(),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<redb::TableError> for StoreError {
    fn from(error: redb::TableError) -> Self {
        match error {
            redb::TableError::Storage(error) => error.into(),
            other => Self::corrupt(other.to_string()),
        }
    }
}

impl From<redb::CompactionError> for StoreError {
    fn from(error: redb::CompactionError) -> Self {
        match error {
            redb::CompactionError::Storage(error) => error.into(),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<redb::CommitError> for StoreError {
    fn from(error: redb::CommitError) -> Self {
        match error {
            redb::CommitError::Storage(error) => error.into(),
            other => Self::Io(other.to_string()),
        }
    }
}
