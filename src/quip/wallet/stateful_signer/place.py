"""Where a key directory and its files live, so that a copy of them is recognised as one.

A copied or unpacked file has another inode, another machine another id, a mounted backup another path. What this
cannot see: files overwritten in place, all at once, by older ones, and a snapshot of a whole machine that is rolled
back or runs twice; there only the chain can tell (LeafOnChain).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@dataclass(frozen=True, slots=True)
class Place:
    """One directory on one machine, and the files that belong to it."""

    machine: str
    """Hash of the machine id (which is confidential), empty where the system has none."""
    path: str
    """Absolute, without symbolic links."""
    filesystem: int
    """f_fsid of the file system: unlike st_dev it mostly stays the same over restarts."""
    inodes: tuple[int, ...]
    """st_ino of the directory and of each file."""

    @classmethod
    def of(cls, directory: Path, *files: Path) -> Place:
        """The place of a directory and of files, all existing."""
        inodes = tuple(path.stat().st_ino for path in (directory, *files))
        return cls(_machine(), str(directory.resolve()), os.statvfs(directory).f_fsid, inodes)

    def difference(self, other: Place) -> str:
        """The first thing in which `other` differs, in words; empty if nothing does."""
        for name in ("machine", "path", "filesystem", "inodes"):
            if getattr(self, name) != getattr(other, name):
                return f"{name} was {getattr(self, name)!r}, is {getattr(other, name)!r}"
        return ""


def _machine() -> str:
    for path in _MACHINE_IDS:
        if path.is_file() and (content := path.read_bytes().strip()):
            return sha256(b"quip/machine" + content).hexdigest()[:32]
    return ""
