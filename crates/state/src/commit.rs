//! Blocks and their states in one transaction, and now and then the flush of what waits in memory.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alloy_primitives::B256;
use quip_store::{Changes, StoreError, Writer};

use crate::diff::{encode_trail, encode_values, ValueChange, DIFFS, TRAILS};
use crate::overlay::{Mark, Nodes, Values};
use crate::place::hash_in;
use crate::prune::{self, PRUNED_A_FLUSH};
use crate::replay::{self, moved, trail_of, weight, Blocks};
use crate::source::{node_in, node_row, CODES, NODES};
use crate::states::{age, States};
use crate::tables::{
    block_key, block_row, mark_row, Pending, Tip, BLOCKS, FLAT, FLUSHED, HEAD, MARKS, OLDEST,
    PENDING,
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

/// What a flush writes.
#[derive(Default)]
struct Flush {
    blocks: Vec<Pending>,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    flushed: Option<Mark>,
}

/// One commit as it comes to be, block by block, so that many blocks together leave what each alone would leave.
struct Batch<'a, 'u> {
    states: &'a States,
    tip: &'a mut Tip,
    blocks: HashMap<(u64, B256), BlockState<'u>>,
    nodes: Nodes,
    /// The head's flat values that changed and are in no flush yet.
    values: Values,
    rows: Changes,
    flush: Option<Flush>,
    /// Blocks above this number are dropped.
    drop_above: Option<u64>,
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

impl<'u> Batch<'_, 'u> {
    fn put(&mut self, table: &str, key: Vec<u8>, value: Vec<u8>) {
        self.rows.puts.push((table.into(), key, value));
    }

    fn add(&mut self, block: BlockState<'u>) -> Result<(), StoreError> {
        let (number, hash, update) = (block.number, block.hash, block.update);
        let key = block_key(number, &hash);
        if self.blocks.contains_key(&(number, hash)) {
            return Ok(());
        }
        // Repeated after an error behind which it was written after all: its nodes are counted.
        let is_known = self.states.store.get(BLOCKS, &key)?.is_some();
        if let Some(below) = number.checked_sub(1) {
            // A dropped parent's root may be a kept state's root as well, but nobody counts the nodes for it.
            let parent = self.block(below, &block.parent);
            parent.map_err(|_| StoreError::Missing(update.parent_root.to_vec()))?;
        }
        self.blocks.insert((number, hash), block);
        if !is_known {
            self.put(DIFFS, key.clone(), encode_values(&update.values));
            self.put(BLOCKS, key, block_row(&block.parent, &update.root));
            for (hash, code) in &update.codes {
                self.put(CODES, hash.to_vec(), code.to_vec());
            }
            let made = update.made.iter();
            self.nodes
                .extend(made.map(|(key, rlp)| (hash_in(key), rlp.clone())));
            self.tip.bytes += weight(update);
            self.tip.pending.push(Pending {
                number,
                hash,
                trail: trail_of(update),
            });
        }
        if block.is_head {
            self.move_head(block)?;
        }
        let limits = self.states.limits;
        if self.tip.pending.len() >= limits.flush_blocks || self.tip.bytes >= limits.flush_bytes {
            self.flush();
        }
        Ok(())
    }

    fn move_head(&mut self, block: BlockState<'_>) -> Result<(), StoreError> {
        let mark = Mark {
            number: block.number,
            hash: block.hash,
            root: block.update.root,
        };
        let from = self.tip.head.map(|head| (head.number, head.hash));
        if from.is_some_and(|(_, head)| head == block.parent) {
            let changes = block.update.values.iter();
            self.values
                .extend(changes.map(|change| (change.key.clone(), change.new.clone())));
        } else if from != Some((mark.number, mark.hash)) {
            let values = moved(self, from, (mark.number, mark.hash))?;
            self.values.extend(values);
        }
        self.tip.head = Some(mark);
        if self.tip.oldest.is_none() {
            self.tip.oldest = Some(mark);
        }
        Ok(())
    }

    /// Everything that waits goes to the store with this commit.
    fn flush(&mut self) {
        let overlay = self.states.overlay();
        let flush = self.flush.get_or_insert_with(|| Flush {
            values: overlay
                .values
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            ..Flush::default()
        });
        flush.values.extend(std::mem::take(&mut self.values));
        flush.blocks.append(&mut self.tip.pending);
        flush.flushed = self.tip.head;
        self.tip.flushed = self.tip.head;
        self.tip.bytes = 0;
    }

    /// Writes everything; nothing in memory but the tip has moved before this is durable.
    fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        for (name, mark) in [
            (HEAD, self.tip.head),
            (OLDEST, self.tip.oldest),
            (FLUSHED, self.tip.flushed),
        ] {
            if let Some(mark) = mark {
                self.put(MARKS, name.to_vec(), mark_row(&mark));
            }
        }
        for pending in &self.tip.pending {
            let key = block_key(pending.number, &pending.hash);
            if self.blocks.contains_key(&(pending.number, pending.hash)) {
                self.rows.puts.push((PENDING.into(), key, Vec::new()));
            }
        }
        let retained = self.states.limits.retained;
        // A view that is taken from now on may see the flush before the overlay knows of it.
        self.states.overlay_mut().flushing = self.flush.is_some();
        let Self {
            rows,
            flush,
            nodes,
            tip,
            states,
            drop_above,
            ..
        } = self;
        states.store.write(|writer| {
            writer.apply(changes)?;
            writer.apply(rows)?;
            let Some(flush) = flush else {
                return Ok(());
            };
            flush.write(writer, nodes, &states.overlay().nodes)?;
            if let Some(number) = drop_above {
                for hash in prune::at(writer, *number + 1)? {
                    prune::drop_branch(writer, *number + 1, hash)?;
                }
            }
            prune::advance(writer, tip, retained, PRUNED_A_FLUSH)
        })
    }
}

