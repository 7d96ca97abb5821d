"""What storage refuses. Everything is a `StoreError`, so one clause catches all of it.

StoreError (native)
├── StoreCorrupt (native)   what is on disk is not what was written; `.table` and `.key` name it
├── StoreFull (native)      the disk is full; repeat once there is room
├── StoreVersion (native)   written by another version of the store
├── StateMissing (native)    the state of a root is older than those that are kept
├── StoreLocked (native)    in use by another process
│   └── DataDirLocked       the whole data directory is; `.holder` is the process id
├── NoArchive               the store has dropped old states, so it cannot become an archive
├── CannotRewind            rewind.py: no such block below the head
└── WrongNetwork            the store holds the chain of another chain id
"""

from __future__ import annotations

from pathlib import Path

from quip._native.store import StateMissing, StoreCorrupt, StoreError, StoreFull, StoreLocked, StoreVersion

__all__ = [
    "HINT",
    "OLDER",
    "DataDirLocked",
    "NoArchive",
    "StateMissing",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreVersion",
    "WrongNetwork",
    "corrupt",
    "damage_of",
]

HINT = "run `quip db check` to see what is damaged and `quip db reindex` to rebuild it"
"""What every message about damage ends with."""

OLDER = ": run `quip db reindex`"
"""What the message of a StoreVersion ends with if an older program wrote the store."""


class DataDirLocked(StoreLocked):
    """Another process uses the data directory."""

    def __init__(self, directory: Path, holder: int | None) -> None:
        self.directory = directory
        self.holder = holder
        """Its process id; None where it could not be read."""
        who = "another process" if holder is None else f"process {holder}"
        super().__init__(f"{directory} is in use by {who}: stop it, or choose another directory with --data-dir")


class NoArchive(StoreError):
    """All states are wanted of a store that has kept some only."""

    def __init__(self) -> None:
        super().__init__("the store has not kept all states from its first block on")


class WrongNetwork(StoreError):
    """The store was made for another chain id."""

    def __init__(self, stored: int, expected: int) -> None:
        self.stored = stored
        self.expected = expected
        super().__init__(f"the store holds chain {stored}, not {expected}: choose another directory with --data-dir")


def damage_of(text: str) -> str:
    """What is damaged, of a message that also says that it is and what to do: whoever shows it says that once.

    >>> damage_of(f"store is damaged at table blocks, key 0x00: bad checksum; {HINT}")
    'table blocks, key 0x00: bad checksum'
    """
    text = text.removesuffix(f"; {HINT}").replace(": store is damaged at ", ": damaged at ")
    return text.removeprefix("store is damaged at ").removeprefix("store is damaged: ")


def corrupt(table: str, key: bytes, what: str) -> StoreCorrupt:
    """The error for a row that is whole (its checksum is right) but makes no sense, or is missing."""
    error = StoreCorrupt(f"store is damaged at table {table}, key 0x{key.hex()}: {what}; {HINT}")
    error.table = table
    error.key = key
    return error
