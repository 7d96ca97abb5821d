//! A disk on which every 4 KiB block carries a checksum that is verified on every read.
//!
//! Layout: groups of one checksum block and 512 data blocks; checksum i of a group is 8 bytes, little-endian. Block 0 is
//! redb's header, which is rewritten in place: its checksum lies in the same 512-byte sector as its data, so that a crash
//! cannot separate the two. All other blocks are written before the first of the two syncs of a commit and are not
//! referenced before it, so a checksum that a crash separated from its block is never looked at. That is also why
//! checksums may wait in memory for the next sync: neighbours then take one write together.
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

use crate::error::damage;
use crate::sums;

const BLOCK: u64 = 4096;
const BLOCK_BYTES: usize = BLOCK as usize;
/// Data blocks of a group: as many 8-byte checksums as fit into one block.
const GROUP: u64 = BLOCK / 8;
/// Block 0 on disk: at most this many bytes of data, zero padding, 8 bytes of checksum.
const HEADER: usize = 504;
const SECTOR: usize = 512;
/// Where redb's header says that the file was not closed, and the bit that does.
const FLAGS: usize = 9;
const RECOVERY_REQUIRED: u8 = 2;

/// Whether a block that fails its checksum is an error, or noted and read as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    Refuse,
    /// For salvage by a reader that takes no part in recovery: the header says that none is needed, what is past the end
    /// of the file reads as zeros, and locks are granted (the disk below holds the real one).
    Note,
}

#[derive(Debug)]
pub struct ChecksummedDisk {
    disk: Box<dyn StorageBackend>,
    damage: Damage,
    noted: Mutex<BTreeSet<u64>>,
    /// By block the checksums that are written with the next sync.
    waiting: Mutex<BTreeMap<u64, [u8; 8]>>,
}

fn position(block: u64) -> u64 {
    (block / GROUP * (GROUP + 1) + 1 + block % GROUP) * BLOCK
}

fn sum_position(block: u64) -> u64 {
    block / GROUP * (GROUP + 1) * BLOCK + block % GROUP * 8
}

/// Never zero, so that a zero checksum means "never written". The block's number is part of it: a block at the
/// wrong place is broken.
fn placed(block: u64, sum: u64) -> [u8; 8] {
    (sum ^ (block + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .max(1)
        .to_le_bytes()
}

fn checksum(block: u64, data: &[u8]) -> [u8; 8] {
    placed(block, sums::of(&[data]))
}

/// Also true of what version 1 of the store wrote, which `quip db reindex` reads.
fn fits(block: u64, data: &[u8], sum: &[u8]) -> bool {
    sum == checksum(block, data) || sum == placed(block, sums::of_version_1(&[data]))
}

fn aligned(offset: u64, length: usize) -> io::Result<()> {
    if offset > 0 && offset.is_multiple_of(BLOCK) && length.is_multiple_of(BLOCK_BYTES) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("{length} bytes at {offset} are not whole blocks"),
    ))
}

