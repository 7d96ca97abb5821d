//! A disk that fails on command: the process is killed in the middle of an operation, the power goes, the disk is full.
//! The simulator and the crash tests put a store on it; a node never does.
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use crate::disk;
use crate::error::Result;

const BLOCK: u64 = 4096;
/// What a disk writes as one piece, or not at all.
const SECTOR: usize = 512;

/// A file with faults. Clones share the file and its faults: one goes into the store, one stays in the test's hands.
#[derive(Clone, Debug)]
pub struct FaultyDisk {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: FileBackend,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Writes, syncs and length changes that were completed since `arm`.
    operations: u64,
    kill_at: Option<u64>,
    /// The operation in whose middle the power goes, and the seed of what is kept.
    cut_at: Option<(u64, Option<u64>)>,
    full: bool,
    off: bool,
    log: Option<File>,
    /// Since the last sync: what each touched block held before, and the file's length.
    unsynced: BTreeMap<u64, Vec<u8>>,
    synced_length: u64,
}

impl FaultyDisk {
    /// The file at `path`, created where absent.
    pub fn new(path: &Path) -> Result<Self> {
        let file = disk::file(path, !path.exists())?;
        let state = State {
            synced_length: file.len()?,
            ..State::default()
        };
        Ok(Self {
            shared: Arc::new(Shared {
                file,
                state: Mutex::new(state),
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts operations from zero again. With `kill_at` = k the process kills itself (SIGKILL) in the middle of the
    /// k-th: a write has then put about half of its sectors in place, a sync or length change has not happened.
    pub fn arm(&self, kill_at: Option<u64>) -> Result<()> {
        let mut state = self.state();
        state.operations = 0;
        state.kill_at = kill_at;
        Ok(state.write_log()?)
    }

    /// Keeps the number of completed operations (u64le) in the file at `path`, where it survives the process.
    pub fn log_to(&self, path: &Path) -> Result<()> {
        let mut state = self.state();
        state.log = Some(
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?,
        );
        Ok(state.write_log()?)
    }

    /// How many operations were completed since `arm`.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// While full, the file cannot grow and holes in it cannot be filled; what is allocated can be rewritten.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// The power goes: nothing written since the last sync is there any more or, given a seed, a random part of its
    /// sectors. Every later operation fails.
    pub fn cut_power(&self, keep_seed: Option<u64>) -> Result<()> {
        Ok(self.lose(&mut self.state(), keep_seed)?)
    }

    /// Lets the power go in the middle of the k-th operation from now: a write has then put about half of its sectors
    /// in place, a sync or length change has not happened.
    pub fn cut_power_after(&self, operations: u64, keep_seed: Option<u64>) {
        let mut state = self.state();
        state.cut_at = Some((state.operations + operations, keep_seed));
    }

    /// False once the power is gone.
    pub fn has_power(&self) -> bool {
        !self.state().off
    }

    /// Whether the power goes in the operation that would be completed next; it is gone when this returns true.
    fn power_goes(&self, state: &mut State) -> io::Result<bool> {
        let goes = state.goes_now();
        if let (true, Some((_, keep_seed))) = (goes, state.cut_at) {
            self.lose(state, keep_seed)?;
        }
        Ok(goes)
    }

    fn lose(&self, state: &mut State, keep_seed: Option<u64>) -> io::Result<()> {
        state.off = true;
        let mut coins = keep_seed;
        let mut keep = || {
            coins
                .as_mut()
                .is_some_and(|seed| next_random(seed) & 1 == 1)
        };
        if !keep() {
            self.shared.file.set_len(state.synced_length)?;
        }
        let length = self.shared.file.len()?;
        for (block, before) in std::mem::take(&mut state.unsynced) {
            for (index, sector) in before.chunks(SECTOR).enumerate() {
                let at = block * BLOCK + (index * SECTOR) as u64;
                if at + sector.len() as u64 <= length && !keep() {
                    self.shared.file.write(at, sector)?;
                }
            }
        }
        Ok(())
    }

    fn remember(&self, state: &mut State, offset: u64, length: u64) -> io::Result<()> {
        let end = self.shared.file.len()?;
        for block in offset / BLOCK..(offset + length).div_ceil(BLOCK) {
            if state.unsynced.contains_key(&block) {
                continue;
            }
            let mut before = vec![0; BLOCK as usize];
            let there = end.saturating_sub(block * BLOCK).min(BLOCK) as usize;
            self.shared.file.read(block * BLOCK, &mut before[..there])?;
            state.unsynced.insert(block, before);
        }
        Ok(())
    }

    fn is_hole(&self, state: &State, offset: u64, length: u64) -> bool {
        let mut blocks = offset / BLOCK..(offset + length).div_ceil(BLOCK);
        blocks.any(|block| {
            state
                .unsynced
                .get(&block)
                .is_none_or(|before| before.iter().all(|byte| *byte == 0))
        })
    }
}

/// splitmix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn no_power() -> io::Error {
    io::Error::other("the disk has no power")
}

fn die() -> ! {
    // SAFETY: kill(2) on this very process; SIGKILL cannot be caught, so the call does not return.
    unsafe {
        libc::kill(libc::getpid(), libc::SIGKILL);
    }
    std::process::abort()
}

impl State {
    fn ready(&self) -> io::Result<()> {
        if self.off {
            return Err(no_power());
        }
        Ok(())
    }

    fn goes_now(&self) -> bool {
        self.cut_at.is_some_and(|(at, _)| self.operations + 1 >= at)
    }

    fn dies_now(&self) -> bool {
        self.kill_at == Some(self.operations + 1)
    }

    fn done(&mut self) -> io::Result<()> {
        self.operations += 1;
        self.write_log()
    }

    fn write_log(&mut self) -> io::Result<()> {
        let operations = self.operations.to_le_bytes();
        if let Some(log) = &mut self.log {
            log.seek(SeekFrom::Start(0))?;
            log.write_all(&operations)?;
        }
        Ok(())
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        self.state().ready()?;
        self.shared.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.state().ready()?;
        self.shared.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.ready()?;
        if state.dies_now() {
            die();
        }
        if self.power_goes(&mut state)? {
            return Err(no_power());
        }
        let now = self.shared.file.len()?;
        if state.full && len > now {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.remember(&mut state, len.min(now), now.saturating_sub(len))?;
        self.shared.file.set_len(len)?;
        state.done()
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.ready()?;
        if state.dies_now() {
            die();
        }
        if self.power_goes(&mut state)? {
            return Err(no_power());
        }
        self.shared.file.sync_data()?;
        state.unsynced.clear();
        state.synced_length = self.shared.file.len()?;
        state.done()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.ready()?;
        if state.dies_now() {
            self.shared
                .file
                .write(offset, &data[..data.len() / SECTOR / 2 * SECTOR])?;
            die();
        }
        self.remember(&mut state, offset, data.len() as u64)?;
        if state.full && self.is_hole(&state, offset, data.len() as u64) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if state.goes_now() {
            self.shared
                .file
                .write(offset, &data[..data.len() / SECTOR / 2 * SECTOR])?;
            self.power_goes(&mut state)?;
            return Err(no_power());
        }
        self.shared.file.write(offset, data)?;
        state.done()
    }

    fn close(&self) -> io::Result<()> {
        self.shared.file.close()
    }

    fn try_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<bool, BackendError> {
        self.shared.file.try_lock_range(start, end)
    }

    fn unlock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<(), BackendError> {
        self.shared.file.unlock_range(start, end)
    }

    fn query_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<bool, BackendError> {
        self.shared.file.query_lock_range(start, end)
    }
}
