"""Locks: one holder; and a file system without locks is named as one, by every lock of the program."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from quip.files import file_lock
from quip.files.file_lock import NoLocks
from quip.node.errors import DataDirError
from quip.node.startup import explained
from quip.storage.lock import DataDirLock
from quip.wallet.directory_lock import DirectoryLock
from quip.wallet.errors import NotAccessible
from quip.wallet.stateful_signer.journal import Journal, JournalHead


def test_one_holder(tmp_path: Path) -> None:
    one, two = (os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT, 0o600) for _ in range(2))
    try:
        file_lock.lock(one)
        with pytest.raises(BlockingIOError):
            file_lock.lock(two)
        os.close(one)
        file_lock.lock(two)
    finally:
        os.close(two)


@pytest.fixture(params=[errno.ENOLCK, errno.ENOTSUP])
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


def open_files() -> int:
    """Of this process; 0 where the system does not tell."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.is_dir() else 0


@pytest.mark.usefixtures("no_locks")
def test_a_file_system_without_locks_is_named(tmp_path: Path) -> None:
    before = open_files()
    with pytest.raises(NoLocks, match="this file system has no locks"):
        DataDirLock.acquire(tmp_path)
    with pytest.raises(DataDirError, match="this file system has no locks") as data_dir, explained(tmp_path):
        DataDirLock.acquire(tmp_path)
    with pytest.raises(NotAccessible, match="this file system has no locks") as wallet:
        DirectoryLock(tmp_path)
    with pytest.raises(NotAccessible, match="this file system has no locks") as journal:
        Journal.create(tmp_path / "journal", JournalHead(0, 16, bytes(32)))
    for error in (data_dir.value, wallet.value, journal.value):
        assert "local disk" in error.hint
    assert open_files() == before


def test_any_other_trouble_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match="Input/output") as caught:
        DataDirLock.acquire(tmp_path)
    assert not isinstance(caught.value, NoLocks)
