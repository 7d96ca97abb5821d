"""The append-only memory of a signer: which leaves are reserved, and what each used leaf signed.

A file of 96-byte records; integers big-endian. Each record's checksum covers the record before it, so a cut, an edit
or a swap in the middle shows; only the very last record may be torn (the power went while it was written), and
whatever it announced has not happened, because nothing happens before its record is durable.

| bytes | field | head (H) | reservation (R) | signature (S) |
|---|---|---|---|---|
| 0 | kind | "H" | "R" | "S" |
| 1-3 | zero | | | |
| 4-7 | index | i of the tree | i | i |
| 8-15 | leaf | number of leaves | end of the reserved range (exclusive) | the leaf |
| 16-47 | message | name of the key | zero | what was asked to be signed |
| 48-79 | digest | zero | zero | what the leaf signed |
| 80-95 | check | first 16 bytes of SHA-256(check of the record before, or 16 zeros || bytes 0-79) |
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from quip.files import durable_files
from quip.files.file_lock import lock
from quip.wallet import secret_files
from quip.wallet.errors import (
    DirectoryInUse,
    JournalDamaged,
    JournalMissing,
    NotAccessible,
    OtherKey,
    WalletError,
    WriteFailed,
)

_BODY = struct.Struct(">c3xIQ32s32s")
_CHECK_BYTES = 16
RECORD_BYTES = _BODY.size + _CHECK_BYTES
_CHUNK_RECORDS = 4_096
_NOTHING = bytes(32)
RECENT_SIGNATURES = 65_536
"""Messages that are remembered (10 MB); an older one, asked again, takes a new leaf. A miner asks for the last one."""


@dataclass(frozen=True, slots=True)
class JournalHead:
    """What a journal is about."""

    index: int
    """Number i of the tree under its mnemonic."""
    leaves: int
    """Leaves of the tree."""
    key: bytes
    """32 bytes that name the public key."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What one leaf signed."""

    leaf: int
    digest: bytes
    """32 bytes: what was signed under the leaf."""


@dataclass(slots=True)
class _State:
    """What the records so far add up to."""

    head: JournalHead | None = None
    ends: tuple[int, int] = (0, 0)
    """The last reservation's end and the one before it."""
    records: int = 0
    next_unsigned: int = 0
    """One past the last leaf that a signature record names."""
    check: bytes = bytes(_CHECK_BYTES)
    recent: OrderedDict[bytes, Signed] = field(default_factory=OrderedDict)

    def wrong(self, body: bytes) -> str:
        """What is impossible about this record coming next; empty if nothing is."""
        kind, index, leaf, _, _ = _BODY.unpack(body)
        if (kind == b"H") != (self.head is None):
            return "a head that is not at the beginning, or none there"
        if self.head is not None and index != self.head.index:
            return "a record of another tree"
        possible = (
            kind == b"H"
            or (kind == b"R" and self.head is not None and self.ends[0] < leaf <= self.head.leaves)
            or (kind == b"S" and self.next_unsigned <= leaf < self.ends[0])
        )
        return "" if possible else f"an impossible {kind!r} with leaf {leaf}"

    def take(self, body: bytes) -> None:
        """Take in a record that is not wrong."""
        kind, index, leaf, message, digest = _BODY.unpack(body)
        self.check = _check(self.check, body)
        self.records += 1
        if kind == b"H":
            self.head = JournalHead(index, leaf, message)
        elif kind == b"R":
            self.ends = (leaf, self.ends[0])
        else:
            self.next_unsigned = leaf + 1
            self.recent[message] = Signed(leaf, digest)
            if len(self.recent) > RECENT_SIGNATURES:
                self.recent.popitem(last=False)


