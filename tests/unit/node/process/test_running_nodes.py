"""The notes by which `quip` finds the nodes that run."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from quip.node.process.running_nodes import announced, note_name, running_nodes
from quip.storage.lock import DataDirLock

URL = "http://127.0.0.1:1"


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the notes lie; it is there, as after the first run."""
    monkeypatch.setenv("HOME", str(tmp_path))
    place = tmp_path / ".quip" / "running"
    place.mkdir(parents=True)
    return place


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory in which nothing has run yet."""
    place = tmp_path / "data"
    place.mkdir()
    return place


def leave_note(notes: Path, name: str, data_dir: Path) -> Path:
    """What a node that was killed leaves behind."""
    note = notes / name
    note.write_text(json.dumps({"data_dir": str(data_dir), "rpc": URL}))
    return note


def test_a_node_is_found_while_it_runs(notes: Path, data: Path) -> None:
    assert running_nodes() == []
    with DataDirLock.acquire(data), announced(data, URL):
        (node,) = running_nodes()
        assert (node.pid, node.data_dir, node.rpc_url) == (os.getpid(), data, URL)
        assert (data / "rpc").read_text() == URL + "\n"
    assert running_nodes() == []
    assert [file.name for file in data.iterdir()] == ["lock"]
    assert list(notes.iterdir()) == []


@pytest.mark.parametrize("write", range(4))
def test_a_start_that_is_ended_on_the_way_leaves_nothing(
    notes: Path, data: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    """SIGTERM raises SystemExit between any two lines of a start: here behind each write and each rename."""
    steps = iter(range(4))

    def then_ended(act: Callable[..., object]) -> Callable[..., object]:
        def acting(*arguments: object, **more: object) -> object:
            done = act(*arguments, **more)
            if next(steps) == write:
                raise SystemExit(0)
            return done

        return acting

    monkeypatch.setattr(Path, "write_text", then_ended(Path.write_text))
    monkeypatch.setattr(Path, "replace", then_ended(Path.replace))
    with pytest.raises(SystemExit), announced(data, URL):
        raise AssertionError("the start went on")
    assert list(data.iterdir()) == list(notes.iterdir()) == []


@pytest.mark.parametrize("name", ["own.json", "1.json", "999999999.json", "abc.json"])
def test_a_note_counts_only_while_its_data_directory_is_locked(notes: Path, data: Path, name: str) -> None:
    """Also where its name is the number of a process that lives: the system gives numbers to others again."""
    name = name.replace("own", str(os.getpid()))
    DataDirLock.acquire(data).release()
    note = leave_note(notes, name, data)
    with DataDirLock.acquire(data):
        assert [node.data_dir for node in running_nodes()] == [data]
        assert note.exists()
    assert running_nodes() == []
    assert not note.exists()


def test_a_directory_in_which_nobody_ever_ran_has_no_node(notes: Path, data: Path) -> None:
    note = leave_note(notes, "1.json", data)
    assert running_nodes() == []
    assert not note.exists()


def test_a_note_that_is_not_provably_dead_stays(notes: Path, tmp_path: Path) -> None:
    """A container, or another machine that shares the home, may see a directory that this one does not."""
    note = leave_note(notes, "999999999.json", tmp_path / "not mounted here")
    assert running_nodes() == []
    assert note.exists()


def test_two_notes_of_one_directory_are_one_node(notes: Path, data: Path) -> None:
    leave_note(notes, "999999999.json", data)
    leave_note(notes, note_name(data), data)
    with DataDirLock.acquire(data):
        assert len(running_nodes()) == 1


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"data_dir": 5, "rpc": "x"}', "\0"])
def test_broken_notes_mean_nothing(notes: Path, content: str) -> None:
    (notes / "1.json").write_text(content)
    assert running_nodes() == []


def test_a_home_that_cannot_be_written_is_no_obstacle(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/none")
    with announced(data, URL):
        assert (data / "rpc").exists()


def test_nor_is_no_home_at_all(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with announced(data, URL):
        assert (data / "rpc").exists()
        assert running_nodes() == []
