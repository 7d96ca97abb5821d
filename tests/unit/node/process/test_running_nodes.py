"""The notes by which `quip` finds the nodes that run."""

import json
import os
from pathlib import Path

import pytest

from quip.node.process.running_nodes import announced, is_alive, notes_dir, running_nodes


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_node_is_found_while_it_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert running_nodes() == []
    with announced(data, "http://127.0.0.1:1"):
        (node,) = running_nodes()
        assert (node.pid, node.data_dir, node.rpc_url) == (os.getpid(), data, "http://127.0.0.1:1")
        assert (data / "rpc").read_text() == "http://127.0.0.1:1\n"
    assert running_nodes() == []
    assert list(data.iterdir()) == []


def test_notes_of_the_dead_and_broken_notes_mean_nothing() -> None:
    notes_dir().mkdir(parents=True)
    dead = notes_dir() / "999999999.json"
    dead.write_text(json.dumps({"data_dir": "/x", "rpc": "http://x"}))
    (notes_dir() / f"{os.getpid()}.json").write_text("{")
    assert running_nodes() == []
    assert not dead.exists()


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/none")
    with announced(tmp_path, "http://127.0.0.1:1"):
        assert (tmp_path / "rpc").exists()


def test_is_alive() -> None:
    pids = {os.getpid(): True, 1: True, 0: False, -1: False, 999999999: False}
    assert {pid: is_alive(pid) for pid in pids} == pids
