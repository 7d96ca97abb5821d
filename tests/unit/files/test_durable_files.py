"""Whole or not at all, at every step of the work and on every kind of file system; private; durable."""

import errno
import os
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from faults.file_steps import Moment, counted
from quip.files import durable_files
from quip.files.durable_files import Exposed


class Died(BaseException):
    """Stands for the power cut."""


def die() -> None:
    raise Died


def fails(number: int) -> Callable[..., None]:
    def call(*arguments: object, **named: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


def dead_at_every_step(make: Callable[[], Path], act: Callable[[Path], None]) -> list[bytes | None]:
    """What stands under the name after dying before, in or after each step of `act`, and then trying again."""
    left: list[bytes | None] = []
    for fatal, moment in ((fatal, moment) for fatal in count(1) for moment in Moment):
        path = make()
        with counted(fatal, moment, die) as steps:
            try:
                act(path)
            except Died:
                pass
            else:
                assert steps.count < fatal
                assert fatal > 5  # open, write, fsync, a name, fsync of the directory
                return left
        left.append(path.read_bytes() if path.exists() else None)
        path.unlink(missing_ok=True)
        act(path)  # nothing that is left over stands in the way
        assert path.read_bytes() == b"new" * 100
        assert [found.name for found in path.parent.iterdir()] == [path.name]
    raise AssertionError


@pytest.fixture
def places(tmp_path: Path) -> Callable[[], Path]:
    numbers = count()

    def make() -> Path:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        return directory / "file"

    return make


def test_a_replaced_file_is_the_old_one_or_the_new_one(places: Callable[[], Path]) -> None:
    def old() -> Path:
        path = places()
        path.write_bytes(b"old")
        return path

    left = dead_at_every_step(old, lambda path: durable_files.replace(path, b"new" * 100))
    assert set(left) == {b"old", b"new" * 100}


def test_a_created_file_is_whole_or_not_there(places: Callable[[], Path]) -> None:
    left = dead_at_every_step(places, lambda path: durable_files.create(path, b"new" * 100))
    assert set(left) == {None, b"new" * 100}


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_without_hard_links_a_created_file_is_whole_or_empty(
    places: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("os.link", fails(number))
    left = dead_at_every_step(places, lambda path: durable_files.create(path, b"new" * 100))
    assert set(left) == {None, b"", b"new" * 100}
    path = places()
    path.write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        durable_files.create(path, b"new")
    assert path.read_bytes() == b"somebody's"
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize(("write", "naming"), [(durable_files.replace, "replace"), (durable_files.create, "link")])
def test_the_file_is_durable_before_it_has_its_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, bytes], None], naming: str
) -> None:
    calls: list[str] = []

    def watched(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*arguments: object) -> object:
            directory = name == "fsync" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode)  # type: ignore[arg-type]
            calls.append("sync the directory" if directory else name)
            return real(*arguments)

        return call

    for name in ("fsync", "replace", "link"):
        monkeypatch.setattr(os, name, watched(name))
    write(tmp_path / "file", b"content")
    assert calls == ["fsync", naming, "sync the directory"]


def test_a_file_system_that_cannot_sync_directories_is_no_failure_and_a_broken_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def broken(number: int) -> Callable[[int], None]:
        def fsync(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            real(descriptor)

        return fsync

    monkeypatch.setattr("os.fsync", broken(errno.EINVAL))
    durable_files.replace(tmp_path / "file", b"1")
    monkeypatch.setattr("os.fsync", broken(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        durable_files.replace(tmp_path / "file", b"2")


def test_a_new_file_replaces_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    durable_files.create(tmp_path / "file", b"1")
    with pytest.raises(FileExistsError):
        durable_files.create(tmp_path / "file", b"2")
    assert (tmp_path / "file").read_bytes() == b"1"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("links", [True, False])
def test_a_second_name_outlives_the_replacement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr("os.link", fails(errno.EPERM))
    path, backup = tmp_path / "store", tmp_path / "store.damaged-1"
    path.write_bytes(b"old" * 1_000_000)
    durable_files.second_name(path, backup)
    durable_files.replace(path, b"new")
    assert backup.read_bytes() == b"old" * 1_000_000
    with pytest.raises(FileExistsError):
        durable_files.second_name(path, backup)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["store", "store.damaged-1"]


def test_any_other_trouble_with_a_link_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.link", fails(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        durable_files.create(tmp_path / "file", b"1")
    assert list(tmp_path.iterdir()) == []


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        durable_files.make_private_directory(tmp_path / "a" / "b")
        durable_files.replace(tmp_path / "a" / "b" / "one", b"")
        durable_files.create(tmp_path / "a" / "b" / "two", b"")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "a" / "b").iterdir()} == {0o600}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_draft_of_a_dead_process_lends_its_mode_to_nobody(tmp_path: Path) -> None:
    draft = tmp_path / f".file.{os.getpid()}"
    draft.write_bytes(b"left over")
    draft.chmod(0o666)
    durable_files.replace(tmp_path / "file", b"secret")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o666, 0o602, 0o610])
def test_the_command_ends_the_exposure(tmp_path: Path, mode: int) -> None:
    """Run as it is printed, by a shell; the names are as odd as a user's may be."""
    files = [tmp_path / name for name in ("plain", "with space", "it's", "$HOME;x")]
    directory = tmp_path / "directory"
    directory.mkdir()
    directory.chmod(0o777)
    for file in files:
        file.write_bytes(b"secret")
        file.chmod(mode)
        with pytest.raises(Exposed):
            durable_files.read_secret(file)
    everything = [*files, directory, tmp_path / "missing"]
    found = [one.path for one in durable_files.exposed(everything)]
    assert found == [*files, directory]
    subprocess.run(durable_files.closing_command(found), shell=True, check=True)
    assert durable_files.exposed(everything) == []
    assert all(durable_files.read_secret(file) == b"secret" for file in files)
    durable_files.make_private_directory(directory)


def test_a_directory_that_others_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o770)
    with pytest.raises(Exposed, match="0770"):
        durable_files.make_private_directory(tmp_path / "shared")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EFBIG, "ulimit"),
        (errno.EACCES, "who owns"),
        (errno.EPERM, "who owns"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "check the disk"),
    ],
)
def test_advice_fits_the_trouble(number: int, words: str) -> None:
    advice = durable_files.advice(OSError(number, os.strerror(number)))
    assert words in advice
    assert ("free some space" in advice) is durable_files.is_full(number)


def test_a_signal_in_the_middle_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our handlers of signals raise SystemExit wherever the program is; the draft may be a secret."""

    def stopped(descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[:3])
        raise SystemExit(0)

    monkeypatch.setattr(durable_files, "write_all", stopped)
    with pytest.raises(SystemExit):
        durable_files.create(tmp_path / "words", b"twelve secret words")
    assert list(tmp_path.iterdir()) == []


def test_threads_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    file, contents = tmp_path / "file", [bytes([number]) * 5_000 for number in range(4)]

    def write(content: bytes) -> None:
        for _ in range(25):
            durable_files.replace(file, content)
            assert file.read_bytes() in contents

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, content) for content in contents]:
            done.result()
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
