"""Where a key directory lives, so that a copy of it is recognised as one.

A copied file has another inode, a restored machine another machine id, a mounted backup another path. What this cannot
see: a snapshot of a whole machine that is rolled back or runs twice; there only the chain can tell (LeafOnChain).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@dataclass(frozen=True, slots=True)
class Place:
    """One directory on one machine."""

    machine: str
    """Hash of the machine id (which is confidential), empty where the system has none."""
    path: str
    """Absolute, without symbolic links."""
    filesystem: int
    """f_fsid of the file system: unlike st_dev it mostly stays the same over restarts."""
    inode: int
    """st_ino of the directory."""

    @classmethod
    def of(cls, directory: Path) -> Place:
        """The place of an existing directory."""
        return cls(_machine(), str(directory.resolve()), os.statvfs(directory).f_fsid, directory.stat().st_ino)

    def difference(self, other: Place) -> str:
        """The first thing in which `other` differs, in words; empty if nothing does."""
        for name in ("machine", "path", "filesystem", "inode"):
            if getattr(self, name) != getattr(other, name):
                return f"{name} was {getattr(self, name)!r}, is {getattr(other, name)!r}"
        return ""


def _machine() -> str:
    for path in _MACHINE_IDS:
        if path.is_file() and (content := path.read_bytes().strip()):
            return sha256(b"quip/machine" + content).hexdigest()[:32]
    return ""
