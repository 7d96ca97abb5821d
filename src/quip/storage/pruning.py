"""Which states are kept: those of the last blocks, or, in an archive, all of them.

A running node drops old states with each flush (crates/state). `prune` is for a store that was an archive until now: it
drops everything at once, and gives the room back to the disk.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from quip._native import store as native_store
from quip.storage import records
from quip.storage.errors import StoreCorrupt
from quip.storage.state import DEFAULT_LIMITS

_PAGE = 10_000
"""Rows removed in one transaction."""
_ARCHIVE_TABLE = "nodes"


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What a pruning did."""

    oldest: int
    """Number of the oldest block whose state is kept."""
    removed: int
    """Trie nodes that only older states had."""
    freed: int
    """Bytes that the file is smaller by."""


def is_archive(store: native_store.Store) -> bool:
    """Whether the store keeps all states. False where that cannot be read."""
    try:
        return store.get(records.META, records.ARCHIVE) is not None
    except StoreCorrupt:
        return False


def prune(path: Path) -> PruneReport:
    """Keep only the states that an ordinary node keeps, and make the file smaller. Nobody else has it open.

    Raises StoreCorrupt, StoreFull, OSError; the store is sound then, and the same call goes on where it stopped.
    """
    before = path.stat().st_size
    removed = 0
    with closing(native_store.Store.open(path)) as store:
        store.commit([], [(records.META, records.ARCHIVE)])
        states = DEFAULT_LIMITS.open(store)
        states.prune()
        while keys := store.keys(_ARCHIVE_TABLE, b"", _PAGE):
            store.commit([], [(_ARCHIVE_TABLE, key) for key in keys])
            removed += len(keys)
        store.compact()
        oldest = states.oldest
    return PruneReport(0 if oldest is None else oldest[0], removed, before - path.stat().st_size)
