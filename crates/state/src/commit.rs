//! Blocks and their states in one transaction, and now and then the flush of what waits in memory.
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use alloy_primitives::{Bytes, B256};
use quip_store::{Changes, StoreError, Writer};

use crate::diff::{encode_values, ValueChange, DIFFS};
use crate::layer::{root_of, Layer, Mark};
use crate::place::{node_key, place_key, Owner};
use crate::rebuild::{moved, trie_node, update_to, Blocks};
use crate::source::{NodeSource, CODES, NODES, TRIE};
use crate::states::{load, States};
use crate::tables::{
    block_key, block_of, block_row, mark_row, BLOCKS, FLAT, FLUSHED, HEAD, MARKS, OLDEST,
};
use crate::update::StateUpdate;

/// A block whose state is committed with it.
#[derive(Clone, Copy)]
pub struct BlockState<'a> {
    pub number: u64,
    pub hash: B256,
    pub parent: B256,
    pub update: &'a StateUpdate,
    /// The block is the head from now on.
    pub is_head: bool,
}

/// Numbers whose diffs one flush drops at most: more than it adds, so that a store which kept more catches up.
const DROPPED_A_FLUSH: u64 = 4_096;

/// One commit as it comes to be, block by block, so that many blocks together leave what each alone would leave.
struct Batch<'a, 'u> {
    states: &'a States,
    blocks: HashMap<(u64, B256), BlockState<'u>>,
    head: Option<Mark>,
    flushed: Option<Mark>,
    oldest: Option<Mark>,
    /// From the overlay's state (or the last flush in this batch) to the head's.
    layer: Layer,
    /// What is flushed after the overlay; None: nothing is flushed.
    flush: Option<Layer>,
    rows: Changes,
}

impl Blocks for Batch<'_, '_> {
    fn block(&self, number: u64, hash: &B256) -> Result<(B256, B256), StoreError> {
        match self.blocks.get(&(number, *hash)) {
            Some(block) => Ok((block.parent, block.update.root)),
            None => self.states.store.read(|stored| stored.block(number, hash)),
        }
    }

    fn values(&self, number: u64, hash: &B256) -> Result<Vec<ValueChange>, StoreError> {
        match self.blocks.get(&(number, *hash)) {
            Some(block) => Ok(block.update.values.clone()),
            None => self.states.store.read(|stored| stored.values(number, hash)),
        }
    }
}

/// The state of the batch's head.
impl NodeSource for Batch<'_, '_> {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        let place = place_key(owner, path);
        if let Some(node) = self.layers().find_map(|layer| layer.get(&place, &hash)) {
            return Ok(node);
        }
        if let Some(node) = self.states.overlay().layer.get(&place, &hash) {
            return Ok(node);
        }
        trie_node(self.states.store.get(TRIE, &place)?, owner, path, hash)
    }

    fn code(&self, _hash: B256) -> Result<Option<Bytes>, StoreError> {
        Ok(None) // no trie has code
    }

    fn flat(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.layers().find_map(|layer| layer.values.get(key)) {
            return Ok(Some(value.clone()));
        }
        if let Some(value) = self.states.overlay().layer.values.get(key) {
            return Ok(Some(value.clone()));
        }
        Ok(Some(self.states.store.get(FLAT, key)?.unwrap_or_default()))
    }
}

