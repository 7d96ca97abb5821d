"""A store file takes another one's place: whole or not at all, whenever the power goes."""

from __future__ import annotations

from pathlib import Path

from quip.files import durable_files


def copy_durably(source: Path, target: Path) -> None:
    """A copy of a file, on disk when this returns; what was at `target` is gone. Raises OSError.

    The caller holds the directory's lock: what a killed run left of its copy, as large as the store, is removed.
    """
    for left in (target, *target.parent.glob(f".{target.name}.*")):
        left.unlink(missing_ok=True)
    durable_files.copy(source, target)


def keep_aside(path: Path, why: str) -> Path:
    """A second name for a file, `<name>.<why>-<number>`, so that it outlives its replacement. Raises OSError."""
    backup = _free_name(path, why)
    durable_files.second_name(path, backup)
    return backup


def move_aside(path: Path, why: str) -> Path:
    """Another name for a file, `<name>.<why>-<number>`, and no file under its own. Raises OSError."""
    aside = _free_name(path, why)
    replace_durably(path, aside)
    return aside


def _free_name(path: Path, why: str) -> Path:
    number = 1
    while (name := path.with_name(f"{path.name}.{why}-{number}")).exists():
        number += 1
    return name


def replace_durably(fresh: Path, path: Path) -> None:
    """`fresh`, which is on disk already, takes the name `path`. Raises OSError; `path` is then as it was."""
    fresh.replace(path)
    durable_files.sync_directory(path.parent)