impl Flush {
    fn write(
        &self,
        writer: &mut Writer<'_>,
        new: &Nodes,
        waiting: &Nodes,
    ) -> Result<(), StoreError> {
        let mut made: Vec<(&[u8], &Arc<[u8]>)> = Vec::new();
        for block in &self.blocks {
            for key in &block.trail.made {
                let hash = hash_in(key);
                let rlp = new.get(&hash).or_else(|| waiting.get(&hash));
                let rlp = rlp.ok_or_else(|| {
                    StoreError::corrupt("a trie node is lost before its flush").at(NODES, key)
                })?;
                made.push((key, rlp));
            }
        }
        made.sort_unstable_by_key(|(key, _)| *key);
        for (key, rlp) in made {
            if let Some(before) = writer.put(NODES, key, rlp)? {
                let (more, _) = node_in(&before);
                writer.put(NODES, key, &node_row(more.saturating_add(1), rlp))?;
            }
        }
        for (key, value) in &self.values {
            if value.is_empty() {
                writer.remove(FLAT, key)?;
            } else {
                writer.put(FLAT, key, value)?;
            }
        }
        for block in &self.blocks {
            let key = block_key(block.number, &block.hash);
            writer.put(TRAILS, &key, &encode_trail(&block.trail))?;
            writer.remove(PENDING, &key)?;
        }
        Ok(())
    }
}

impl States {
    /// Writes rows and blocks with their states in one durable transaction: of a crash nothing or all is left. The
    /// blocks come with parents before children. Errors: as `Store::commit`; the same commit may be repeated.
    pub fn commit(&self, changes: &Changes, blocks: &[BlockState<'_>]) -> Result<(), StoreError> {
        self.with_tip(|batch| {
            blocks.iter().try_for_each(|block| batch.add(*block))?;
            batch.write(changes)
        })
    }

    /// Drops states beyond the limit, in transactions of some size, until none is left. Errors: as `commit`.
    pub fn prune(&self) -> Result<(), StoreError> {
        self.flush()?;
        loop {
            let before = self.oldest();
            self.flush()?;
            if self.oldest() == before {
                return Ok(());
            }
        }
    }

    /// Goes back to a block, or over to one: it is the head, and no state of a higher number is left. The index of
    /// numbers is the caller's. Errors: Corrupt where the block's state is not kept.
    pub fn rewind(&self, number: u64, hash: B256) -> Result<(), StoreError> {
        self.flush()?;
        self.with_tip(|batch| {
            let (_, root) = batch.block(number, &hash)?;
            let from = batch.tip.head.map(|head| (head.number, head.hash));
            batch.values = moved(batch, from, (number, hash))?;
            batch.tip.head = Some(Mark { number, hash, root });
            batch.flush();
            batch.drop_above = Some(number);
            batch.write(&Changes::default())
        })
    }

    /// The oldest block whose state is kept.
    pub fn oldest(&self) -> Option<Mark> {
        self.tip().as_ref().and_then(|tip| tip.oldest)
    }

    /// Writes what waits in memory. The store then says nothing of the order in which its blocks came.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.with_tip(|batch| {
            batch.flush();
            batch.write(&Changes::default())
        })
    }

    /// Runs one commit. What it changed in memory is seen once it is durable.
    fn with_tip<'u>(
        &self,
        work: impl FnOnce(&mut Batch<'_, 'u>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut held = self.tip();
        let mut tip = match held.take() {
            Some(tip) => tip,
            None => self.reloaded()?,
        };
        let mut batch = Batch {
            states: self,
            tip: &mut tip,
            blocks: HashMap::new(),
            nodes: Nodes::new(),
            values: Values::new(),
            rows: Changes::default(),
            flush: None,
            drop_above: None,
        };
        let outcome = work(&mut batch);
        let (flushed, values, nodes) = (batch.flush.is_some(), batch.values, batch.nodes);
        let mut overlay = self.overlay_mut();
        overlay.flushing = false;
        outcome?; // the tip is read anew then: who knows what was written
        overlay.head = tip.head;
        let mut freed = (Values::new(), Nodes::new());
        if flushed {
            let waiting = tip.pending.iter().flat_map(|block| &block.trail.made);
            let waiting: Nodes = waiting
                .filter_map(|key| nodes.get_key_value(&hash_in(key)))
                .map(|(hash, rlp)| (*hash, rlp.clone()))
                .collect();
            overlay.epoch += 1;
            overlay.nodes.extend(nodes);
            freed = (std::mem::take(&mut overlay.values), age(&mut overlay));
            overlay.nodes = waiting;
        } else {
            overlay.nodes.extend(nodes);
        }
        overlay.values.extend(values);
        drop(overlay);
        drop(freed);
        *held = Some(tip);
        Ok(())
    }

    /// What the store says after a commit that failed: it may have been written or not.
    fn reloaded(&self) -> Result<Tip, StoreError> {
        let (tip, fresh) = replay::load(&self.store)?;
        let mut overlay = self.overlay_mut();
        let epoch = overlay.epoch + 1;
        *overlay = fresh;
        overlay.epoch = epoch;
        Ok(tip)
    }
}