impl ChecksummedDisk {
    /// Checksums around a disk.
    pub fn new(disk: Box<dyn StorageBackend>, damage: Damage) -> Self {
        Self {
            disk,
            damage,
            noted: Mutex::new(BTreeSet::new()),
            waiting: Mutex::new(BTreeMap::new()),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, [u8; 8]>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checksums of blocks of one group, as they were written last.
    fn read_sums(&self, first: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut sums = vec![0; count * 8];
        self.read_raw(sum_position(first), &mut sums)?;
        for (block, sum) in self.waiting().range(first..first + count as u64) {
            let at = (block - first) as usize * 8;
            sums[at..at + 8].copy_from_slice(sum);
        }
        Ok(sums)
    }

    /// Writes the checksums that wait: of neighbours in one group together.
    fn write_sums(&self) -> io::Result<()> {
        let mut waiting = self.waiting();
        let mut run: (u64, Vec<u8>) = (0, Vec::new());
        for (block, sum) in waiting.iter() {
            let next = run.0 + run.1.len() as u64 / 8;
            if !run.1.is_empty() && (*block != next || block.is_multiple_of(GROUP)) {
                self.disk.write(sum_position(run.0), &run.1)?;
                run.1.clear();
            }
            if run.1.is_empty() {
                run.0 = *block;
            }
            run.1.extend_from_slice(sum);
        }
        if !run.1.is_empty() {
            self.disk.write(sum_position(run.0), &run.1)?;
        }
        waiting.clear();
        Ok(())
    }

    fn mismatch(&self, block: u64) -> io::Result<()> {
        match self.damage {
            Damage::Refuse => Err(damage(format!(
                "block {block} of the file fails its checksum"
            ))),
            Damage::Note => {
                self.noted
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(block);
                Ok(())
            }
        }
    }

    /// A read that only a damaged page can ask for.
    fn misplaced(&self, error: io::Error, out: &mut [u8]) -> io::Result<()> {
        match self.damage {
            Damage::Refuse => Err(error),
            Damage::Note => {
                out.fill(0);
                Ok(())
            }
        }
    }

    fn read_raw(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.damage == Damage::Refuse {
            return self.disk.read(offset, out);
        }
        let there = self
            .disk
            .len()?
            .saturating_sub(offset)
            .min(out.len() as u64) as usize;
        out[there..].fill(0);
        match there {
            0 => Ok(()),
            _ => self.disk.read(offset, &mut out[..there]),
        }
    }

    fn read_header(&self, out: &mut [u8]) -> io::Result<()> {
        let mut sector = [0; SECTOR];
        self.read_raw(position(0), &mut sector)?;
        if !fits(0, &sector[..HEADER], &sector[HEADER..]) {
            self.mismatch(0)?;
        }
        if self.damage == Damage::Note {
            sector[FLAGS] &= !RECOVERY_REQUIRED;
        }
        out.copy_from_slice(&sector[..out.len()]);
        Ok(())
    }

    fn write_header(&self, data: &[u8]) -> io::Result<()> {
        let mut sector = [0; SECTOR];
        sector[..data.len()].copy_from_slice(data);
        let sum = checksum(0, &sector[..HEADER]);
        sector[HEADER..].copy_from_slice(&sum);
        self.disk.write(position(0), &sector)
    }
}

/// Runs of blocks within one group: (first block, blocks, offset into the buffer).
fn runs(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let (mut block, mut done) = (offset / BLOCK, 0);
    std::iter::from_fn(move || {
        let count = ((length - done) / BLOCK_BYTES).min((GROUP - block % GROUP) as usize);
        let run = (block, count, done);
        block += count as u64;
        done += count * BLOCK_BYTES;
        (count > 0).then_some(run)
    })
}

impl StorageBackend for ChecksummedDisk {
    fn len(&self) -> io::Result<u64> {
        let length = self.disk.len()?;
        if self.damage == Damage::Refuse && !length.is_multiple_of(BLOCK) {
            return Err(damage(format!(
                "the file was cut inside a block, at {length} bytes"
            )));
        }
        let blocks = length / BLOCK;
        Ok((blocks - blocks.div_ceil(GROUP + 1)) * BLOCK)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset == 0 && out.len() <= HEADER {
            return self.read_header(out);
        }
        if let Err(error) = aligned(offset, out.len()) {
            return self.misplaced(error, out);
        }
        for (first, count, at) in runs(offset, out.len()) {
            let data = &mut out[at..at + count * BLOCK_BYTES];
            self.read_raw(position(first), data)?;
            let sums = self.read_sums(first, count)?;
            for ((block, data), sum) in (first..)
                .zip(data.chunks_exact(BLOCK_BYTES))
                .zip(sums.chunks_exact(8))
            {
                let never_written = sum == [0; 8] && data.iter().all(|byte| *byte == 0);
                if !never_written && !fits(block, data, sum) {
                    self.mismatch(block)?;
                }
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let blocks = len.div_ceil(BLOCK);
        self.disk.set_len((blocks + blocks.div_ceil(GROUP)) * BLOCK)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.write_sums()?;
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset == 0 && data.len() <= HEADER {
            return self.write_header(data);
        }
        aligned(offset, data.len())?;
        for (first, count, at) in runs(offset, data.len()) {
            let data = &data[at..at + count * BLOCK_BYTES];
            self.disk.write(position(first), data)?;
            let blocks = (first..).zip(data.chunks_exact(BLOCK_BYTES));
            let sums = blocks.map(|(block, data)| (block, checksum(block, data)));
            self.waiting().extend(sums);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        let written = self.write_sums();
        self.disk.close().and(written) // closed in any case: that is what gives the lock back
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        match self.damage {
            Damage::Refuse => self.disk.try_lock_range(start, end),
            Damage::Note => Ok(true),
        }
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        match self.damage {
            Damage::Refuse => self.disk.try_lock_shared_range(start, end),
            Damage::Note => Ok(true),
        }
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        match self.damage {
            Damage::Refuse => self.disk.lock_range(start, end),
            Damage::Note => Ok(()),
        }
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        match self.damage {
            Damage::Refuse => self.disk.lock_shared_range(start, end),
            Damage::Note => Ok(()),
        }
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        match self.damage {
            Damage::Refuse => self.disk.unlock_range(start, end),
            Damage::Note => Ok(()),
        }
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        match self.damage {
            Damage::Refuse => self.disk.query_lock_range(start, end),
            Damage::Note => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;

    #[test]
    fn checksums_wait_for_the_sync_and_count_before_it() {
        let disk = ChecksummedDisk::new(Box::new(InMemoryBackend::new()), Damage::Refuse);
        disk.set_len(2 * GROUP * BLOCK).expect("room");
        let blocks: Vec<u64> = (1..6).chain(GROUP - 2..GROUP + 3).collect();
        let data = |block: u64, round: u64| vec![(block + round) as u8; BLOCK_BYTES];
        let mut read = vec![0; BLOCK_BYTES];
        for round in 0..2 {
            for block in &blocks {
                let wrote = disk.write(block * BLOCK, &data(*block, round));
                wrote.expect("a write");
            }
            let mut on_disk = [0; 8];
            disk.disk.read(sum_position(1), &mut on_disk).expect("sums");
            assert_ne!(on_disk, checksum(1, &data(1, round)), "not before the sync");
            for synced in [false, true] {
                if synced {
                    disk.sync_data().expect("a sync");
                    assert!(disk.waiting().is_empty());
                }
                for block in &blocks {
                    disk.read(block * BLOCK, &mut read).expect("a read");
                    assert_eq!(read, data(*block, round));
                    if synced {
                        let place = sum_position(*block);
                        disk.disk.read(place, &mut on_disk).expect("sums");
                        assert_eq!(on_disk, checksum(*block, &data(*block, round)));
                    }
                }
            }
        }
        disk.disk.write(position(3), &[7; 8]).expect("damage");
        assert!(disk.read(3 * BLOCK, &mut read).is_err());
    }

    #[test]
    fn what_version_1_wrote_is_read() {
        let data = [5; BLOCK_BYTES];
        let sum = placed(9, sums::of_version_1(&[&data]));
        assert!(fits(9, &data, &sum) && !fits(8, &data, &sum));
        assert_ne!(sum, checksum(9, &data));
    }
}
