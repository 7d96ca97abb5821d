//! The states of a store's blocks: read at any root that is kept, and moved with the blocks.
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use alloy_primitives::{Bytes, B256};
use quip_store::{Moments, Rows, Snapshot, Store, StoreError};

use crate::layer::{root_of, Footing, Layer, Mark, Overlay, Staged};
use crate::place::{node_key, place_key, Owner};
use crate::rebuild::{blocks_with, mark, rebuilt, trie_node, Blocks};
use crate::source::{missing, NodeCache, NodeSource, CODES, NODES, TRIE};
use crate::tables::{FLAT, FLUSHED, HEAD, OLDEST};
use crate::trie::EMPTY_ROOT;

/// How much waits in memory for the next flush, and how many blocks' states are kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Numbers between two flushes: a start replays so many blocks.
    pub flush_blocks: u64,
    /// About so many bytes of memory wait for a flush.
    pub flush_bytes: usize,
    /// States of so many numbers, the head's included, stay readable.
    pub retained: u64,
    /// Every state stays readable, from the first block of all: it must be so from the first commit on.
    pub archive: bool,
    /// Trie nodes that are kept in memory, in bytes.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flush_blocks: 64,
            flush_bytes: 128 << 20,
            retained: 1_024,
            archive: false,
            cache_bytes: 64 << 20,
        }
    }
}

/// States that were rebuilt from diffs and are likely to be asked for again.
const REBUILT: usize = 4;

pub(crate) struct Rebuilt {
    flushed: Option<B256>,
    root: B256,
    layer: Arc<Layer>,
}

/// The states of one store. Any thread may read; commits wait for each other.
pub struct States {
    pub(crate) store: Arc<Store>,
    pub(crate) limits: Limits,
    pub(crate) cache: NodeCache,
    overlay: RwLock<Overlay>,
    rebuilt: Mutex<VecDeque<Rebuilt>>,
    /// Held by whoever commits; true after a commit that failed: it may have been written or not.
    pub(crate) doubtful: Mutex<bool>,
}

/// What the store's marks and the diffs above the flushed state come to. Errors: Corrupt where they do not fit.
pub(crate) fn load(store: &Store) -> Result<Overlay, StoreError> {
    store.read(|snapshot| {
        let head = mark(snapshot, HEAD)?;
        let flushed = mark(snapshot, FLUSHED)?;
        let layer = match head {
            Some(head) if Some(head) != flushed => rebuilt(snapshot, &head)?,
            Some(_) | None => Layer::default(),
        };
        Ok(Overlay {
            head,
            flushed,
            oldest: mark(snapshot, OLDEST)?,
            layer,
        })
    })
}

impl States {
    /// The states in a store. Replays the diffs of the blocks above the flushed state. Errors: Corrupt.
    pub fn open(store: Arc<Store>, limits: Limits) -> Result<Self, StoreError> {
        let overlay = load(&store)?;
        Ok(Self {
            store,
            limits,
            cache: NodeCache::new(limits.cache_bytes),
            overlay: RwLock::new(overlay),
            rebuilt: Mutex::default(),
            doubtful: Mutex::new(false),
        })
    }

    pub(crate) fn overlay(&self) -> RwLockReadGuard<'_, Overlay> {
        self.overlay.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn overlay_mut(&self) -> RwLockWriteGuard<'_, Overlay> {
        self.overlay.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The block whose state is read fastest.
    pub fn head(&self) -> Option<Mark> {
        self.overlay().head
    }

    /// The oldest canonical block whose state is kept. An archive keeps all others too.
    pub fn oldest(&self) -> Option<Mark> {
        self.overlay().oldest
    }

    /// A place for states on top of the head's.
    pub fn stage(&self) -> Staged {
        Staged::on(root_of(self.overlay().head))
    }

    /// Runs `work` on the state of a root that is stored or staged. Errors: Missing for one that is not kept.
    pub fn read<T>(
        &self,
        staged: Option<&Staged>,
        root: B256,
        work: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.store
            .read_moments(|moments| work(&View::new(self, moments, staged, root)?))
    }

