"""Which node a command talks to."""

from pathlib import Path

import pytest

from quip.cli import node_access
from quip.node import startup
from quip.node.config.data_dir import DataFiles
from quip.node.errors import DataDirBusy, NodeError, NoNode
from quip.node.process.running_nodes import RunningNode
from quip.rpc.client import RpcClient
from support.chains import generator


def running(*names: str) -> list[RunningNode]:
    return [
        RunningNode(number, Path("/data") / name, f"http://127.0.0.1:{number}") for number, name in enumerate(names, 1)
    ]


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The data directory of a node that mined three blocks and stopped."""
    files = DataFiles(tmp_path / "data")
    with startup.lock_directory(files):
        store, chain = startup.open_chain(files, startup.load_rules("test"))
        for _ in generator(chain).extend(3):
            pass
        store.close()
    return files.root


def test_the_only_running_node_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_access, "running_nodes", lambda: running("a"))
    with node_access.open_target(None, None) as node:
        assert isinstance(node, RpcClient)
        assert node.url == "http://127.0.0.1:1"


def test_one_of_several_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_access, "running_nodes", lambda: running("a", "b"))
    with pytest.raises(NoNode, match=r"http://127\.0\.0\.1:1 \(/data/a\), http://127\.0\.0\.1:2"):
        node_access.open_target(None, None).__enter__()
    with node_access.open_target(None, Path("/data/b")) as node:
        assert isinstance(node, RpcClient)
        assert node.url == "http://127.0.0.1:2"


def test_no_node_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_access, "running_nodes", list)
    with pytest.raises(NoNode, match="no node runs") as caught:
        node_access.open_target(None, None).__enter__()
    assert "--data-dir" in caught.value.hint


def test_a_stopped_node_answers_the_same_methods(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_access, "running_nodes", list)
    with node_access.open_target(None, stopped) as node:
        assert node.call("eth_blockNumber") == "0x3"
        assert node.batch([("eth_chainId", ()), ("eth_blockNumber", ())])[1] == "0x3"
        assert node.call("quip_getStatus")["running"] is False
        assert node.call("eth_getBlockByNumber", "finalized", False)["number"] == "0x0"
    with (
        pytest.raises(NodeError, match="the node refuses: header not found"),
        node_access.open_target(None, stopped) as node,
    ):
        node.call("quip_getProof", "0xff")
    with (
        pytest.raises(NodeError, match="pending block is not available"),
        node_access.open_target(None, stopped) as node,
    ):
        node.call("eth_getBlockByNumber", "pending", False)


def test_what_a_killed_node_left_behind_is_not_believed(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_access, "running_nodes", list)
    (stopped / "rpc").write_text("http://127.0.0.1:1\n")
    with node_access.open_target(None, stopped) as node:
        assert isinstance(node, node_access.StoppedNode)


@pytest.mark.parametrize("left", [b"\xff\xfe\xfd", b"", b"no url", b"http://[::1"])
def test_a_note_that_makes_no_sense_is_not_believed(
    stopped: Path, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    monkeypatch.setattr(node_access, "running_nodes", list)
    (stopped / "rpc").write_bytes(left)
    with node_access.open_target(None, stopped) as node:
        assert isinstance(node, node_access.StoppedNode)


@pytest.mark.parametrize("answer", [None, [], {}, {"dataDir": 5}, "x"])
def test_somebody_elses_server_is_not_believed(stopped: Path, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    monkeypatch.setattr(node_access, "running_nodes", list)
    monkeypatch.setattr(RpcClient, "call", lambda *_: answer)
    (stopped / "rpc").write_text("http://127.0.0.1:8545\n")
    with node_access.open_target(None, stopped) as node:
        assert isinstance(node, node_access.StoppedNode)


def test_a_node_that_holds_the_directory_without_answering_is_named(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_access, "running_nodes", list)
    with startup.lock_directory(DataFiles(stopped)), pytest.raises(DataDirBusy):
        node_access.open_target(None, stopped).__enter__()