class Journal:
    """One journal file, open for appending by one holder at a time. Every append is durable when it returns."""

    def __init__(self, path: Path, descriptor: int, state: _State, head: JournalHead) -> None:
        self.path = path
        self.head = head
        self._state = state
        self._length = state.records * RECORD_BYTES
        self._descriptor = descriptor
        self._failed: OSError | None = None

    @classmethod
    def create(cls, path: Path, head: JournalHead) -> Journal:
        """A new file, claimed for this tree alone. Raises WalletExists or WriteFailed."""
        body = _BODY.pack(b"H", head.index, head.leaves, head.key, _NOTHING)
        secret_files.create(path, body + _check(bytes(_CHECK_BYTES), body))
        return cls.open(path, head)

    @classmethod
    def open(cls, path: Path, head: JournalHead) -> Journal:
        """An existing file; a torn last record is cut off.

        Raises DirectoryInUse if somebody has it open, JournalMissing, JournalDamaged or OtherKey.
        """
        descriptor = _locked(path)
        try:
            state = _State()
            _read(path, state)
            if state.head is None:
                raise JournalDamaged(f"{path} has no head")
            if state.head != head:
                raise OtherKey(f"{path} belongs to tree {state.head.index} of another key or another tree of this one")
        except (WalletError, OSError):
            os.close(descriptor)
            raise
        journal = cls(path, descriptor, state, head)
        if path.stat().st_size != journal._length:
            journal._cut()
        return journal

    @property
    def ends(self) -> tuple[int, int]:
        """End (exclusive) of the last reservation, and of the one before it; 0 where there is none."""
        return self._state.ends

    def signed(self, message: bytes) -> Signed | None:
        """What was recorded for a message (32 bytes), if it is among the last RECENT_SIGNATURES."""
        return self._state.recent.get(message)

    @property
    def remembered_from(self) -> int:
        """Leaf of the oldest signature that `signed` still knows; 0 where none is forgotten."""
        recent = self._state.recent
        return next(iter(recent.values())).leaf if len(recent) == RECENT_SIGNATURES else 0

    def reserve(self, end: int) -> None:
        """Record that leaves below `end` may be used from now on. Raises WriteFailed."""
        self._append(_BODY.pack(b"R", self.head.index, end, _NOTHING, _NOTHING))

    def record(self, message: bytes, signed: Signed) -> None:
        """Record what a leaf is about to sign. Raises WriteFailed."""
        self._append(_BODY.pack(b"S", self.head.index, signed.leaf, message, signed.digest))

    def close(self) -> None:
        """Let go of the file. Further calls do nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, body: bytes) -> None:
        if self._failed is not None:
            raise WriteFailed(self.path, self._failed)
        wrong = self._state.wrong(body)
        if wrong:
            raise ValueError(f"{self.path}: {wrong}")
        os.lseek(self._descriptor, self._length, os.SEEK_SET)
        try:
            durable_files.write_all(self._descriptor, body + _check(self._state.check, body))
        except OSError as error:
            self._cut()
            raise WriteFailed(self.path, error) from error
        try:
            durable_files.flush(self._descriptor)
        except OSError as error:
            # The kernel may have dropped the page: nobody knows what is on the disk until it is read again.
            self._failed = error
            raise WriteFailed(self.path, error) from error
        self._length += RECORD_BYTES
        self._state.take(body)

    def _cut(self) -> None:
        """Drop what lies behind the last whole record."""
        try:
            os.ftruncate(self._descriptor, self._length)
            durable_files.flush(self._descriptor)
        except OSError as error:
            self._failed = error


def read_only(path: Path) -> tuple[JournalHead, int]:
    """Head and end of the last reservation of a journal that may be in use. Raises JournalMissing or JournalDamaged."""
    state = _State()
    _read(path, state)
    if state.head is None:
        raise JournalDamaged(f"{path} has no head")
    return state.head, state.ends[0]


def _locked(path: Path) -> int:
    """A descriptor that nobody else has: the directory's lock alone is gone when somebody deletes that file."""
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except FileNotFoundError as error:
        raise JournalMissing(f"{path} is gone") from error
    try:
        lock(descriptor)
    except BlockingIOError as error:
        os.close(descriptor)
        raise DirectoryInUse(path.parent, None) from error
    except OSError as error:
        os.close(descriptor)
        raise NotAccessible(path, error) from error
    return descriptor


def _check(before: bytes, body: bytes) -> bytes:
    return sha256(before + body).digest()[:_CHECK_BYTES]


def _records(path: Path) -> Iterator[bytes]:
    """The file's records; the last one may be short."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_RECORDS * RECORD_BYTES):
                for at in range(0, len(chunk), RECORD_BYTES):
                    yield chunk[at : at + RECORD_BYTES]
    except FileNotFoundError as error:
        raise JournalMissing(f"{path} is gone") from error


def _read(path: Path, state: _State) -> None:
    """Fill `state` from the sound part of the file, which is all but at most one last record."""
    torn = False
    for record in _records(path):
        length = state.records * RECORD_BYTES
        if torn:
            raise JournalDamaged(f"{path} is damaged at byte {length}")
        body, check = record[: _BODY.size], record[_BODY.size :]
        if len(record) < RECORD_BYTES or check != _check(state.check, body):
            torn = True
            continue
        wrong = state.wrong(body)
        if wrong:
            raise JournalDamaged(f"{path} has {wrong} at byte {length}")
        state.take(body)
