//! The states of a store's blocks: read at any root that is kept, and moved with the blocks.
use std::cell::{Cell, OnceCell};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use alloy_primitives::{Bytes, B256};
use quip_store::{Moments, Rows, Snapshot, Store, StoreError};

use crate::overlay::{Mark, Nodes, Overlay, Staged};
use crate::place::Owner;
use crate::replay;
use crate::source::{missing, stored_node, NodeCache, NodeSource, CODES, NODES};
use crate::tables::{Tip, FLAT};

/// How much waits in memory for the next flush, and how many blocks' states are kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Blocks between two flushes: a start replays so many.
    pub flush_blocks: usize,
    /// About so many bytes of memory wait for a flush.
    pub flush_bytes: usize,
    /// States of so many numbers, the head's included, stay readable; None: all.
    pub retained: Option<u64>,
    /// Trie nodes that are kept in memory, in bytes.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flush_blocks: 64,
            flush_bytes: 32 << 20,
            retained: Some(1_024),
            cache_bytes: 64 << 20,
        }
    }
}

/// The states of one store. Any thread may read; commits wait for each other.
pub struct States {
    pub(crate) store: Arc<Store>,
    pub(crate) limits: Limits,
    cache: NodeCache,
    overlay: RwLock<Overlay>,
    /// What the committing thread knows; None after a commit that failed: to be read from the store again.
    tip: Mutex<Option<Tip>>,
}

impl States {
    /// The states in a store. Replays the diffs of the blocks that are not flushed. Errors: Corrupt.
    pub fn open(store: Arc<Store>, limits: Limits) -> Result<Self, StoreError> {
        let (tip, overlay) = replay::load(&store)?;
        Ok(Self {
            store,
            limits,
            cache: NodeCache::new(limits.cache_bytes),
            overlay: RwLock::new(overlay),
            tip: Mutex::new(Some(tip)),
        })
    }

    pub(crate) fn overlay(&self) -> RwLockReadGuard<'_, Overlay> {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn overlay_mut(&self) -> RwLockWriteGuard<'_, Overlay> {
        self.overlay.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tip(&self) -> MutexGuard<'_, Option<Tip>> {
        self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The block whose state is the flat one.
    pub fn head(&self) -> Option<Mark> {
        self.overlay().head
    }

    /// A place for states on top of the head's.
    pub fn stage(&self) -> Staged {
        Staged::on(self.overlay().root())
    }

    /// Runs `work` on the states as they are now, and on those staged.
    pub fn read<T>(
        &self,
        staged: Option<&Staged>,
        work: impl FnOnce(&StateSource<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.store
            .read_moments(|moments| work(&self.source(moments, staged)?))
    }

    /// As `read`, without waiting for whoever opens or closes the store; None where it would have to.
    pub fn read_now<T>(
        &self,
        staged: Option<&Staged>,
        work: impl FnOnce(&StateSource<'_>) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        self.store
            .read_moments_now(|moments| work(&self.source(moments, staged)?))
    }

    fn source<'a>(
        &'a self,
        moments: &'a Moments<'a>,
        staged: Option<&'a Staged>,
    ) -> Result<StateSource<'a>, StoreError> {
        let overlay = self.overlay();
        Ok(StateSource {
            epoch: overlay.epoch,
            flat_fits: !overlay.flushing,
            snapshot: moments.now()?,
            kept: Cell::new(None),
            nodes: OnceCell::new(),
            flat: OnceCell::new(),
            states: self,
            moments,
            staged,
        })
    }
}

/// The states of a store from one moment on. Flushes and prunings that come meanwhile do not disturb it, unless they
/// take the very state that is read: then Missing.
pub struct StateSource<'a> {
    states: &'a States,
    moments: &'a Moments<'a>,
    staged: Option<&'a Staged>,
    snapshot: Snapshot,
    /// A root that was found: its state is kept.
    kept: Cell<Option<B256>>,
    nodes: OnceCell<Rows>,
    flat: OnceCell<Rows>,
    epoch: u64,
    flat_fits: bool,
}

fn opened<'a>(
    cell: &'a OnceCell<Rows>,
    snapshot: &Snapshot,
    table: &'static str,
) -> Result<&'a Rows, StoreError> {
    if let Some(rows) = cell.get() {
        return Ok(rows);
    }
    let rows = snapshot.rows(table)?;
    Ok(cell.get_or_init(|| rows))
}

impl StateSource<'_> {
    /// The store's rows of this moment.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    fn stored(
        &self,
        owner: &Owner,
        path: &[u8],
        hash: B256,
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        let rows = opened(&self.nodes, &self.snapshot, NODES)?;
        if let Some(node) = stored_node(rows, owner, path, hash)? {
            return Ok(Some(node));
        }
        if self.states.overlay().epoch == self.epoch {
            return Ok(None);
        }
        // It waited in memory when this view was taken, and was flushed since. Or even pruned.
        let node = stored_node(&self.moments.now()?.rows(NODES)?, owner, path, hash)?;
        node.map(Some)
            .ok_or_else(|| StoreError::Missing(hash.to_vec()))
    }

    /// Caches outlive states, whose nodes may go one by one: of a state that is not kept the root is not found.
    fn cached(&self, owner: &Owner, path: &[u8], hash: &B256) -> Option<Arc<[u8]>> {
        let overlay = self.states.overlay();
        if let Some(node) = overlay.nodes.get(hash) {
            return Some(node.clone());
        }
        let is_root = owner.is_none() && path.is_empty();
        if is_root && self.kept.get() != Some(*hash) {
            return None;
        }
        let node = overlay.flushed_nodes.get(hash).cloned();
        node.or_else(|| self.states.cache.get(hash))
    }
}

impl NodeSource for StateSource<'_> {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        if let Some(node) = self.staged.and_then(|staged| staged.node(&hash)) {
            return Ok(node);
        }
        if let Some(node) = self.cached(owner, path, &hash) {
            return Ok(node);
        }
        let node = self.stored(owner, path, hash)?;
        let node = node.ok_or_else(|| missing(owner, path, hash))?;
        if owner.is_none() && path.is_empty() {
            self.kept.set(Some(hash));
        }
        self.states.cache.put(hash, node.clone());
        Ok(node)
    }

    fn code(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        if let Some(code) = self.staged.and_then(|staged| staged.code(&hash)) {
            return Ok(Some(code));
        }
        Ok(self.snapshot.get(CODES, hash.as_slice())?.map(Bytes::from))
    }

    fn flat(&self, root: B256, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.flat_fits {
            return Ok(None);
        }
        let overlay = self.states.overlay();
        if overlay.epoch != self.epoch {
            return Ok(None);
        }
        let base = overlay.root();
        let staged = self.staged.and_then(|staged| staged.value(root, base, key));
        match staged {
            Some(Some(value)) => return Ok(Some(value)),
            None if root != base => return Ok(None),
            Some(None) | None => {}
        }
        if let Some(value) = overlay.values.get(key) {
            return Ok(Some(value.clone()));
        }
        drop(overlay);
        let rows = opened(&self.flat, &self.snapshot, FLAT)?;
        Ok(Some(rows.get(key)?.unwrap_or_default()))
    }
}

/// The nodes of a flush go to the older generation; what was there is given back, to be freed without the lock.
pub(crate) fn age(overlay: &mut Overlay) -> Nodes {
    let fresh = std::mem::take(&mut overlay.nodes);
    std::mem::replace(&mut overlay.flushed_nodes, fresh)
}
