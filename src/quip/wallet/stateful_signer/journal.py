"""The append-only memory of a signer: which leaves are reserved, and what each used leaf signed.

The last leaves of a tree (its tail) are reserved and used apart from the others (its body): a miner's sweeps and blocks
share one tree and one journal. Whose part a record is about follows from the leaf.

A file of 96-byte records; integers big-endian. Each record's checksum covers the record before it, so a cut, an edit
or a swap in the middle shows; only the very last record may be torn (the power went while it was written), and
whatever it announced has not happened, because nothing happens before its record is durable.

| bytes | field | head (H) | reservation (R) | signature (S) | settled (B) |
|---|---|---|---|---|---|
| 0 | kind | "H" | "R" | "S" | "B" |
| 1-3 | zero | | | | |
| 4-7 | index | i of the tree | i | i | i |
| 8-15 | leaf | number of leaves | end of the reserved range (exclusive) | the leaf | see `Journal.settled` |
| 16-47 | message | name of the key | zero | what was asked to be signed | zero |
| 48-79 | digest | zero | zero | what the leaf signed | zero |
| 80-95 | check | first 16 bytes of SHA-256(check of the record before, or 16 zeros || bytes 0-79) |
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

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


class Part(IntEnum):
    """Which leaves of a tree."""

    BODY = 0
    """All but the last ones: an account's transactions, a miner's blocks."""
    TAIL = 1
    """The last ones: an account's rotation, a miner's sweeps."""


@dataclass(frozen=True, slots=True)
class JournalHead:
    """What a journal is about."""

    index: int
    """Number i of the tree under its mnemonic."""
    leaves: int
    """Leaves of the tree."""
    key: bytes
    """32 bytes that name the public key."""
    tail: int = 0
    """How many of the leaves are the tail. Follows from the suite, so that it is not in the file."""

    @property
    def first_in_tail(self) -> int:
        """Where the body ends and the tail begins."""
        return self.leaves - self.tail

    def part_of(self, leaf: int) -> Part:
        """The part that a leaf belongs to."""
        return Part.TAIL if leaf >= self.first_in_tail else Part.BODY

    def end_of(self, part: Part) -> int:
        """One past the part's last leaf."""
        return self.leaves if part is Part.TAIL else self.first_in_tail


@dataclass(frozen=True, slots=True)
class Signed:
    """What one leaf signed."""

    leaf: int
    digest: bytes
    """32 bytes: what was signed under the leaf."""


Ends: TypeAlias = tuple[int, int]
"""End (exclusive) of a part's last reservation, and of the one before; the part's first leaf where there is none."""


@dataclass(slots=True)
class _State:
    """What the records so far add up to."""

    tail: int
    head: JournalHead | None = None
    ends: list[Ends] = field(default_factory=list)
    """By part."""
    next_unsigned: list[int] = field(default_factory=list)
    """By part: one past the last leaf that a signature record names."""
    settled: int = 0
    records: int = 0
    check: bytes = bytes(_CHECK_BYTES)
    recent: OrderedDict[bytes, Signed] = field(default_factory=OrderedDict)

    def wrong(self, body: bytes) -> str:
        """What is impossible about this record coming next; empty if nothing is."""
        kind, index, leaf, _, _ = _BODY.unpack(body)
        if (kind == b"H") != (self.head is None):
            return "a head that is not at the beginning, or none there"
        if self.head is not None and index != self.head.index:
            return "a record of another tree"
        return (
            ""
            if self.head is None or self._follows(self.head, kind, leaf)
            else f"an impossible {kind!r} with leaf {leaf}"
        )

    def _follows(self, head: JournalHead, kind: bytes, leaf: int) -> bool:
        if kind == b"R":
            return 0 < leaf <= head.leaves and self.ends[head.part_of(leaf - 1)][0] < leaf
        if kind == b"S":
            part = head.part_of(leaf)
            return self.next_unsigned[part] <= leaf < self.ends[part][0]
        return kind == b"B" and self.settled < leaf <= self.used

    @property
    def used(self) -> int:
        """One past the highest leaf that may have been used."""
        body, tail = self.ends[Part.BODY][0], self.ends[Part.TAIL]
        return tail[0] if tail[0] > tail[1] else body

    def take(self, body: bytes) -> None:
        """Take in a record that is not wrong."""
        kind, index, leaf, message, digest = _BODY.unpack(body)
        self.check = _check(self.check, body)
        self.records += 1
        if kind == b"H":
            self.head = JournalHead(index, leaf, message, self.tail)
            first = self.head.first_in_tail
            self.ends, self.next_unsigned = [(0, 0), (first, first)], [0, first]
        elif self.head is not None and kind == b"R":
            part = self.head.part_of(leaf - 1)
            self.ends[part] = (leaf, self.ends[part][0])
        elif self.head is not None and kind == b"S":
            self.next_unsigned[self.head.part_of(leaf)] = leaf + 1
            self.recent[message] = Signed(leaf, digest)
            if len(self.recent) > RECENT_SIGNATURES:
                self.recent.popitem(last=False)
        else:
            self.settled = leaf


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
            state = _State(head.tail)
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

    def ends(self, part: Part = Part.BODY) -> Ends:
        """What is reserved of a part."""
        return self._state.ends[part]

    @property
    def settled(self) -> int:
        """Transactions that lower leaves signed are buried deep, or can never be mined; 0 where nobody said so."""
        return self._state.settled

    def signed(self, message: bytes) -> Signed | None:
        """What was recorded for a message (32 bytes), if it is among the last RECENT_SIGNATURES."""
        return self._state.recent.get(message)

    @property
    def remembered_from(self) -> int:
        """Leaf of the oldest signature of the body that `signed` still knows; 0 where none is forgotten."""
        recent = self._state.recent
        if len(recent) < RECENT_SIGNATURES:
            return 0
        return next((one.leaf for one in recent.values() if self.head.part_of(one.leaf) is Part.BODY), 0)

    def reserve(self, end: int) -> None:
        """Record that the part's leaves below `end` may be used from now on. Raises WriteFailed."""
        self._append(_BODY.pack(b"R", self.head.index, end, _NOTHING, _NOTHING))

    def record(self, message: bytes, signed: Signed) -> None:
        """Record what a leaf is about to sign. Raises WriteFailed."""
        self._append(_BODY.pack(b"S", self.head.index, signed.leaf, message, signed.digest))

    def settle(self, below: int) -> None:
        """Record what `settled` says from now on, which only rises. Raises WriteFailed; ValueError above what is
        used.
        """
        if below != self.settled:
            self._append(_BODY.pack(b"B", self.head.index, below, _NOTHING, _NOTHING))

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


def read_only(path: Path, tail: int = 0) -> tuple[JournalHead, int]:
    """Head of a journal that may be in use, and end of the body's last reservation. Raises JournalMissing or
    JournalDamaged.
    """
    state = _State(tail)
    _read(path, state)
    if state.head is None:
        raise JournalDamaged(f"{path} has no head")
    return state.head, state.ends[Part.BODY][0]


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
