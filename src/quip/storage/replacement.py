"""A store file takes another one's place: whole or not at all, whenever the power goes."""

from __future__ import annotations

import os
from pathlib import Path

_CHUNK = 1 << 20


def copy_durably(source: Path, target: Path) -> None:
    """A copy of a file, on disk when this returns; what was at `target` is gone. Raises OSError."""
    target.unlink(missing_ok=True)
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            while chunk := os.read(reading, _CHUNK):
                view = memoryview(chunk)
                while view:
                    view = view[os.write(writing, view) :]
            os.fsync(writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def keep_aside(path: Path, why: str) -> Path:
    """A second name for a file, `<name>.<why>-<number>`, so that it outlives its replacement. Raises OSError."""
    number = 1
    while (backup := path.with_name(f"{path.name}.{why}-{number}")).exists():
        number += 1
    try:
        backup.hardlink_to(path)
    except OSError:  # a file system without links: slower, and as good
        copy_durably(path, backup)
    return backup


def replace_durably(fresh: Path, path: Path) -> None:
    """`fresh`, which is on disk already, takes the name `path`. Raises OSError; `path` is then as it was."""
    fresh.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
