"""One process per data directory: an advisory lock on a file that names the holder.

The operating system drops the lock when the process ends, however it ends; the file stays and means nothing by itself.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from quip.files.file_lock import lock
from quip.storage.errors import DataDirLocked

LOCK_FILE = "lock"
_MAX_PID_DIGITS = 20
_PATIENCE_S = 0.2
"""For whoever only looks (`is_locked` holds the lock for some microseconds): a start must not fail because of that."""
_RETRY_S = 0.01


class DataDirLock:
    """The exclusive use of a data directory, until `release` or the end of the process."""

    def __init__(self, directory: Path, descriptor: int) -> None:
        self.directory = directory
        self._descriptor: int | None = descriptor

    @staticmethod
    def acquire(directory: Path) -> DataDirLock:
        """Lock the directory, making it where absent. Raises DataDirLocked, NoLocks, OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _take(descriptor)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise DataDirLocked(directory, holder) from None
        except OSError:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return DataDirLock(directory, descriptor)

    def release(self) -> None:
        """Give the directory back; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_locked(directory: Path) -> bool | None:
    """Does a process use the directory? It takes no pid for it: the system gives those to others again.

    None where that cannot be known: the directory is not to be seen from here, or its file system has no locks.
    """
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False if directory.is_dir() else None
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def holder_of(directory: Path) -> int | None:
    """The process id that the holder of a locked directory left there, in its own numbering; None where it is not
    readable."""
    try:
        descriptor = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _holder(descriptor)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    """Lock the file; raises BlockingIOError if it is still held after _PATIENCE_S."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            lock(descriptor)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _holder(descriptor: int) -> int | None:
    text = os.pread(descriptor, _MAX_PID_DIGITS + 1, 0).strip()
    return int(text) if text.isdigit() else None