    /// As `read`, without waiting for whoever opens or closes the store, or for diffs; None where it would have to.
    pub fn read_now<T>(
        &self,
        staged: Option<&Staged>,
        root: B256,
        work: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        if !self.is_at_hand(staged, root) {
            return None;
        }
        self.store
            .read_moments_now(|moments| work(&View::new(self, moments, staged, root)?))
    }

    /// Whether a state is read without following diffs, which can take seconds.
    fn is_at_hand(&self, staged: Option<&Staged>, root: B256) -> bool {
        let base = match staged.and_then(|staged| staged.footing(root)) {
            Some(Footing::Tip { base } | Footing::Other { base, .. }) => base,
            None => root,
        };
        base == EMPTY_ROOT
            || base == root_of(self.overlay().head)
            || self.known().iter().any(|one| one.root == base)
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, VecDeque<Rebuilt>> {
        self.rebuilt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The difference of a kept state from a snapshot's flushed one.
    fn difference(&self, snapshot: &Snapshot, root: B256) -> Result<Arc<Layer>, StoreError> {
        let flushed = mark(snapshot, FLUSHED)?.map(|mark| mark.hash);
        let found = self
            .known()
            .iter()
            .find(|one| one.flushed == flushed && one.root == root)
            .map(|one| one.layer.clone());
        if let Some(layer) = found {
            return Ok(layer);
        }
        let mut block = None;
        for one in blocks_with(snapshot, root)? {
            if !is_cut_off(snapshot, &one)? {
                block = Some(one);
                break;
            }
        }
        let block = block.ok_or_else(|| StoreError::Missing(root.to_vec()))?;
        let layer = Arc::new(rebuilt(snapshot, &block)?);
        let mut known = self.known();
        known.truncate(REBUILT - 1);
        known.push_front(Rebuilt {
            flushed,
            root,
            layer: layer.clone(),
        });
        Ok(layer)
    }
}

/// Whether a block is on a branch that leaves below the diffs that are kept.
pub(crate) fn is_cut_off(snapshot: &Snapshot, block: &Mark) -> Result<bool, StoreError> {
    let Some(oldest) = mark(snapshot, OLDEST)? else {
        return Ok(false);
    };
    let (mut number, mut hash) = (block.number, block.hash);
    while number > oldest.number {
        hash = snapshot.block(number, &hash)?.0;
        number -= 1;
    }
    Ok(hash != oldest.hash)
}

/// Where a stored state is found.
enum Kind {
    /// In the overlay, as long as the head has this root and the overlay stands on this view's flushed state.
    Head,
    /// This far from the flushed state.
    Layer(Arc<Layer>),
    /// In an archive's nodes.
    Archive,
    /// There is no account.
    Nothing,
}

struct Inner {
    kind: Kind,
    flushed: Option<Mark>,
    snapshot: Snapshot,
    flat: Rows,
    trie: Rows,
}

/// One state of a store. Commits that come meanwhile do not disturb it, unless they drop the very state: then Missing.
pub struct View<'a> {
    states: &'a States,
    moments: &'a Moments<'a>,
    staged: Option<&'a Staged>,
    /// Looked at before what is stored.
    top: Top,
    /// The root of the stored state.
    base: B256,
    inner: RefCell<Inner>,
}

enum Top {
    None,
    Tip,
    Layer(Box<Layer>),
}

impl<'a> View<'a> {
    /// A row of any table, of the moment at which the state was found.
    pub fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.borrow().snapshot.get(table, key)
    }

    fn new(
        states: &'a States,
        moments: &'a Moments<'a>,
        staged: Option<&'a Staged>,
        root: B256,
    ) -> Result<Self, StoreError> {
        let (top, base) = match staged.and_then(|staged| staged.footing(root)) {
            None => (Top::None, root),
            Some(Footing::Tip { base }) => (Top::Tip, base),
            Some(Footing::Other { base, layer }) => (Top::Layer(Box::new(layer)), base),
        };
        Ok(Self {
            inner: RefCell::new(resolved(states, moments, base)?),
            states,
            moments,
            staged,
            top,
            base,
        })
    }

