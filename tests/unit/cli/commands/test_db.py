"""quip db: check, rebuild, go back."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quip._native import store
from quip._native import store as native_store
from quip.chain.chain import Status
from quip.cli import quip
from quip.cli.commands import db
from quip.cli.commands.db import _acceptor
from quip.networks.network import Network
from quip.node import startup
from quip.node.config.data_dir import DataFiles
from quip.node.errors import ConfigError, DamagedStore, DataDirError, NodeError
from quip.storage.chain_store import for_network
from quip.storage.lock import DataDirLock
from support.chains import generator, network_spec, new_chain, puzzle_of
from support.commands import mined, run, run_json
from support.mutants import with_header


def test_a_clock_that_is_behind_loses_no_block() -> None:
    spec = replace(network_spec(), difficulty=replace(network_spec().difficulty, future_limit=1))
    made = generator(new_chain(spec))
    later = int(time.time()) + 10_000
    first = made.block(made.chain.head)
    tomorrow = with_header(made.chain, first, timestamp=later)
    accept = _acceptor(Network(spec, b"", puzzle_of(spec)), for_network(store.Store.in_memory(), spec.chain_id))
    accepted = accept(tomorrow)
    assert getattr(accepted, "status", None) is Status.CONNECTED


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where a node mined five blocks and stopped; its mining identity signed them."""
    place = mined(tmp_path / "data", 5)
    (place / "identity").mkdir()
    (place / "identity" / "journal-0").write_bytes(b"used leaves")
    return place


def test_going_back_leaves_the_identity_alone(data_dir: Path) -> None:
    report = run_json("db", "rewind", "--to", "2", "--yes", "--data-dir", str(data_dir))
    assert (report["head"], report["removed"], report["sideBlocks"]) == (2, 3, 0)
    assert Path(report["backup"]).is_file()
    [latest, *_] = run_json("blocks", "--data-dir", str(data_dir))
    assert (latest["number"], latest["hash"]) == ("0x2", report["hash"])
    assert (data_dir / "identity" / "journal-0").read_bytes() == b"used leaves"
    assert run_json("db", "check", "--data-dir", str(data_dir))["sound"]
    assert run_json("chain", "verify", "--data-dir", str(data_dir))["blocks"] == 3
    assert run_json("db", "reindex", "--data-dir", str(data_dir))["accepted"] == 2


@pytest.mark.parametrize(("answer", "status", "height"), [("y\n", 0, 1), ("n\n", 1, 5), ("\n", 1, 5)])
def test_a_person_is_asked(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, height: int
) -> None:
    monkeypatch.setattr(db, "_is_asked", lambda: True)
    result = CliRunner().invoke(quip.app, ["db", "rewind", "--to", "1", "--data-dir", str(data_dir)], input=answer)
    assert (result.exit_code, "Remove every block above 1" in result.stderr) == (status, True)
    assert len(run_json("blocks", "--data-dir", str(data_dir))) == height + 1


def test_an_archive_is_made_and_made_an_ordinary_store_again(data_dir: Path) -> None:
    files = DataFiles(data_dir)
    rules = startup.directory_rules(files)
    with pytest.raises(DataDirError, match="has not kept all states") as caught:
        startup.open_chain(files, rules, archive=True)
    assert "quip db reindex" in caught.value.hint and "--archive" in caught.value.hint
    assert run_json("db", "reindex", "--archive", "--data-dir", str(data_dir))["accepted"] == 5
    opened, _ = startup.open_chain(files, rules, archive=True)
    opened.close()
    assert run_json("db", "check", "--data-dir", str(data_dir))["sound"]
    assert run_json("db", "reindex", "--data-dir", str(data_dir))["accepted"] == 5  # it stays an archive
    report = run_json("db", "prune", "--data-dir", str(data_dir))
    assert report["removedNodes"] > 0
    assert run_json("db", "check", "--data-dir", str(data_dir))["sound"]
    with pytest.raises(DataDirError):
        startup.open_chain(files, rules, archive=True)


def test_nobody_to_ask_means_no(data_dir: Path) -> None:
    with pytest.raises(ConfigError, match="confirmed") as caught:
        run("db", "rewind", "--to", "1", "--data-dir", str(data_dir))
    assert "--yes" in caught.value.hint
    assert len(run_json("blocks", "--data-dir", str(data_dir))) == 6


@pytest.mark.parametrize("number", ["5", "6", "99999999999999999999"])
def test_a_number_at_or_above_the_head(data_dir: Path, number: str) -> None:
    with pytest.raises(ConfigError, match="its head is block 5") as caught:
        run("db", "rewind", "--to", number, "--yes", "--data-dir", str(data_dir))
    assert caught.value.hint == "give a number below 5: --to N"


