"""The transaction pool on disk, so that a restart finds it again: an append-only file, rewritten when half is stale.

    bytes 0 to 7    "quippool"
    entries         length (4, big-endian) || first 8 bytes of BLAKE3(length || transaction) || transaction (EIP-2718)

What is appended survives the death of the process at once, a power cut once the system has written it: nothing was
promised of transactions, so nobody waits for the disk. Reading ends at the first entry that is torn or damaged.

What this file does not do: it judges no transaction; the pool does, when it is given them again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from quip.chain.mempool.limits import MAX_POOL_BYTES, MAX_TRANSACTION_BYTES
from quip.files import durable_files
from quip.primitives.hashes import blake3

_MAGIC = b"quippool"
_LENGTH_BYTES = 4
_CHECK_BYTES = 8
_HEAD_BYTES = _LENGTH_BYTES + _CHECK_BYTES
MAX_JOURNAL_BYTES = 4 * MAX_POOL_BYTES
"""Read of a file, at most: half of it is stale, and the pool counts more for a transaction than its entry has."""
REWRITE_FROM_BYTES = 1 << 20
"""A smaller file is not rewritten, however stale."""


class MempoolJournal:
    """One file, with one user. Every method may raise OSError (a full disk); the next call is a new attempt."""

    def __init__(self, path: Path, rewrite_from: int = REWRITE_FROM_BYTES) -> None:
        self._path = path
        self._rewrite_from = rewrite_from
        self._descriptor: int | None = None
        self._length = 0
        self._stale = 0

    def replay(self) -> Iterator[bytes]:
        """The transactions of the file as it is, in order, stale ones too. Nothing where there is no file."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return
            while file.tell() < MAX_JOURNAL_BYTES and (transaction := _next(file)) is not None:
                yield transaction

    def rewrite(self, held: Iterable[bytes]) -> None:
        """The file holds these from now on, and nothing else: written wholly or not at all."""
        content = b"".join([_MAGIC, *map(_entry, held)])
        self.close()
        durable_files.replace(self._path, content)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._length, self._stale = len(content), 0

    def follow(self, added: Sequence[bytes], removed: Sequence[bytes], held: Callable[[], Iterable[bytes]]) -> None:
        """The pool has changed: what is new, what has left, and what it holds now (asked only for a rewrite)."""
        entries = b"".join(map(_entry, added))
        length = self._length + len(entries)
        stale = self._stale + sum(map(len, removed)) + _HEAD_BYTES * len(removed)
        if self._descriptor is None or (2 * stale > length >= self._rewrite_from):
            self.rewrite(held())
            return
        self._stale = stale
        if entries:
            self._append(self._descriptor, entries)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _append(self, descriptor: int, entries: bytes) -> None:
        try:
            durable_files.write_all(descriptor, entries)
        except OSError:
            # Behind half an entry nothing could be read; without a descriptor the next call writes the file anew.
            try:
                os.ftruncate(descriptor, self._length)
            except OSError:
                with suppress(OSError):
                    self.close()
            raise
        self._length += len(entries)


def _entry(transaction: bytes) -> bytes:
    length = len(transaction).to_bytes(_LENGTH_BYTES, "big")
    return length + blake3(length + transaction)[:_CHECK_BYTES] + transaction


def _next(file: BinaryIO) -> bytes | None:
    """The next entry's transaction; None at the end, or where an entry is not whole."""
    head = file.read(_HEAD_BYTES)
    length = head[:_LENGTH_BYTES]
    size = int.from_bytes(length, "big")
    if len(head) < _HEAD_BYTES or not 0 < size <= MAX_TRANSACTION_BYTES:
        return None
    transaction = file.read(size)
    whole = len(transaction) == size and blake3(length + transaction)[:_CHECK_BYTES] == head[_LENGTH_BYTES:]
    return transaction if whole else None