    /// Runs `work` on where the state is found, after finding it again if the head has moved on meanwhile.
    fn found<T>(
        &self,
        work: impl Fn(&Inner, &Layer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        loop {
            let inner = self.inner.borrow();
            match &inner.kind {
                Kind::Layer(layer) => return work(&inner, layer),
                Kind::Nothing | Kind::Archive => return work(&inner, &Layer::default()),
                Kind::Head => {
                    let overlay = self.states.overlay();
                    if overlay.flushed == inner.flushed && root_of(overlay.head) == self.base {
                        return work(&inner, &overlay.layer);
                    }
                }
            }
            drop(inner);
            let again = resolved(self.states, self.moments, self.base)?;
            *self.inner.borrow_mut() = again;
        }
    }
}

fn resolved(states: &States, moments: &Moments<'_>, base: B256) -> Result<Inner, StoreError> {
    let snapshot = moments.now()?;
    let flushed = mark(&snapshot, FLUSHED)?;
    let is_head = {
        let overlay = states.overlay();
        overlay.flushed == flushed && root_of(overlay.head) == base
    };
    let kind = if base == EMPTY_ROOT {
        Kind::Nothing
    } else if is_head {
        Kind::Head
    } else if base == root_of(flushed) {
        Kind::Layer(Arc::default())
    } else if states.limits.archive && has_archived(&snapshot, base)? {
        Kind::Archive // no need to follow thousands of diffs
    } else {
        Kind::Layer(states.difference(&snapshot, base)?)
    };
    Ok(Inner {
        kind,
        flushed,
        flat: snapshot.rows(FLAT)?,
        trie: snapshot.rows(TRIE)?,
        snapshot,
    })
}

fn has_archived(snapshot: &Snapshot, root: B256) -> Result<bool, StoreError> {
    let key = node_key(&place_key(&None, &[]), &root);
    Ok(snapshot.get(NODES, &key)?.is_some())
}

impl NodeSource for View<'_> {
    fn load(&self, owner: &Owner, path: &[u8], hash: B256) -> Result<Arc<[u8]>, StoreError> {
        let place = place_key(owner, path);
        let top = match &self.top {
            Top::None => None,
            Top::Tip => self.staged.and_then(|staged| staged.node(&place, &hash)),
            Top::Layer(layer) => layer.get(&place, &hash),
        };
        if let Some(node) = top {
            return Ok(node);
        }
        self.found(|inner, layer| {
            if let Some(node) = layer.get(&place, &hash) {
                return Ok(node);
            }
            if let Some(node) = self.states.cache.get(&hash) {
                return Ok(node);
            }
            let row = match inner.kind {
                Kind::Nothing => return Err(missing(owner, path, hash)),
                Kind::Archive => inner.snapshot.get(NODES, &node_key(&place, &hash))?,
                Kind::Head | Kind::Layer(_) => inner.trie.get(&place)?,
            };
            let node = trie_node(row, owner, path, hash)?;
            self.states.cache.put(hash, node.clone());
            Ok(node)
        })
    }

    fn code(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        if let Some(code) = self.staged.and_then(|staged| staged.code(&hash)) {
            return Ok(Some(code));
        }
        let inner = self.inner.borrow();
        let code = inner.snapshot.get(CODES, hash.as_slice())?;
        Ok(code.map(Bytes::from))
    }

    fn flat(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let top = match &self.top {
            Top::None => None,
            Top::Tip => self.staged.and_then(|staged| staged.value(key)),
            Top::Layer(layer) => layer.values.get(key).cloned(),
        };
        if top.is_some() {
            return Ok(top);
        }
        self.found(|inner, layer| match inner.kind {
            Kind::Nothing => Ok(Some(Vec::new())),
            Kind::Archive => Ok(None),
            Kind::Head | Kind::Layer(_) => match layer.values.get(key) {
                Some(value) => Ok(Some(value.clone())),
                None => Ok(Some(inner.flat.get(key)?.unwrap_or_default())),
            },
        })
    }
}
