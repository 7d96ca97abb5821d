"""One process per data directory."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quip.storage.errors import DataDirLocked, StoreLocked
from quip.storage.lock import LOCK_FILE, DataDirLock, holder_of, is_locked

HOLD = """
import sys
from pathlib import Path
from quip.storage.lock import DataDirLock
lock = DataDirLock.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_with_the_holders_pid(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataDirLocked, match=f"in use by process {holder.pid}: stop it") as caught:
            DataDirLock.acquire(tmp_path)
        assert isinstance(caught.value, StoreLocked)
        assert caught.value.holder == holder.pid
        holder.kill()
    with DataDirLock.acquire(tmp_path):  # a kill leaves no lock behind
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_a_lock_ends_with_its_release(tmp_path: Path) -> None:
    lock = DataDirLock.acquire(tmp_path / "new" / "directory")
    with pytest.raises(DataDirLocked, match=f"process {os.getpid()}"):
        DataDirLock.acquire(lock.directory)
    lock.release()
    lock.release()
    DataDirLock.acquire(lock.directory).release()


@pytest.mark.parametrize("content", ["", "not a number", "-5"])
def test_an_unreadable_holder_is_another_process(tmp_path: Path, content: str) -> None:
    with DataDirLock.acquire(tmp_path):
        (tmp_path / LOCK_FILE).write_text(content)
        with pytest.raises(DataDirLocked, match="in use by another process") as caught:
            DataDirLock.acquire(tmp_path)
        assert caught.value.holder is None


def test_an_old_lock_file_means_nothing(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("1234567890123\n")
    with DataDirLock.acquire(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_whoever_looks_sees_the_lock_and_takes_nothing(tmp_path: Path) -> None:
    assert is_locked(tmp_path) is False
    assert is_locked(tmp_path / "nowhere") is None
    with DataDirLock.acquire(tmp_path):
        assert is_locked(tmp_path) is True
        assert holder_of(tmp_path) == os.getpid()
    assert is_locked(tmp_path) is False
    (tmp_path / LOCK_FILE).unlink()
    assert holder_of(tmp_path) is None


def test_a_file_system_without_locks_says_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DataDirLock.acquire(tmp_path).release()

    def no_locks(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert is_locked(tmp_path) is None


def test_a_start_outlasts_somebody_who_only_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The looker lets go at the first pause of the one that waits."""
    DataDirLock.acquire(tmp_path).release()
    looking = os.open(tmp_path / LOCK_FILE, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
    with DataDirLock.acquire(tmp_path):
        assert is_locked(tmp_path) is True
    os.close(looking)
