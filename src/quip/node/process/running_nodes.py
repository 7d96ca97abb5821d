"""Which nodes run on this machine: each leaves a note under ~/.quip/running while it does, so that `quip` finds it."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RPC_FILE = "rpc"


@dataclass(frozen=True, slots=True)
class RunningNode:
    """One node: its process, where it keeps its data, where it answers."""

    pid: int
    data_dir: Path
    rpc_url: str


def notes_dir() -> Path:
    """Where the notes lie."""
    return Path.home() / ".quip" / "running"


@contextlib.contextmanager
def announced(data_dir: Path, rpc_url: str) -> Iterator[None]:
    """While inside, `<data-dir>/rpc` holds the URL and the note exists. Raises OSError for the data directory only."""
    rpc_file = data_dir / RPC_FILE
    _write(rpc_file, rpc_url + "\n")
    note = notes_dir() / f"{os.getpid()}.json"
    with contextlib.suppress(OSError):  # a service without a home is found by --data-dir
        note.parent.mkdir(parents=True, exist_ok=True)
        _write(note, json.dumps({"data_dir": str(data_dir.resolve()), "rpc": rpc_url}))
    try:
        yield
    finally:
        for file in (note, rpc_file):
            with contextlib.suppress(OSError):
                file.unlink()


def running_nodes() -> list[RunningNode]:
    """The nodes that left a note and still live; the notes of dead ones are removed."""
    found = []
    for note in sorted(notes_dir().glob("*.json")):
        pid = int(note.stem) if note.stem.isdigit() else 0
        if not is_alive(pid):
            with contextlib.suppress(OSError):
                note.unlink()
            continue
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(note.read_text())
            found.append(RunningNode(pid, Path(content["data_dir"]), content["rpc"]))
    return found


def is_alive(pid: int) -> bool:
    """Does a process with this id exist?"""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(file)
