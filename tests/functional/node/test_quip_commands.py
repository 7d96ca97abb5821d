"""The `quip` commands on a running node, on the same node stopped, and on none at all."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from quip.consensus.types.block import Block
from support.node_process import NodeProcess, run_json, run_program

HEIGHT = 5


def mined(home: Path, name: str) -> Path:
    """The data directory of a node that has mined a few blocks and stopped."""
    node = NodeProcess(home, home / name, "--auto-mine")
    node.wait_for_height(HEIGHT)
    node.stop()
    return node.data_dir


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one node runs during the whole module."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[NodeProcess]:
    """A node that follows only, so that its chain stands still."""
    node = NodeProcess(home, mined(home, "live"))
    node.client()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where nothing runs but what a test starts itself; `data` holds a chain."""
    home = tmp_path_factory.mktemp("quiet")
    mined(home, "data")
    return home


COMMANDS = (
    ("status",),
    ("blocks", "--count", "3"),
    ("blocks", "2"),
    ("miners",),
    ("chain", "verify"),
    ("chain", "verify", "--from", "3"),
    ("wallet", "show"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_without_options_finds_the_node(
    running: NodeProcess, home: Path, command: tuple[str, ...]
) -> None:
    assert isinstance(run_json("quip", *command, home=home), dict | list)


@pytest.mark.parametrize("command", [("status",), ("blocks",), ("blocks", "2"), ("miners",)], ids=" ".join)
def test_people_get_tables_from_an_address(running: NodeProcess, home: Path, command: tuple[str, ...]) -> None:
    done = run_program("quip", *command, "--rpc", running.client().url, home=home)
    assert done.returncode == 0, done.stderr
    assert running.client().call("quip_getStatus")["minerId"][:10] in done.stdout


def test_what_running_and_stopped_nodes_say_is_the_same(quiet: Path) -> None:
    node = NodeProcess(quiet, quiet / "data")
    node.client()
    commands = (("blocks", "--count", "100"), ("blocks", "3"), ("chain", "export", "chain.rlp"))
    live = [run_json("quip", *command, "--data-dir", "data", home=quiet) for command in commands]
    node.stop()
    assert [run_json("quip", *command, "--data-dir", "data", home=quiet) for command in commands] == live
    status = run_json("quip", "status", "--data-dir", "data", home=quiet)
    assert (status["running"], status["head"]["number"]) == (False, live[0][0]["number"])


def test_verify_reports_the_head_that_it_reached(running: NodeProcess, home: Path) -> None:
    report = run_json("quip", "chain", "verify", home=home)
    head = running.client().call("eth_getBlockByNumber", "latest", False)
    assert (report["valid"], report["head"], report["blocks"]) == (True, head["hash"], int(head["number"], 16) + 1)
    assert report["blocksPerSecond"] > 0


def test_verify_refuses_another_network(running: NodeProcess, home: Path) -> None:
    done = run_program("quip", "chain", "verify", "--genesis-config", "dev", home=home)
    assert done.returncode == 1
    assert "the chain spec makes genesis" in done.stderr


def test_verify_refuses_to_begin_beyond_the_head(running: NodeProcess, home: Path) -> None:
    done = run_program("quip", "chain", "verify", "--from", "99999999", home=home)
    assert done.returncode == 2
    assert "beyond the head" in done.stderr


def test_exports_without_seals_are_comparable(running: NodeProcess, home: Path) -> None:
    full = run_json("quip", "chain", "export", "full.rlp", home=home)
    bare = run_json("quip", "chain", "export", "bare.rlp", "--no-seals", home=home)
    assert full["blocks"] == bare["blocks"]
    assert (home / "full.rlp").stat().st_size == full["bytes"] > bare["bytes"]
    raw = bytes.fromhex(running.client().call("quip_getRawBlock", "0x0")[2:])
    assert (home / "full.rlp").read_bytes().startswith(raw)
    assert Block.decode(raw).header.number == 0


def test_the_store_can_be_checked_and_rebuilt(quiet: Path) -> None:
    where = ("--data-dir", "data")
    before = run_json("quip", "chain", "export", "before.rlp", *where, home=quiet)
    assert run_json("quip", "db", "check", *where, home=quiet)["sound"]
    report = run_json("quip", "db", "reindex", *where, home=quiet)
    assert (report["accepted"], report["lost"]) == (before["blocks"] - 1, [])
    assert run_json("quip", "chain", "export", "before.rlp", *where, home=quiet) == before


def test_a_damaged_store_is_named_and_rebuilt(quiet: Path) -> None:
    node = NodeProcess(quiet, quiet / "damaged", "--auto-mine")
    node.wait_for_height(HEIGHT)
    node.stop()
    store = node.data_dir / "store.redb"
    damaged = bytearray(store.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 4096] = bytes(byte ^ 0xFF for byte in damaged[middle : middle + 4096])
    store.write_bytes(damaged)
    done = run_program("quip", "db", "check", "--data-dir", str(node.data_dir), "--json", home=quiet)
    report = json.loads(done.stdout)
    assert report["sound"] is (done.returncode == 0)
    rebuilt = run_program("quip", "db", "reindex", "--data-dir", str(node.data_dir), "--json", home=quiet)
    assert rebuilt.returncode == (0 if json.loads(rebuilt.stdout)["lostBlocks"] == 0 else 1), rebuilt.stderr
    assert run_json("quip", "db", "check", "--data-dir", str(node.data_dir), home=quiet)["sound"]


def test_a_chain_goes_back_and_on_again(quiet: Path) -> None:
    node = NodeProcess(quiet, mined(quiet, "undone"), "--auto-mine")
    node.client()
    busy = run_program("quip", "db", "rewind", "--to", "2", "--yes", "--data-dir", str(node.data_dir), home=quiet)
    assert (busy.returncode, f"in use by process {node.pid}" in busy.stderr) == (1, True)
    assert "hint: stop the node first" in busy.stderr
    node.stop()
    where = ("--data-dir", str(node.data_dir))
    before = run_json("quip", "status", *where, home=quiet)
    report = run_json("quip", "db", "rewind", "--to", "2", "--yes", *where, home=quiet)
    after = run_json("quip", "status", *where, home=quiet)
    assert (after["head"]["number"], after["head"]["hash"]) == ("0x2", report["hash"])
    assert (after["minerId"], after["signaturesLeft"]) == (before["minerId"], before["signaturesLeft"])
    again = NodeProcess(quiet, node.data_dir, "--auto-mine")
    again.wait_for_height(4)
    again.stop()
    assert run_json("quip", "chain", "verify", *where, home=quiet)["valid"]
    assert run_json("quip", "status", *where, home=quiet)["minerId"] == before["minerId"]


@pytest.mark.parametrize("named", [True, False], ids=["by --data-dir", "by the note"])
def test_a_killed_node_whose_process_id_lives_again_is_read_from_its_files(tmp_path: Path, named: bool) -> None:
    """As after a reboot: the note is there, and its process id belongs to somebody else (here: to this test)."""
    place = tmp_path / ".quip" / "test" / "20049"
    place.parent.mkdir(parents=True)
    node = NodeProcess(tmp_path, place, "--auto-mine")
    node.wait_for_height(HEIGHT)
    node.kill()
    [note] = (tmp_path / ".quip" / "running").glob("*.json")
    note.rename(note.with_name(f"{os.getpid()}.json"))
    where = ("--data-dir", str(place)) if named else ()
    status = run_json("quip", "status", *where, home=tmp_path)
    assert (status["running"], status["dataDir"]) == (False, str(place))
    assert run_json("quip", "chain", "verify", *where, home=tmp_path)["valid"]
    assert run_json("quip", "peers", *where, home=tmp_path)["running"] is False


def test_wallets_are_made_shown_and_restored(tmp_path: Path) -> None:
    first = run_json("quip", "wallet", "create", "--words", "12", "--data-dir", "a", home=tmp_path)
    shown = run_json("quip", "wallet", "show", "--mnemonic", "--data-dir", "a", home=tmp_path)
    assert shown["address"] == first["address"]
    assert len(shown["mnemonic"].split()) == 12
    words = shown["mnemonic"]
    restored = run_program("quip", "wallet", "restore", "--json", "--data-dir", "b", home=tmp_path, stdin=words)
    assert json.loads(restored.stdout)["address"] == first["address"]
    again = run_program("quip", "wallet", "create", "--data-dir", "a", home=tmp_path)
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    bad = run_program("quip", "wallet", "restore", "--data-dir", "c", home=tmp_path, stdin="one two three")
    assert (bad.returncode, "hint: " in bad.stderr) == (2, True)


def test_a_recovered_identity_has_another_id(quiet: Path) -> None:
    node = NodeProcess(quiet, quiet / "recovered")
    before = node.client().call("quip_getStatus")["minerId"]
    busy = run_program("quip", "wallet", "recover", "--data-dir", str(node.data_dir), home=quiet)
    assert (busy.returncode, f"process {node.pid}" in busy.stderr) == (1, True)
    node.stop()
    assert run_json("quip", "wallet", "recover", "--data-dir", str(node.data_dir), home=quiet)["minerId"] != before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("status",), "no node runs on this machine"),
        (("status", "--rpc", "http://127.0.0.1:1"), "no JSON-RPC at http://127.0.0.1:1"),
        (("status", "--data-dir", "nowhere"), "there is no chain in nowhere"),
        (("db", "check", "--data-dir", "nowhere"), "there is no store in nowhere"),
        (("wallet", "show", "--data-dir", "nowhere"), "no wallet at nowhere"),
    ],
)
def test_where_there_is_nothing_the_hint_says_what_to_do(
    tmp_path: Path, command: tuple[str, ...], message: str
) -> None:
    done = run_program("quip", *command, home=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_block_that_is_not_there_yet(running: NodeProcess, home: Path) -> None:
    done = run_program("quip", "blocks", "99999999", home=home)
    assert (done.returncode, "there is no block 99999999 yet" in done.stderr) == (1, True)
