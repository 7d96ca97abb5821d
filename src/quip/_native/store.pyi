"""The one database (crates/store)."""

from collections.abc import Callable
from os import PathLike

class StoreError(Exception):
    """The store refuses: an operating system error, a closed or read-only store; and the base of those below."""

class StoreCorrupt(StoreError):
    """What is on disk is not what was written. The message names what is broken and the command that mends it."""

    table: str
    """Table of the broken or requested row; empty where it is not about one row."""
    key: bytes
    """Its key."""

class StoreLocked(StoreError):
    """Another process has the file open."""

class StoreFull(StoreError):
    """The disk is full. Reads go on; the same commit may be repeated once there is room."""

class StoreVersion(StoreError):
    """The file was written by another version of the store."""

class StateMissing(StoreError):
    """The state of a root is older than those that are kept."""

class Store:
    """Tables of bytes -> bytes in one file. Every value is checked against its checksum when it is read; every method
    may be called from any thread, releases the GIL (`get` only where it would wait) and raises StoreError or one of its
    kinds."""

    @staticmethod
    def open(path: str | PathLike[str], read_only: bool = False) -> Store:
        """Opens the file; creates it where absent. Read-only changes no byte of it, whatever state it is in."""
    @staticmethod
    def salvage(path: str | PathLike[str]) -> Store:
        """Opens a damaged file, read-only, for the rows that are still whole."""
    @staticmethod
    def in_memory() -> Store: ...
    @staticmethod
    def open_on(disk: FaultyDisk) -> Store: ...
    def get(self, table: str, key: bytes) -> bytes | None: ...
    def scan(
        self, table: str, start: bytes, end: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """At most `limit` rows with start <= key < end, ascending, or from the end if `reverse`."""
    def keys(self, table: str, start: bytes, limit: int) -> list[bytes]:
        """At most `limit` keys from `start` on, without a look at the values: for going through a damaged table."""
    def tables(self) -> list[str]: ...
    def commit(self, puts: list[tuple[str, bytes, bytes]], deletes: list[tuple[str, bytes]]) -> None:
        """All of (table, key, value) and (table, key) in one transaction, durable on return."""
    def check(self, progress: Callable[[int], object] | None = None) -> tuple[int, list[str]]:
        """Reads everything: (rows, what is broken). `progress` gets the number of rows now and then."""
    def compact(self) -> None:
        """Give free pages back to the disk. Nobody else may use the store meanwhile."""
    def close(self) -> None: ...

class FaultyDisk:
    """A file that fails on command, for the simulator and crash tests: pass it to `Store.open_on`."""

    def __init__(self, path: str | PathLike[str]) -> None: ...
    def arm(self, kill_at: int | None = None) -> None:
        """Count operations from zero; kill this process (SIGKILL) in the middle of the k-th."""
    def log_to(self, path: str | PathLike[str]) -> None:
        """Keep the number of completed operations since `arm` (u64, little-endian) in a file."""
    @property
    def operations(self) -> int: ...
    def set_full(self, full: bool) -> None: ...
    def cut_power(self, keep_seed: int | None = None) -> None:
        """Lose what was written since the last sync (a random part of it, given a seed); then fail everything."""
    def cut_power_after(self, operations: int, keep_seed: int | None = None) -> None:
        """The same in the middle of the k-th operation from now."""
    @property
    def has_power(self) -> bool: ...
