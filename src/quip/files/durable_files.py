"""Files written whole or not at all, which survive a power cut once the call returns, and secrets read with care.

    replace(path, content)    over what is there            create(path, content)    only where nothing is
    second_name(path, name)   a file that outlives its replacement

What this file does not do: it has no words for the operator but `advice`; callers turn OSError into errors of theirs.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
OTHERS = 0o077
"""Mode bits of everybody but the owner."""
OTHERS_WRITE = 0o022

_FULL = (errno.ENOSPC, errno.EDQUOT)
_ADVICE = {
    **dict.fromkeys(_FULL, "free some space"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "check who owns it and its directory"),
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "its file system is mounted read-only: mount it for writing, or choose another place",
}
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
"""What file systems without hard links answer (FAT, some network and user-space ones)."""


class Exposed(Exception):
    """Other users of this machine can reach a file that is secret, or write to a directory of such files."""

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(f"{path} has mode {mode:04o}")
        self.path = path
        self.mode = mode


def flush(descriptor: int) -> None:
    """Make a file durable. macOS answers fsync before the drive has written; only F_FULLFSYNC waits."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_directory(path: Path) -> None:
    """Make the directory's entries durable: a new or renamed file survives a power cut only after this.

    EINVAL means that this file system has no such thing for directories; anything else is a failure.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flush(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """os.write until everything is written."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def make_private_directory(path: Path) -> None:
    """Make a directory of mode 0700, and its parents. Raises Exposed if others can write to it; OSError."""
    path.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS_WRITE:
        raise Exposed(path, mode)


def read_secret(path: Path, forbidden: int = OTHERS, limit: int = -1) -> bytes:
    """The file's bytes, at most `limit`. Raises Exposed if its mode has a bit of `forbidden`; OSError."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & forbidden:
            raise Exposed(path, mode)
        return file.read(limit)


def replace(path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write a file over what is there, complete or not at all. Raises OSError."""
    draft = _draft(path, lambda descriptor: write_all(descriptor, content), mode)
    _named(draft, path, os.replace)


def create(path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write a file that must not exist, complete or not at all. Raises FileExistsError, OSError.

    Where the file system has no hard links the name is claimed by an empty file first: only there, a power cut may
    leave that.
    """
    draft = _draft(path, lambda descriptor: write_all(descriptor, content), mode)
    _named(draft, path, _link_or_claim)


def second_name(path: Path, name: Path) -> None:
    """Another name for a file, which must not exist: by a hard link or, where there are none, a copy. Raises OSError,
    FileExistsError."""
    try:
        os.link(path, name)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    else:
        sync_directory(name.parent)
        return

    copy(path, name)


def copy(source: Path, name: Path) -> None:
    """A copy under a name that must not exist, complete or not at all. Raises OSError, FileExistsError."""

    def write(descriptor: int) -> None:
        with source.open("rb") as content, os.fdopen(descriptor, "wb", closefd=False) as target:
            shutil.copyfileobj(content, target)

    _named(_draft(name, write, PRIVATE_FILE), name, _link_or_claim)


def exposed(paths: Iterable[Path]) -> list[Exposed]:
    """Of these secret files and directories of such files, the ones that others can reach; missing ones are none."""
    found = []
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            mode = stat.S_IMODE(status.st_mode)
            if mode & (OTHERS_WRITE if stat.S_ISDIR(status.st_mode) else OTHERS):
                found.append(Exposed(path, mode))
    return found


def closing_command(paths: Iterable[Path]) -> str:
    """The command after which nobody but the owner reaches these files and directories."""
    return shlex.join(["chmod", "go-rwx", *map(str, paths)])


def is_full(number: int | None) -> bool:
    """True for the error numbers of a disk or a quota without room."""
    return number in _FULL


def advice(error: OSError) -> str:
    """What to do about a file that could not be written."""
    return _ADVICE.get(error.errno or 0, "check the disk")


def _draft(path: Path, write: Callable[[int], None], mode: int) -> Path:
    """A durable file beside `path`, not yet under its name."""
    draft = path.with_name(f".{path.name}.{threading.get_native_id()}")  # no two threads of a machine share it
    draft.unlink(missing_ok=True)  # of a thread that died and had this number
    written = False
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            write(descriptor)
            flush(descriptor)
        finally:
            os.close(descriptor)
        written = True
    finally:  # also where a signal ends the program in the middle: the draft may be a secret, or as large as a store
        if not written:
            with suppress(OSError):
                draft.unlink()
    return draft


def _named(draft: Path, path: Path, give_name: Callable[[Path, Path], None]) -> None:
    """Give the draft its name, durably; the draft is gone afterwards, whatever happens."""
    try:
        give_name(draft, path)
    finally:
        with suppress(OSError):
            draft.unlink()
    sync_directory(path.parent)


def _link_or_claim(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    else:
        return
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    try:
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
