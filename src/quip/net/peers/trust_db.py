"""What the node remembers of peers: pinned keys, bans, manual peers, the address book (SQLite, trust.db).

The node and the `quip peers` commands use the file at the same time: write-ahead log, short transactions, and
`changed()` tells the node that somebody else wrote. A write is durable when the call returns. On damage nothing is
guessed: the caller gets PeersFileError.

    pins        (host, port) -> node id       trust on first use; a changed key is refused until the operator accepts it
    bans        subject -> until, offences    see bans.py
    manual      host:port as the operator wrote it
    addresses, anchors                        see address_book.py
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quip.files.durable_files import PRIVATE_FILE
from quip.net.address import Address, canonical_host
from quip.net.limits import BANS_KEPT, FORGIVEN_AFTER_S, PINS_KEPT
from quip.net.local_errors import PeersFileError
from quip.net.ports import Ban, KnownAddress

VERSION = 1
NODE_ID_BYTES = 32
_PATIENCE_MS = 1000  # another process holds the file for milliseconds; the node's loop must not wait longer
_SCHEMA = """
CREATE TABLE pins (
    host TEXT NOT NULL, port INTEGER NOT NULL, node_id BLOB NOT NULL CHECK (length(node_id) = 32),
    first_seen INTEGER NOT NULL, PRIMARY KEY (host, port)
) STRICT, WITHOUT ROWID;
CREATE TABLE bans (
    subject TEXT PRIMARY KEY, until INTEGER NOT NULL, reason TEXT NOT NULL, offences INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE manual (peer TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE addresses (
    host TEXT NOT NULL, port INTEGER NOT NULL, source TEXT NOT NULL, tried INTEGER NOT NULL,
    last_success INTEGER NOT NULL, last_attempt INTEGER NOT NULL, attempts INTEGER NOT NULL,
    last_seen INTEGER NOT NULL, PRIMARY KEY (host, port)
) STRICT, WITHOUT ROWID;
CREATE TABLE anchors (position INTEGER PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL) STRICT;
"""
_NOW = "unixepoch()"


@dataclass(frozen=True, slots=True)
class Pin:
    """An address and the node that answered there first."""

    address: Address
    node_id: bytes
    first_seen_unix_s: int


class TrustDb:
    """The node's side: `ports.PeerStorage`. One thread at a time."""

    def __init__(self, path: Path, on_trouble: Callable[[PeersFileError], None] | None = None) -> None:
        """Open it, made where absent. `on_trouble` takes what a failed write would raise (disk full, locked).

        Raises PeersFileError.
        """
        self.path = path
        self._on_trouble = on_trouble
        with suppress(OSError):  # made here, else it has whatever mode the umask leaves; SQLite says what is wrong
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
        with self._translated():
            self._connection = sqlite3.connect(
                path, timeout=_PATIENCE_MS / 1000, isolation_level=None, check_same_thread=False
            )
        try:
            with self._translated():
                self._prepare()
        except PeersFileError:
            self._connection.close()
            raise
        self._seen = self._data_version()

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise PeersFileError(
                    f"{self.path} is of version {version}, this program knows {VERSION}",
                    "a newer program made it: use that one, or move the file away (it is then made anew)",
                )
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {VERSION}")
        damage = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def changed(self) -> bool:
        """True if another process wrote since the last call."""
        before, self._seen = self._seen, self._data_version()
        return before != self._seen

    def pin_of(self, address: Address) -> bytes | None:
        """The node id that this address is bound to (trust on first use)."""
        rows = self._read("SELECT node_id FROM pins WHERE host = ? AND port = ?", (address.host, address.port))
        return bytes(rows[0][0]) if rows else None

    def pin(self, address: Address, node_id: bytes) -> None:
        """Bind it; the oldest pins make room."""
        bind = (
            f"INSERT INTO pins VALUES (?, ?, ?, {_NOW}) ON CONFLICT DO UPDATE SET "
            f"node_id = excluded.node_id, first_seen = iif(node_id = excluded.node_id, first_seen, {_NOW})"
        )
        make_room = (
            "DELETE FROM pins WHERE (host, port) IN "
            "(SELECT host, port FROM pins ORDER BY first_seen DESC, host, port LIMIT -1 OFFSET ?)"
        )
        self._write((bind, [(address.host, address.port, node_id)]), (make_room, [(PINS_KEPT,)]))

    def bans(self) -> list[Ban]:
        """All bans, expired ones too (their offences count) until a week after."""
        rows = self._read(f"SELECT * FROM bans WHERE until > {_NOW} - ? ORDER BY subject", (FORGIVEN_AFTER_S,))
        return [Ban(*row) for row in rows]

    def save_ban(self, ban: Ban) -> None:
        """Add or replace; forgiven ones, and the oldest beyond BANS_KEPT, go."""
        make_room = "DELETE FROM bans WHERE subject IN (SELECT subject FROM bans ORDER BY until DESC LIMIT -1 OFFSET ?)"
        self._write(
            ("REPLACE INTO bans VALUES (?, ?, ?, ?)", [(ban.subject, ban.until_unix_s, ban.reason, ban.offences)]),
            (f"DELETE FROM bans WHERE until <= {_NOW} - ?", [(FORGIVEN_AFTER_S,)]),
            (make_room, [(BANS_KEPT,)]),
        )

    def manual(self) -> list[str]:
        """host:port texts that the operator added by `quip peers add`."""
        return [row[0] for row in self._read("SELECT peer FROM manual ORDER BY peer")]

    def addresses(self) -> list[KnownAddress]:
        """The address book as last saved."""
        rows = self._read("SELECT * FROM addresses ORDER BY host, port")
        return [
            KnownAddress(Address(host, port), source, bool(tried), *rest) for host, port, source, tried, *rest in rows
        ]

    def save_addresses(self, rows: list[KnownAddress], anchors: list[Address]) -> None:
        """Replace the saved address book and anchors."""
        self._write(
            ("DELETE FROM addresses", [()]),
            ("REPLACE INTO addresses VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_address_row, rows)),
            ("DELETE FROM anchors", [()]),
            ("INSERT INTO anchors VALUES (?, ?, ?)", [(at, to.host, to.port) for at, to in enumerate(anchors)]),
        )

    def anchors(self) -> list[Address]:
        """Outbound peers of the last run, to be dialled first."""
        return [Address(*row) for row in self._read("SELECT host, port FROM anchors ORDER BY position")]

    def _data_version(self) -> int:
        return int(self._read("PRAGMA data_version")[0][0])

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._translated():
            return self._connection.execute(query, values).fetchall()

    def _write(self, *statements: tuple[str, Iterable[tuple[Any, ...]]]) -> bool:
        """One durable transaction, all of it or nothing. True if its first statement changed anything."""
        try:
            with self._translated():
                self._connection.execute("BEGIN IMMEDIATE")
                with self._connection:
                    counts = [self._connection.executemany(query, rows).rowcount for query, rows in statements]
                return counts[0] > 0
        except _Passing as error:
            if self._on_trouble is None:
                raise
            self._on_trouble(error)
            return False

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _peers_file_error(self.path, error) from None


class TrustEditor(TrustDb):
    """The operator's side: what `quip peers` shows and changes."""

    def pins(self) -> list[Pin]:
        """All pins."""
        rows = self._read("SELECT host, port, node_id, first_seen FROM pins ORDER BY host, port")
        return [Pin(Address(host, port), bytes(node_id), first_seen) for host, port, node_id, first_seen in rows]

    def trust(self, address: Address, node_id: bytes | None) -> bool:
        """Bind the address to another node id, or (None) to whoever answers next. True if anything was bound before."""
        known = self._write(("DELETE FROM pins WHERE host = ? AND port = ?", [(address.host, address.port)]))
        if node_id is not None:
            self.pin(address, node_id)
        return known

    def unban(self, subject: str) -> bool:
        """Lift a ban and forget its offences. False if there was none."""
        return self._write(("DELETE FROM bans WHERE subject = ?", [(subject,)]))

    def add_manual(self, peer: str) -> bool:
        """Have the node connect to host:port. False if it does already."""
        return self._write(("INSERT OR IGNORE INTO manual VALUES (?)", [(peer,)]))

    def remove_manual(self, peer: str) -> bool:
        """No longer. False if it was not in the list."""
        return self._write(("DELETE FROM manual WHERE peer = ?", [(peer,)]))


class _Passing(PeersFileError):
    """A write that failed for a reason that may go away; nothing of it was written."""


def _address_row(row: KnownAddress) -> tuple[Any, ...]:
    host, port = canonical_host(row.address.host), row.address.port
    times = row.last_success_unix_s, row.last_attempt_unix_s, row.attempts, row.last_seen_unix_s
    return host, port, row.source, int(row.tried), *times


def _peers_file_error(path: Path, error: sqlite3.Error) -> PeersFileError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # the primary code
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _Passing(f"another process holds {path}", "stop what uses it (a database shell?), then try again")
    if code == sqlite3.SQLITE_FULL:
        return _Passing(f"the disk that holds {path} is full", "free some space and try again; nothing old is lost")
    if code == sqlite3.SQLITE_READONLY:
        return _Passing(f"{path} cannot be written", "check who owns it and its directory")
    if code == sqlite3.SQLITE_IOERR:
        return _Passing(f"the disk that holds {path} fails: {error}", "check the disk")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return PeersFileError(f"cannot open {path}: {error}", "check that its directory exists and who owns it")
    return PeersFileError(
        f"{path} is damaged: {error}",
        f"run: mv {path} {path}.damaged (pins, bans and addresses are then learned anew; add manual peers again)",
    )
