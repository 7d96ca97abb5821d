import os
from pathlib import Path

import pytest

from quip.wallet import secret_files
from quip.wallet.errors import ExposedSecret, NotAccessible, WalletExists, WalletMissing, WriteFailed


def test_files_and_directories_are_private(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    secret_files.make_directory(directory)
    secret_files.make_directory(directory)
    secret_files.create(directory / "new", b"1")
    secret_files.replace(directory / "changed", b"2")
    secret_files.replace(directory / "changed", b"3")
    assert directory.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in directory.iterdir()) == ["changed", "new"]
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert secret_files.read_secret(directory / "changed") == b"3"


def test_a_new_file_replaces_nothing(tmp_path: Path) -> None:
    secret_files.create(tmp_path / "file", b"1")
    with pytest.raises(WalletExists):
        secret_files.create(tmp_path / "file", b"2")
    assert (tmp_path / "file").read_bytes() == b"1"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret_files.replace(tmp_path / "file", b"old")

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.write", full)
        with pytest.raises(WriteFailed, match="No space left"):
            secret_files.replace(tmp_path / "file", b"new")
        with pytest.raises(WriteFailed):
            secret_files.create(tmp_path / "other", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with monkeypatch.context() as patched:
        patched.setattr("os.write", lambda descriptor, data: real(descriptor, bytes(data)[:3]))
        secret_files.create(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WalletMissing):
        secret_files.read_secret(tmp_path / "nothing")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "file").chmod(0o604)
    with pytest.raises(ExposedSecret):
        secret_files.read_secret(tmp_path / "file")
    with pytest.raises(NotAccessible):
        secret_files.make_directory(tmp_path / "file" / "below")
    with pytest.raises(WriteFailed):
        secret_files.replace(tmp_path / "nowhere" / "file", b"")