impl<'u> Batch<'_, 'u> {
    /// The newest first.
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.layer).chain(&self.flush)
    }

    fn put(&mut self, table: &str, key: Vec<u8>, value: Vec<u8>) {
        self.rows.puts.push((table.into(), key, value));
    }

    fn add(&mut self, block: BlockState<'u>) -> Result<(), StoreError> {
        let (number, hash, update) = (block.number, block.hash, block.update);
        if let Some(below) = number.checked_sub(1) {
            // The root of a dropped parent may be that of a kept state, but nothing leads back from the block.
            let parent = self.block(below, &block.parent);
            parent.map_err(|_| StoreError::Missing(update.parent_root.to_vec()))?;
        }
        let key = block_key(number, &hash);
        self.put(DIFFS, key.clone(), encode_values(&update.values));
        self.put(BLOCKS, key, block_row(&block.parent, &update.root));
        for (hash, code) in &update.codes {
            self.put(CODES, hash.to_vec(), code.to_vec());
        }
        if self.states.limits.archive {
            for (place, hash, rlp) in &update.made {
                self.put(NODES, node_key(place, hash), rlp.to_vec());
            }
        }
        self.blocks.insert((number, hash), block);
        if block.is_head {
            let mark = Mark {
                number,
                hash,
                root: update.root,
            };
            if update.parent_root == root_of(self.head) {
                self.layer.add(update);
                self.head = Some(mark);
            } else {
                self.move_head(mark)?;
            }
            self.oldest.get_or_insert(mark);
            self.flush_if_due();
        }
        Ok(())
    }

    /// A reorganisation: diffs backwards, then forwards.
    fn move_head(&mut self, to: Mark) -> Result<(), StoreError> {
        let from = self.head.map(|head| (head.number, head.hash));
        let values = moved(self, from, (to.number, to.hash))?;
        let update = update_to(self, root_of(self.head), values, &to)?;
        self.layer.add(&update);
        self.head = Some(to);
        Ok(())
    }

    fn flush_if_due(&mut self) {
        let number = |mark: Option<Mark>| mark.map_or(0, |mark| mark.number + 1);
        let limits = self.states.limits;
        let mut bytes = self.layer.bytes;
        if self.flush.is_none() {
            bytes += self.states.overlay().layer.bytes;
        }
        let waiting = number(self.head).abs_diff(number(self.flushed));
        if waiting >= limits.flush_blocks || bytes >= limits.flush_bytes {
            self.flush();
        }
    }

    /// What waits goes to the store with this commit.
    fn flush(&mut self) {
        let layer = std::mem::take(&mut self.layer);
        self.flush.get_or_insert_with(Layer::default).extend(layer);
        self.flushed = self.head;
    }

    /// Writes everything in one transaction. `above`: states of higher numbers are dropped.
    fn write(&mut self, changes: &Changes, above: Option<u64>) -> Result<(), StoreError> {
        let before = self.oldest;
        if let Some(last) = self.flush.is_some().then_some(self.flushed).flatten() {
            self.drop_old(last)?;
        }
        for (name, mark) in [
            (HEAD, self.head),
            (OLDEST, self.oldest),
            (FLUSHED, self.flushed),
        ] {
            if let Some(mark) = mark {
                self.put(MARKS, name.to_vec(), mark_row(&mark));
            }
        }
        let (rows, flush) = (&self.rows, &self.flush);
        let (oldest, overlay) = (self.oldest, &self.states.overlay().layer);
        self.states.store.write(|writer| {
            writer.apply(changes)?;
            writer.apply(rows)?;
            if let Some(flush) = flush {
                write_layers(writer, overlay, flush)?;
            }
            let moved = before
                .zip(oldest)
                .filter(|(before, oldest)| before != oldest);
            if let Some((before, oldest)) = moved {
                // The state of the oldest block itself is reached by the diffs above it.
                forget(writer, DIFFS, before.number, oldest.number + 1)?;
                forget(writer, BLOCKS, before.number, oldest.number)?;
            }
            if let Some(number) = above {
                forget(writer, DIFFS, number + 1, u64::MAX)?;
                forget(writer, BLOCKS, number + 1, u64::MAX)?;
            }
            Ok(())
        })
    }

    /// Moves the oldest kept state upwards, to so many numbers below the block that was flushed.
    fn drop_old(&mut self, flushed: Mark) -> Result<(), StoreError> {
        let Some(oldest) = self.oldest else {
            return Ok(());
        };
        if self.states.limits.archive {
            return Ok(()); // old side branches stand on old states, and a reorganisation goes along the diffs
        }
        let first = (flushed.number + 1).saturating_sub(self.states.limits.retained.max(1));
        let first = first.min(oldest.number + DROPPED_A_FLUSH);
        if first <= oldest.number {
            return Ok(());
        }
        let mut block = flushed;
        while block.number > first {
            let (parent, _) = self.block(block.number, &block.hash)?;
            let (_, root) = self.block(block.number - 1, &parent)?;
            block = Mark {
                number: block.number - 1,
                hash: parent,
                root,
            };
        }
        self.oldest = Some(block);
        Ok(())
    }
}