def test_above_genesis_alone_there_is_nothing_to_remove(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="its head is block 0") as caught:
        run("db", "rewind", "--to", "99", "--yes", "--data-dir", str(mined(tmp_path / "data", 0)))
    assert caught.value.hint == "nothing lies above its genesis block"


@pytest.mark.parametrize("command", [("check",), ("reindex",), ("rewind", "--to", "1", "--yes")], ids=" ".join)
def test_a_running_node_is_left_alone(data_dir: Path, command: tuple[str, ...]) -> None:
    with DataDirLock.acquire(data_dir), pytest.raises(NodeError, match="in use by process") as caught:
        run("db", *command, "--data-dir", str(data_dir))
    assert caught.value.hint.startswith("stop the node first")


def test_a_rebuild_that_loses_blocks_fails_and_counts_them(data_dir: Path) -> None:
    """Block 3 is gone from the middle: it and the two above are lost."""
    store = native_store.Store.open(data_dir / "store.redb")
    third = store.get("canonical", (3).to_bytes(8, "big"))
    assert third is not None
    store.commit([], [("seals", third)])
    store.close()
    report = run_json("db", "reindex", "--data-dir", str(data_dir), status=1)
    assert (report["accepted"], report["lostBlocks"], len(report["lost"])) == (2, 3, 3)
    assert Path(report["backup"]).is_file()
    again = run_json("db", "reindex", "--data-dir", str(data_dir))
    assert (again["accepted"], again["lostBlocks"], again["backup"]) == (2, 0, None)


def test_of_what_is_no_store_nobody_knows_how_much_is_lost(data_dir: Path) -> None:
    (data_dir / "store.redb").write_text("my notes\n")
    shown = run("db", "reindex", "--data-dir", str(data_dir), status=1)
    assert "lost blocks  unknown" in shown


def test_damage_is_said_once_and_the_hint_stands_at_the_end(data_dir: Path) -> None:
    (data_dir / "store.redb").write_text("my notes\n")
    result = CliRunner().invoke(quip.app, ["db", "check", "--data-dir", str(data_dir)])
    assert (result.exit_code, result.stdout.count("quip db"), result.stderr.count("quip db")) == (1, 0, 1)
    with pytest.raises(DamagedStore) as caught:
        run("status", "--data-dir", str(data_dir))
    assert caught.value.message.count("damaged") == 1
    assert "quip db" not in caught.value.message


@pytest.mark.parametrize("content", [b"{", None], ids=["damaged", "missing"])
def test_a_chain_spec_that_is_of_no_use_comes_back_at_the_next_start(data_dir: Path, content: bytes | None) -> None:
    files = DataFiles(data_dir)
    files.spec.unlink() if content is None else files.spec.write_bytes(content)
    with pytest.raises(NodeError) as caught:
        run("db", "rewind", "--to", "1", "--yes", "--data-dir", str(data_dir))
    assert str(files.spec) in caught.value.message
    assert "start the node once" in caught.value.hint
    with startup.lock_directory(files):
        store, _ = startup.open_chain(files, startup.load_rules("test"))
        store.close()
    assert len(run_json("blocks", "--data-dir", str(data_dir))) == 6


def test_what_is_retired_makes_room_and_the_identity_stays(data_dir: Path) -> None:
    """The directory of a network that was cut anew: its rules cannot even be read."""
    spec = data_dir / "chain_spec.json"
    spec.write_bytes(spec.read_bytes().replace(b'"lag": 8,', b""))
    (data_dir / "trust.db").write_bytes(b"peers")
    with pytest.raises(DataDirError, match="missing") as caught:
        run("db", "check", "--data-dir", str(data_dir))
    assert f"quip db retire --data-dir {data_dir}" in caught.value.hint
    moved = [Path(path) for path in run_json("db", "retire", "--data-dir", str(data_dir))["moved"]]
    assert [path.name for path in moved] == [
        "chain_spec.json.retired-1", "trust.db.retired-1", "store.redb.retired-1",
    ]  # fmt: skip
    assert all(path.is_file() for path in moved)
    assert not any((data_dir / name).exists() for name in ("chain_spec.json", "trust.db", "store.redb"))
    assert (data_dir / "identity" / "journal-0").read_bytes() == b"used leaves"
    store, chain = startup.open_chain(DataFiles(data_dir), startup.load_rules("test"))
    store.close()
    assert chain.head.header.number == 0
    assert "store.redb.retired-2" in run("db", "retire", "--data-dir", str(data_dir))
    with pytest.raises(DataDirError, match="there is no store"):
        run("db", "retire", "--data-dir", str(data_dir))
