"""Which nodes run on this machine: each leaves a note under ~/.quip/running while it does, so that `quip` finds it.

A note says where a node keeps its data and where it answers; it never proves that the node runs. That does the lock of
the data directory, which the system drops when the process ends, however it ends. (A process id proves nothing: after
kill -9, a power cut or a restarted container it belongs to somebody else.) So a note is removed only where its data
directory is there and nobody holds it.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quip.node.config.home import quip_home
from quip.storage.lock import holder_of, is_locked

RPC_FILE = "rpc"
NAME_DIGITS = 16  # of a note: one note a data directory, whoever runs there


@dataclass(frozen=True, slots=True)
class RunningNode:
    """One node: its process, where it keeps its data, where it answers."""

    pid: int | None
    data_dir: Path
    rpc_url: str


def notes_dir() -> Path | None:
    """Where the notes lie."""
    home = quip_home()
    return None if home is None else home / "running"


@contextlib.contextmanager
def announced(data_dir: Path, rpc_url: str) -> Iterator[None]:
    """While inside, `<data-dir>/rpc` holds the URL and the note exists. The caller holds the directory's lock.

    Raises OSError for the data directory only.
    """
    rpc_file = data_dir / RPC_FILE
    notes = notes_dir()
    note = None if notes is None else notes / note_name(data_dir)
    try:  # from the first byte on: a signal may end the start between any two lines
        _write(rpc_file, rpc_url + "\n")
        if note is not None:
            with contextlib.suppress(OSError):  # a service whose home cannot be written is found by --data-dir
                note.parent.mkdir(parents=True, exist_ok=True)
                _write(note, json.dumps({"data_dir": str(data_dir.resolve()), "rpc": rpc_url}))
        yield
    finally:
        for file in (rpc_file, note):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.unlink()


def note_name(data_dir: Path) -> str:
    """The name of a data directory's note."""
    return hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:NAME_DIGITS] + ".json"


def running_nodes() -> list[RunningNode]:
    """The nodes that run, one for each data directory; notes of those that provably do not are removed."""
    notes = notes_dir()
    found: dict[Path, RunningNode] = {}
    for note in [] if notes is None else sorted(notes.glob("*.json")):
        node = _read(note)
        if node is None:
            continue
        locked = is_locked(node.data_dir)
        if locked:
            found[node.data_dir] = node
        elif locked is False:
            with contextlib.suppress(OSError):
                note.unlink()
    return list(found.values())


def url_of(data_dir: Path) -> str | None:
    """Where the node of a data directory says that it answers; None where it says nothing readable."""
    with contextlib.suppress(OSError, ValueError):
        return (data_dir / RPC_FILE).read_text(encoding="utf-8").strip()
    return None


def _read(note: Path) -> RunningNode | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads(note.read_text(encoding="utf-8"))
        data_dir = Path(content["data_dir"])
        return RunningNode(holder_of(data_dir), data_dir, str(content["rpc"]))
    return None


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
