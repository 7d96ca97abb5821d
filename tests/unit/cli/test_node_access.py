"""Which node a command talks to, and which data directory it means."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quip.cli import node_access, quip
from quip.cli.stopped_node import StoppedNode
from quip.cli.terminal.options import Target
from quip.node.errors import ConfigError, DataDirError, NodeError, NoNode
from quip.node.process.running_nodes import note_name
from quip.rpc.client import RpcClient, RpcRefused
from quip.rpc.errors import TokenNeeded
from quip.rpc.methods.table import PRIVATE
from quip.storage.lock import DataDirLock
from support.commands import mined, run
from support.rpc_stub import answering, running
from support.status import STATUS

DEAD = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nothing runs and nothing has run."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".quip" / "running").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The data directory of a node that mined three blocks and stopped."""
    return mined(tmp_path / "data")


def left_behind(home: Path, place: Path, name: str = "1.json") -> None:
    """The note and the address of a node that was killed; process 1 lives."""
    note = home / ".quip" / "running" / name
    note.write_text(json.dumps({"data_dir": str(place), "rpc": DEAD}))
    (place / "rpc").write_text(DEAD + "\n")


def url_meant(data_dir: Path | None = None) -> str:
    with node_access.open_target(Target(data_dir)) as node:
        assert isinstance(node, RpcClient)
        return node.url


def test_the_only_running_node_is_meant(home: Path) -> None:
    with running(home / "a") as url:
        assert url_meant() == url
        assert url_meant(home / "a") == url


def test_one_of_several_has_to_be_named(home: Path) -> None:
    with running(home / "a") as first, running(home / "b") as second:
        with pytest.raises(NoNode, match="several nodes run") as caught:
            url_meant()
        assert all(text in caught.value.message for text in (first, second, str(home / "a"), str(home / "b")))
        assert url_meant(home / "b") == second


def test_no_node_at_all() -> None:
    with pytest.raises(NoNode, match="no node runs on this machine, and none has run") as caught:
        url_meant()
    assert "--data-dir" in caught.value.hint


def test_without_a_running_node_the_only_data_directory_is_meant(home: Path) -> None:
    (home / ".quip" / "dev").mkdir()
    place = mined(home / ".quip" / "dev" / "20049")
    (home / ".quip" / "simulator" / "20261128-101010").mkdir(parents=True)
    assert node_access.meant_data_dir(None) == place
    with node_access.open_target(Target()) as node:
        assert node.call("eth_blockNumber") == "0x3"
    (home / ".quip" / "public" / "20050" / "wallet").mkdir(parents=True)
    with pytest.raises(NoNode, match="several data directories") as caught:
        node_access.meant_data_dir(None)
    assert str(place) in caught.value.message
    assert str(home / ".quip" / "public" / "20050") in caught.value.message
    assert "--data-dir" in caught.value.hint


def test_a_default_stands_in_only_where_there_is_nothing(home: Path) -> None:
    assert node_access.meant_data_dir(None, home / "new") == home / "new"
    (home / ".quip" / "dev" / "20049" / "wallet").mkdir(parents=True)
    assert node_access.meant_data_dir(None, home / "new") == home / ".quip" / "dev" / "20049"


def test_a_stopped_node_answers_the_same_methods(stopped: Path) -> None:
    with node_access.open_target(Target(stopped)) as node:
        assert node.call("eth_blockNumber") == "0x3"
        assert node.batch([("eth_chainId", ()), ("eth_blockNumber", ())])[1] == "0x3"
        assert node.call("quip_getStatus")["running"] is False
        assert node.call("eth_getBlockByNumber", "finalized", False)["number"] == "0x0"
    with (
        pytest.raises(NodeError, match="the node refuses: header not found"),
        node_access.open_target(Target(stopped)) as node,
    ):
        node.call("quip_getProof", "0xff")
    with (
        pytest.raises(NodeError, match="pending block is not available"),
        node_access.open_target(Target(stopped)) as node,
    ):
        node.call("eth_getBlockByNumber", "pending", False)