/// The flushed state's rows: those of the overlay, then those that came after them.
fn write_layers(writer: &mut Writer<'_>, first: &Layer, then: &Layer) -> Result<(), StoreError> {
    let mut nodes: Vec<(&[u8], Option<&[u8]>)> = Vec::new();
    let older = first.nodes.iter();
    let older = older.filter(|(place, _)| !then.nodes.contains_key(*place));
    for (place, node) in older.chain(&then.nodes) {
        nodes.push((place, node.as_ref().map(|(_, rlp)| &**rlp)));
    }
    write_rows(writer, TRIE, nodes)?;
    let mut values: Vec<(&[u8], Option<&[u8]>)> = Vec::new();
    let older = first.values.iter();
    let older = older.filter(|(key, _)| !then.values.contains_key(*key));
    for (key, value) in older.chain(&then.values) {
        values.push((key, (!value.is_empty()).then_some(value)));
    }
    write_rows(writer, FLAT, values)
}

/// In the order of keys: neighbours lie on the same pages.
fn write_rows(
    writer: &mut Writer<'_>,
    table: &str,
    mut rows: Vec<(&[u8], Option<&[u8]>)>,
) -> Result<(), StoreError> {
    rows.sort_unstable();
    for (key, value) in rows {
        match value {
            Some(value) => writer.set(table, key, value)?,
            None => writer.remove(table, key)?,
        }
    }
    Ok(())
}

/// Removes a table's blocks of the numbers from `first` to (without) `end`.
fn forget(writer: &mut Writer<'_>, table: &str, first: u64, end: u64) -> Result<(), StoreError> {
    if first >= end {
        return Ok(());
    }
    for key in writer.keys(table, &first.to_be_bytes(), &end.to_be_bytes())? {
        block_of(table, &key)?;
        writer.remove(table, &key)?;
    }
    Ok(())
}

impl States {
    /// Writes rows and blocks with their states in one durable transaction: of a crash nothing or all is left. The
    /// blocks come with parents before children. Errors: as `Store::commit`; the same commit may be repeated. Missing
    /// for a block on one whose state is not kept.
    pub fn commit(&self, changes: &Changes, blocks: &[BlockState<'_>]) -> Result<(), StoreError> {
        self.change(|batch| {
            blocks.iter().try_for_each(|block| batch.add(*block))?;
            batch.write(changes, None)
        })
    }

    /// Writes what waits in memory: the store then says nothing of when it was flushed before.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.change(|batch| {
            batch.flush();
            batch.write(&Changes::default(), None)
        })
    }

    /// Drops states beyond the limit, in transactions of some size, until none is left. Errors: as `commit`.
    pub fn prune(&self) -> Result<(), StoreError> {
        loop {
            let before = self.oldest();
            self.flush()?;
            if self.oldest() == before {
                return Ok(());
            }
        }
    }

    /// Makes a block whose state is kept the head, and drops the states of all higher numbers. The index of numbers is
    /// the caller's. Errors: Corrupt where the block's state is not kept.
    pub fn rewind(&self, number: u64, hash: B256) -> Result<(), StoreError> {
        self.change(|batch| {
            let (_, root) = batch.block(number, &hash)?;
            batch.move_head(Mark { number, hash, root })?;
            batch.flush();
            batch.write(&Changes::default(), Some(number))
        })
    }

    fn doubt(&self) -> MutexGuard<'_, bool> {
        self.doubtful.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one commit. What it changes in memory is seen once it is durable.
    fn change<'u>(
        &self,
        work: impl FnOnce(&mut Batch<'_, 'u>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut doubtful = self.doubt();
        if *doubtful {
            let found = load(&self.store)?;
            *self.overlay_mut() = found;
            *doubtful = false;
        }
        let (head, flushed, oldest) = {
            let overlay = self.overlay();
            (overlay.head, overlay.flushed, overlay.oldest)
        };
        let mut batch = Batch {
            states: self,
            blocks: HashMap::new(),
            head,
            flushed,
            oldest,
            layer: Layer::default(),
            flush: None,
            rows: Changes::default(),
        };
        if let Err(error) = work(&mut batch) {
            *doubtful = true;
            return Err(error);
        }
        let Batch {
            head,
            flushed,
            oldest,
            layer,
            flush,
            ..
        } = batch;
        let mut overlay = self.overlay_mut();
        (overlay.head, overlay.flushed, overlay.oldest) = (head, flushed, oldest);
        let freed = match flush {
            None => {
                overlay.layer.extend(layer);
                None
            }
            Some(_) => {
                self.known().clear(); // some of them are dropped perhaps
                Some(std::mem::replace(&mut overlay.layer, layer))
            }
        };
        drop(overlay);
        drop(freed); // some megabytes, without the lock
        Ok(())
    }
}
