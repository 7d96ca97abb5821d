//! Tables of bytes to bytes in one file; a commit is one durable transaction.
use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::commit::{write, Changes, Writer};
use crate::error::{Result, StoreError};
use crate::faults::FaultyDisk;
use crate::guard::guarded;
use crate::opening::{Handle, Source};
use crate::snapshot::{CheckReport, Row, ScanRange, Snapshot};

enum State {
    Open(Handle),
    /// The disk was full: redb refuses everything after a failed write, so the next call opens the file again.
    Full,
    Failed(StoreError),
    Closed,
}

/// Views of an open store, one after the other, for a reader that outlasts commits.
pub struct Moments<'a> {
    handle: &'a Handle,
}

impl Moments<'_> {
    /// A view of this moment.
    pub fn now(&self) -> Result<Snapshot> {
        self.handle.snapshot()
    }
}

/// The store. All methods may be called from any thread; commits wait for each other, reads never wait for a commit.
pub struct Store {
    source: Source,
    state: RwLock<State>,
}

impl Store {
    fn from(source: Source) -> Result<Self> {
        let handle = source.create_or_open()?;
        Ok(Self {
            source,
            state: RwLock::new(State::Open(handle)),
        })
    }

    /// Opens the file, or creates it. Repairs what a crash left.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from(Source::File(path.to_path_buf()))
    }

    /// Opens an existing file without changing a byte of it.
    pub fn open_read_only(path: &Path) -> Result<Self> {
        Self::from(Source::ReadOnly(path.to_path_buf()))
    }

    /// Opens a damaged file for what can still be read of it: blocks that fail their checksum are used as they are, and
    /// the checksum of each value decides. The version is not looked at.
    pub fn salvage(path: &Path) -> Result<Self> {
        Self::from(Source::Salvage(path.to_path_buf()))
    }

    /// A store that ends with the process.
    pub fn in_memory() -> Result<Self> {
        Self::from(Source::Memory)
    }

    /// Opens a store on a disk with faults; an empty one becomes a new store.
    pub fn open_on(disk: FaultyDisk) -> Result<Self> {
        Self::from(Source::Faulty(disk))
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state to read from; opens the file again if it was left because the disk was full.
    fn read_state(&self) -> Result<RwLockReadGuard<'_, State>> {
        loop {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if !matches!(*state, State::Full) {
                return Ok(state);
            }
            drop(state);
            let mut state = self.write_state();
            if matches!(*state, State::Full) {
                *state = State::Open(self.source.open()?);
            }
        }
    }

    fn handle<'a>(state: &'a RwLockReadGuard<'_, State>) -> Result<&'a Handle> {
        match &**state {
            State::Open(handle) => Ok(handle),
            State::Failed(error) => Err(error.clone()),
            State::Full | State::Closed => Err(StoreError::Io("the store is closed".into())),
        }
    }

    /// Runs one operation. After damage or a failed write nothing more is asked of this database, unless nothing can be
    /// written to it anyway.
    fn run<T>(&self, work: impl FnOnce(&Handle) -> Result<T>) -> Result<T> {
        let state = self.read_state()?;
        let handle = Self::handle(&state)?;
        let outcome = guarded(|| work(handle));
        drop(state);
        if let Err(error) = &outcome {
            self.settle(error);
        }
        outcome
    }

    /// Gives the database up where an operation's error says so. Waits for those that read.
    pub fn settle(&self, error: &StoreError) {
        if !self.source.is_writable() {
            return;
        }
        let next = match error {
            StoreError::Corrupt { table, .. } if table.is_empty() => State::Failed(error.clone()),
            StoreError::Full(_) => State::Full,
            StoreError::Io(_) => State::Failed(error.clone()),
            _ => return,
        };
        *self.write_state() = next;
    }

    /// The value of a key. Errors: Corrupt, naming table and key.
    pub fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read(|snapshot| snapshot.get(table, key))
            .map_err(|error| error.at(table, key))
    }

    /// Rows of a table, in the order of their keys. Errors: Corrupt, naming the first broken row.
    pub fn scan(&self, table: &str, range: &ScanRange) -> Result<Vec<Row>> {
        self.read(|snapshot| snapshot.scan(table, range))
            .map_err(|error| error.at(table, &range.start))
    }

    /// At most `limit` keys from `start` on, without a look at the values: for going through a damaged table.
    pub fn keys(&self, table: &str, start: &[u8], limit: usize) -> Result<Vec<Vec<u8>>> {
        self.read(|snapshot| snapshot.keys(table, start, limit))
            .map_err(|error| error.at(table, start))
    }

    /// The names of the tables, sorted.
    pub fn tables(&self) -> Result<Vec<String>> {
        self.read(Snapshot::tables)
    }

    /// As `read`, for work that takes its views itself.
    pub fn read_moments<T>(&self, work: impl FnOnce(&Moments<'_>) -> Result<T>) -> Result<T> {
        self.run(|handle| work(&Moments { handle }))
    }

    /// As `read_now`, for work that takes its views itself.
    pub fn read_moments_now<T>(
        &self,
        work: impl FnOnce(&Moments<'_>) -> Result<T>,
    ) -> Option<Result<T>> {
        let state = self.state.try_read().ok()?;
        let State::Open(handle) = &*state else {
            return None;
        };
        Some(guarded(|| work(&Moments { handle })))
    }

    /// As `read`, without waiting for anybody; None where it would have to. For readers who hold a lock that others wait
    /// for: they `settle` an error once they hold it no more.
    pub fn read_now<T>(&self, work: impl FnOnce(&Snapshot) -> Result<T>) -> Option<Result<T>> {
        let state = self.state.try_read().ok()?;
        let State::Open(handle) = &*state else {
            return None;
        };
        Some(guarded(|| work(&handle.snapshot()?)))
    }

    /// Runs `work` on a view of this moment.
    pub fn read<T>(&self, work: impl FnOnce(&Snapshot) -> Result<T>) -> Result<T> {
        self.run(|handle| work(&handle.snapshot()?))
    }

    /// Makes all changes in one transaction, durable when this returns. Errors: Full (all or nothing has changed, so the
    /// same commit may be repeated; reads go on, commits work again once there is room), ReadOnly, Corrupt.
    pub fn commit(&self, changes: &Changes) -> Result<()> {
        self.write(|writer| writer.apply(changes))
    }

    /// Makes what `work` does in one transaction, durable when this returns; nothing of it where that gives an error.
    /// Errors: as `commit`, and those of `work`.
    pub fn write<T>(&self, work: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
        if !self.source.is_writable() {
            return Err(StoreError::ReadOnly);
        }
        self.run(|handle| write(handle.writer()?, work))
    }

    /// Whether a commit can succeed.
    pub fn is_writable(&self) -> bool {
        self.source.is_writable()
    }

    /// Reads every row of every table; of a read-only store also the pages that keep no rows. `progress` is called with
    /// the number of rows read so far.
    pub fn check(&self, mut progress: impl FnMut(u64)) -> Result<CheckReport> {
        let mut report = CheckReport::default();
        for name in self.tables()? {
            let walked =
                self.read(|snapshot| snapshot.check_table(&name, &mut report, &mut progress));
            if let Err(error) = walked {
                report.problems.push(error.at(&name, &[]));
                break;
            }
        }
        report.problems.extend(self.check_pages().err());
        Ok(report)
    }

    /// redb's own check of its trees and of the free pages. It writes, so it is for a read-only store's overlay.
    fn check_pages(&self) -> Result<()> {
        match (&self.source, &mut *self.write_state()) {
            (Source::ReadOnly(_), State::Open(Handle::Writer(database))) => {
                match guarded(|| Ok(database.check_integrity()?))? {
                    true => Ok(()),
                    false => Err(StoreError::corrupt("its pages contradict each other")),
                }
            }
            _ => Ok(()),
        }
    }

    /// Moves what lies at the file's end into its free pages and cuts them off. Errors: as `commit`.
    pub fn compact(&self) -> Result<()> {
        match &mut *self.write_state() {
            State::Open(Handle::Writer(database)) if self.source.is_writable() => {
                guarded(|| Ok(database.compact().map(|_| ())?))
            }
            _ => Err(StoreError::ReadOnly),
        }
    }

    /// Closes the file; later calls fail. Errors: those of the last write.
    pub fn close(&self) -> Result<()> {
        match std::mem::replace(&mut *self.write_state(), State::Closed) {
            State::Open(Handle::Writer(database)) if self.source.is_writable() => {
                guarded(|| Ok(database.close()?))
            }
            State::Open(handle) => guarded(|| {
                drop(handle);
                Ok(())
            }),
            State::Full | State::Failed(_) | State::Closed => Ok(()),
        }
    }
}
