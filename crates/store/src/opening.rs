//! The ways in which a store's file is opened, and what is made sure of on the way.
use std::path::{Path, PathBuf};

use redb::backends::InMemoryBackend;
use redb::{
    Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadableDatabase, StorageBackend,
};

use crate::checksum::{ChecksummedDisk, Damage};
use crate::commit::{commit_changes, Changes};
use crate::disk::{self, Overlay};
use crate::error::{Result, StoreError};
use crate::faults::FaultyDisk;
use crate::guard::guarded;
use crate::snapshot::Snapshot;

/// Version of the file: of the block and value checksums here, and of what src/quip/storage puts into the tables.
pub const STORE_VERSION: u32 = 3;
/// redb's page cache. The operating system caches the file besides.
const CACHE_BYTES: usize = 64 << 20;
const META: &str = "meta";
const VERSION_KEY: &[u8] = b"store_version";

/// What a store was opened from, and can be opened from again.
#[derive(Debug)]
pub enum Source {
    File(PathBuf),
    ReadOnly(PathBuf),
    Salvage(PathBuf),
    Memory,
    Faulty(FaultyDisk),
}

/// An open database.
pub enum Handle {
    /// Also for reading only: on an overlay, which takes what recovery writes.
    Writer(Database),
    /// For salvage: takes no part in recovery and does not look at the record of free pages.
    Reader(ReadOnlyDatabase),
}

impl Handle {
    /// A view of this moment.
    pub fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot::new(match self {
            Self::Writer(database) => database.begin_read()?,
            Self::Reader(database) => database.begin_read()?,
        }))
    }

    /// The database to write to. Errors: ReadOnly.
    pub fn writer(&self) -> Result<&Database> {
        match self {
            Self::Writer(database) => Ok(database),
            Self::Reader(_) => Err(StoreError::ReadOnly),
        }
    }
}

impl Source {
    /// Whether a commit can succeed.
    pub fn is_writable(&self) -> bool {
        !matches!(self, Self::ReadOnly(_) | Self::Salvage(_))
    }

    /// Opens what is there; a file or disk that holds nothing yet becomes an empty store.
    pub fn create_or_open(&self) -> Result<Handle> {
        match self {
            Self::File(path) if !path.exists() => guarded(|| create(path))?,
            Self::Faulty(disk) if disk.len()? == 0 => return new_database(Box::new(disk.clone())),
            Self::Memory => return new_database(Box::new(InMemoryBackend::new())),
            _ => {}
        }
        self.open()
    }

    /// Opens what is there.
    pub fn open(&self) -> Result<Handle> {
        match self {
            Self::File(path) => checked(Box::new(disk::file(path, false)?)),
            Self::Faulty(disk) => checked(Box::new(disk.clone())),
            Self::ReadOnly(path) => checked(Box::new(Overlay::open(path)?)),
            Self::Salvage(path) => salvage(Overlay::open(path)?),
            Self::Memory => Err(StoreError::Io("what was in memory is gone".into())),
        }
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn database(disk: Box<dyn StorageBackend>) -> Result<Database> {
    guarded(|| Ok(builder().create_with_backend(ChecksummedDisk::new(disk, Damage::Refuse))?))
}

fn new_database(disk: Box<dyn StorageBackend>) -> Result<Handle> {
    let database = database(disk)?;
    let version = (
        META.to_string(),
        VERSION_KEY.to_vec(),
        STORE_VERSION.to_be_bytes().to_vec(),
    );
    let changes = Changes {
        puts: vec![version],
        deletes: Vec::new(),
    };
    guarded(|| commit_changes(&database, &changes))?;
    Ok(Handle::Writer(database))
}

/// Makes a new file complete under another name first: a crash leaves either no store or a whole one.
fn create(path: &Path) -> Result<()> {
    let unfinished = path.with_extension("new");
    if unfinished.exists() {
        std::fs::remove_file(&unfinished)?;
    }
    if let Handle::Writer(database) = new_database(Box::new(disk::file(&unfinished, true)?))? {
        database.close()?;
    }
    std::fs::rename(&unfinished, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Ok(std::fs::File::open(folder)?.sync_all()?)
}

fn checked(disk: Box<dyn StorageBackend>) -> Result<Handle> {
    if disk.len()? == 0 {
        return Err(StoreError::corrupt("the file is empty"));
    }
    let handle = Handle::Writer(database(disk)?);
    guarded(|| check_version(&handle))?;
    Ok(handle)
}

fn check_version(handle: &Handle) -> Result<()> {
    let found = handle.snapshot()?.get(META, VERSION_KEY)?;
    let Some(found) = found else {
        return Err(StoreError::corrupt("it names no version").at(META, VERSION_KEY));
    };
    match <[u8; 4]>::try_from(found.as_slice()).map(u32::from_be_bytes) {
        Ok(STORE_VERSION) => Ok(()),
        Ok(found) => Err(StoreError::Version {
            found,
            expected: STORE_VERSION,
        }),
        Err(_) => Err(StoreError::corrupt("its version is not four bytes").at(META, VERSION_KEY)),
    }
}

/// A reader as beside a writing process: it reads the last commit by its root, and nothing else.
fn salvage(file: Overlay) -> Result<Handle> {
    file.lock()?;
    guarded(|| {
        let disk = ChecksummedDisk::new(Box::new(file), Damage::Note);
        let mut builder = builder();
        builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
        Ok(Handle::Reader(builder.open_read_only_with_backend(disk)?))
    })
}
