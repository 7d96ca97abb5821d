//! Where the bytes lie: a file, memory, or a file seen through an overlay that keeps all writes in memory.
use std::collections::hash_map::{Entry, HashMap};
use std::fs::OpenOptions;
use std::io;
use std::ops::Bound;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use crate::error::{Result, StoreError};

const BLOCK: usize = 4096;

/// Opens an existing file as a disk; `create` makes a new one, and refuses to touch one that exists.
pub fn file(path: &Path, create: bool) -> Result<FileBackend> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(create)
        .mode(0o600) // whatever the umask is: who may write here may forge the chain
        .open(path)?;
    Ok(FileBackend::new(file)?)
}

/// A file that is never written: what recovery would write to it stays in memory. Used to read a store that was not
/// closed properly, or that is damaged, without changing a byte of it.
#[derive(Debug)]
pub struct Overlay {
    base: FileBackend,
    state: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    length: u64,
    blocks: HashMap<u64, Box<[u8]>>,
}

impl Overlay {
    /// The file under an empty overlay. Errors: those of the operating system.
    pub fn open(path: &Path) -> Result<Self> {
        let base = FileBackend::new(OpenOptions::new().read(true).open(path)?)?;
        let length = base.len().map_err(StoreError::from)?;
        Ok(Self {
            base,
            state: Mutex::new(Written {
                length,
                blocks: HashMap::new(),
            }),
        })
    }

    /// Takes the shared lock that an open by redb would take. Errors: Locked.
    pub fn lock(&self) -> Result<()> {
        match self
            .base
            .try_lock_shared_range(Bound::Unbounded, Bound::Unbounded)
        {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Locked("the file is locked".into())),
            Err(error) => Err(StoreError::Io(error.to_string())),
        }
    }

    fn state(&self) -> MutexGuard<'_, Written> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = self
            .base
            .len()?
            .saturating_sub(offset)
            .min(out.len() as u64) as usize;
        out[there..].fill(0);
        self.base.read(offset, &mut out[..there])
    }
}

/// (block, first byte inside it, bytes, offset into the buffer) of a range.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let inside = (at % BLOCK as u64) as usize;
        let count = (length - done).min(BLOCK - inside);
        let piece = (at / BLOCK as u64, inside, count, done);
        done += count;
        (count > 0).then_some(piece)
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset + out.len() as u64 > state.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.load(offset, out)?;
        for (block, inside, count, at) in pieces(offset, out.len()) {
            if let Some(data) = state.blocks.get(&block) {
                out[at..at + count].copy_from_slice(&data[inside..inside + count]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state().length = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        for (block, inside, count, at) in pieces(offset, data.len()) {
            let whole = match state.blocks.entry(block) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let mut whole = vec![0; BLOCK].into_boxed_slice();
                    self.load(block * BLOCK as u64, &mut whole)?;
                    entry.insert(whole)
                }
            };
            whole[inside..inside + count].copy_from_slice(&data[at..at + count]);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.base.close()
    }

    fn try_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<bool, BackendError> {
        self.base.try_lock_shared_range(start, end)
    }

    fn unlock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<(), BackendError> {
        self.base.unlock_range(start, end)
    }

    fn query_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<bool, BackendError> {
        self.base.query_lock_range(start, end)
    }
}