@pytest.mark.parametrize("named", [True, False])
def test_what_a_killed_node_left_behind_is_not_believed(home: Path, named: bool) -> None:
    (home / ".quip" / "dev").mkdir()
    place = mined(home / ".quip" / "dev" / "20049")
    left_behind(home, place)
    with node_access.open_target(Target(place if named else None)) as node:
        assert isinstance(node, StoppedNode)
        assert node.call("eth_blockNumber") == "0x3"


def test_a_dead_note_does_not_hide_the_node_that_runs(home: Path, stopped: Path) -> None:
    left_behind(home, stopped)
    with running(home / "a") as url:
        assert url_meant() == url


def test_an_old_note_of_the_same_directory_does_not_hide_its_node(home: Path) -> None:
    with running(home / "a") as url:
        (home / ".quip" / "running" / note_name(home / "a")).write_text(
            json.dumps({"data_dir": str(home / "a"), "rpc": DEAD})
        )
        assert url_meant(home / "a") == url
        assert url_meant() == url


@pytest.mark.parametrize("left", [b"\xff\xfe\xfd", b"", b"no url", b"http://[::1", DEAD.encode()])
def test_who_holds_the_directory_without_answering_is_named(stopped: Path, left: bytes) -> None:
    (stopped / "rpc").write_bytes(left)
    with (
        DataDirLock.acquire(stopped),
        pytest.raises(NoNode, match=r"process \d+ uses the data directory .* not answer"),
    ):
        url_meant(stopped)


@pytest.mark.parametrize("answer", [None, [], {}, {"dataDir": 5}, {"dataDir": "/somewhere/else"}, "x"])
def test_somebody_elses_server_is_not_believed(stopped: Path, answer: object) -> None:
    with answering({"quip_getStatus": answer}) as url, DataDirLock.acquire(stopped):
        (stopped / "rpc").write_text(url + "\n")
        assert node_access.running_url(stopped) is None


def test_a_directory_without_a_chain(tmp_path: Path) -> None:
    with pytest.raises(DataDirError, match="there is no chain"):
        url_meant(tmp_path)


@pytest.mark.parametrize(
    "given", ["", " ", "127.0.0.1:8545", "node.lan", "http://", "http://[::1", "http://a:b", "ftp://a"]
)
def test_an_address_that_is_none_is_said_with_an_example(given: str) -> None:
    result = CliRunner().invoke(quip.app, ["status", "--rpc", given])
    assert result.exit_code == 2
    assert "such as http://127.0.0.1:8545" in " ".join(result.stderr.split())


def test_a_token_that_cannot_be_read_ends_a_command(home: Path) -> None:
    with pytest.raises(ConfigError, match="there is no rpc_token_file"):
        run("status", "--rpc", DEAD, "--rpc-token-file", str(home / "none"))


def test_a_stranger_is_shown_what_a_node_tells_everybody() -> None:
    told = {name: value for name, value in STATUS.items() if name not in PRIVATE["quip_getStatus"]}
    with answering({"quip_getStatus": told}) as url:
        shown = run("status", "--rpc", url)
    assert "running" in shown
    assert "--rpc-token-file" in shown
    assert "payout" not in shown
    with answering({"quip_getStatus": STATUS}) as url:
        assert "/data/one" in run("status", "--rpc", url)


def test_a_stranger_is_not_shown_what_a_node_mines_with() -> None:
    with answering({"quip_getMiners": {"chain": [], "total": 0}}) as url:
        assert "--rpc-token-file" in run("miners", "--rpc", url)
    with answering({"quip_getMiners": {"chain": [], "total": 0, "local": []}}) as url:
        assert "--rpc-token-file" not in run("miners", "--rpc", url)


def test_a_refused_admin_method_names_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: RpcClient, method: str, *_: object) -> None:
        raise RpcRefused(method, TokenNeeded.code, TokenNeeded(method).message)

    monkeypatch.setattr(RpcClient, "call", refuse)
    with pytest.raises(NodeError, match="quip_getPeers does not exist/is not available") as caught:
        run("peers", "--rpc", DEAD)
    assert "--rpc-token-file" in caught.value.hint
