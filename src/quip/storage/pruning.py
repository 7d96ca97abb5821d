"""Which states are kept: those of the last blocks, or all of them; and dropping the others.

A running node drops them as it flushes (crates/state): what leaves with a flush lies on the pages that
it writes anyway.
`prune` is for a store that kept more until now: it drops everything at once and gives the room back to the disk.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from quip._native import store as native_store
from quip.storage import records
from quip.storage.errors import StoreCorrupt
from quip.storage.state import DEFAULT_LIMITS, StateLimits


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What a pruning did."""

    oldest: int
    """Number of the oldest block whose state is kept."""
    dropped: int
    """How many numbers' states are gone."""
    freed: int
    """Bytes that the file is smaller by."""


def is_archive(store: native_store.Store) -> bool:
    """Whether the store's node keeps all states."""
    try:
        return store.get(records.META, records.ARCHIVE) is not None
    except StoreCorrupt:
        return False


def set_archive(store: native_store.Store, archive: bool) -> None:
    """Note for later commands whether all states are kept. Raises StoreFull, StoreCorrupt."""
    if archive and not is_archive(store):
        store.commit([(records.META, records.ARCHIVE, b"")], [])
    elif not archive and is_archive(store):
        store.commit([], [(records.META, records.ARCHIVE)])


def prune(path: Path, limits: StateLimits = DEFAULT_LIMITS) -> PruneReport:
    """Drop the states that are not kept any more, and make the file smaller. The caller holds the directory's lock.

    Raises StoreCorrupt, StoreFull, OSError; the store is sound then, with some of the states dropped.
    """
    before = path.stat().st_size
    with closing(native_store.Store.open(path)) as store:
        set_archive(store, limits.retained is None)
        states = limits.open(store)
        first = _number(states.oldest)
        states.prune()
        last = _number(states.oldest)
        store.compact()
    return PruneReport(last, last - first, before - path.stat().st_size)


def _number(block: tuple[int, bytes] | None) -> int:
    return 0 if block is None else block[0]
