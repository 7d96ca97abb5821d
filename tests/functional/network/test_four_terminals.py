"""What four people on one machine type: a bootstrap, one who joins, one who joins with a GPU, one with a Mac's GPU."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.easy_chain import easy_chain
from support.node_process import NodeProcess, run_json, run_program, wait_until

HEIGHT = 4
DEADLINE_S = 120.0
FALLBACK = "mining on the CPU instead"


@pytest.fixture
def join(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Starts one node after the other; each dials the first."""
    started: list[NodeProcess] = []

    def run(kind: str, *arguments: str) -> NodeProcess:
        peer = ("--peer", f"localhost:{started[0].port}") if started else ()
        place = tmp_path / f"terminal-{len(started) + 1}"
        started.append(
            NodeProcess(tmp_path, place, *peer, "--auto-mine", *arguments, genesis=easy_chain(tmp_path), kind=kind)
        )
        started[-1].client()
        return started[-1]

    yield run
    for node in started:
        node.end()


def node_id(node: NodeProcess) -> str:
    """As the node itself says it when it starts."""
    found = re.search(r"node_id=(0x[0-9a-f]{64})", node.text())
    assert found is not None
    return found[1]


def test_four_terminals_share_one_chain(join: Callable[..., NodeProcess], tmp_path: Path) -> None:
    first, second = join("cpu"), join("cpu")
    third, fourth = join("gpu"), join("gpu", "--gpu-backend", "mps")
    nodes = [first, second, third, fourth]
    clients = [node.client() for node in nodes]

    def one_tip() -> bool:
        heads = [client.call("eth_getBlockByNumber", "latest", False) for client in clients]
        return len({head["hash"] for head in heads}) == 1 and int(heads[0]["number"], 16) >= HEIGHT

    wait_until(lambda: all(client.call("quip_getStatus")["peers"] for client in clients), "peers", DEADLINE_S)
    wait_until(one_tip, "one tip of four miners", DEADLINE_S)
    wait_until(lambda: all(client.call("quip_getStatus")["mining"] for client in clients), "four miners", DEADLINE_S)
    listed = run_json("quip", "peers", "list", "--data-dir", str(first.data_dir), home=tmp_path)
    assert listed["running"]
    assert {peer["nodeId"] for peer in listed["peers"]} == {node_id(node) for node in nodes[1:]}
    for client in clients:
        assert client.call("quip_getPeers")
    shown = run_program("quip", "peers", "--rpc", clients[3].url, home=tmp_path).stdout
    assert f"127.0.0.1:{first.port}" in shown
    for node in nodes:
        assert node.stop() < 5.0
        assert node.process.returncode == 0
        assert "Traceback" not in node.text()
        assert node.text().count(FALLBACK) == (1 if node in (third, fourth) else 0)
