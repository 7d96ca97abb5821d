"""Files that only their owner may read (0600 in directories of 0700), written so that a crash leaves old or new."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
from pathlib import Path

from quip.wallet.errors import ExposedSecret, NotAccessible, WalletExists, WalletMissing, WriteFailed

_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700
_OTHERS = 0o077


def make_directory(path: Path) -> None:
    """Make a directory of mode 0700, and its parents. Raises ExposedSecret if others can write to it, NotAccessible."""
    try:
        path.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise NotAccessible(path, error) from error
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o022:
        raise ExposedSecret(path, mode)


def flush(descriptor: int) -> None:
    """Make a file durable. macOS answers fsync before the drive has written; only F_FULLFSYNC waits."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_directory(path: Path) -> None:
    """Make the directory's entries durable: a new or renamed file survives a power cut only after this."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def read_secret(path: Path) -> bytes:
    """The file's bytes. Raises WalletMissing, NotAccessible, or ExposedSecret if others can reach it."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise WalletMissing(path) from error
    except OSError as error:
        raise NotAccessible(path, error) from error
    if mode & _OTHERS:
        raise ExposedSecret(path, mode)
    return content


def create(path: Path, content: bytes) -> None:
    """Write a file that must not exist, complete or not at all. Raises WalletExists or WriteFailed."""
    draft = _draft(path, content)
    try:
        os.link(draft, path)
        sync_directory(path.parent)
    except FileExistsError as error:
        raise WalletExists(path) from error
    except OSError as error:
        raise WriteFailed(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def replace(path: Path, content: bytes) -> None:
    """Write a file over what is there, complete or not at all. Raises WriteFailed."""
    draft = _draft(path, content)
    try:
        draft.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise WriteFailed(path, error) from error


def _draft(path: Path, content: bytes) -> Path:
    """A durable file beside `path` with the content, not yet under its name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        try:
            write_all(descriptor, content)
            flush(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise WriteFailed(path, error) from error
    return draft


def write_all(descriptor: int, content: bytes) -> None:
    """os.write until everything is written."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
