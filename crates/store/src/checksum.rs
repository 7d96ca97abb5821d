//! A disk on which every 4 KiB block carries a checksum that is verified on every read.
//!
//! Layout: groups of one checksum block and 512 data blocks; checksum i of a group is 8 bytes, little-endian. Block 0 is
//! redb's header, which is rewritten in place: its checksum lies in the same 512-byte sector as its data, so that a crash
//! cannot separate the two. All other blocks are written before the first of the two syncs of a commit and are not
//! referenced before it, so a checksum that a crash separated from its block is never looked at.
use std::collections::BTreeSet;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use redb::{BackendError, StorageBackend};

use crate::error::damage;

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
}

fn position(block: u64) -> u64 {
    (block / GROUP * (GROUP + 1) + 1 + block % GROUP) * BLOCK
}

fn sum_position(block: u64) -> u64 {
    block / GROUP * (GROUP + 1) * BLOCK + block % GROUP * 8
}

/// Never zero, so that a zero checksum means "never written". The block's number is part of it: a block at the
/// wrong place is broken.
fn checksum(block: u64, data: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(data).as_bytes()[..8]);
    (u64::from_le_bytes(first) ^ (block + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).max(1)
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
        }
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
        if sector[HEADER..] != checksum(0, &sector[..HEADER]).to_le_bytes() {
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
        sector[HEADER..].copy_from_slice(&sum.to_le_bytes());
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
            let mut sums = vec![0; count * 8];
            self.read_raw(sum_position(first), &mut sums)?;
            for ((block, data), sum) in (first..)
                .zip(data.chunks_exact(BLOCK_BYTES))
                .zip(sums.chunks_exact(8))
            {
                let never_written = sum == [0; 8] && data.iter().all(|byte| *byte == 0);
                if !never_written && sum != checksum(block, data).to_le_bytes() {
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
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if offset == 0 && data.len() <= HEADER {
            return self.write_header(data);
        }
        aligned(offset, data.len())?;
        for (first, count, at) in runs(offset, data.len()) {
            let data = &data[at..at + count * BLOCK_BYTES];
            let blocks = (first..).zip(data.chunks_exact(BLOCK_BYTES));
            let sums: Vec<u8> = blocks
                .flat_map(|(block, data)| checksum(block, data).to_le_bytes())
                .collect();
            self.disk.write(position(first), data)?;
            self.disk.write(sum_position(first), &sums)?;
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
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
