"""A node whose RPC and metrics listen beyond loopback, as in a container, and who gets what there."""

import http.client
import json
import re
import urllib.parse
from pathlib import Path

import pytest

from quip.node.errors import NodeError
from quip.rpc.methods.table import PRIVATE
from support.commands import run, run_json
from support.node_process import NodeProcess, wait_until

TOKEN = "0123456789abcdef" * 2


def ask(url: str, method: str, **headers: str) -> tuple[int, dict[str, object]]:
    """Status and answer of a call."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method})
    connection.request("POST", "/", call, {"content-type": "application/json", **headers})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, json.loads(body) if response.status == 200 else {}


@pytest.fixture
def node(tmp_path: Path) -> NodeProcess:
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n", encoding="utf-8")
    token.chmod(0o600)
    return NodeProcess(
        tmp_path, tmp_path / "node", "--rpc-listen", "0.0.0.0", "--rpc-hosts", "node.lan", "--rpc-cors",
        "https://wallet.example", "--rpc-token-file", str(token), "--metrics-port", "0", "--metrics-listen", "0.0.0.0",
        "--metrics-hosts", "node.lan",
    )  # fmt: skip


def _look_at_status(url: str, place: Path) -> None:
    """Its operator's own part of the status goes to its operator only, and `quip` can show the token."""
    bearer = {"authorization": f"Bearer {TOKEN}"}
    for headers, told in ((bearer, True), ({}, False)):
        miners = ask(url, "quip_getMiners", host="node.lan", **headers)[1]["result"]
        assert isinstance(miners, dict)
        assert ("local" in miners) is told
        status = ask(url, "quip_getStatus", host="node.lan", **headers)[1]["result"]
        assert isinstance(status, dict)
        assert status["running"] is True
        assert PRIVATE["quip_getStatus"] & status.keys() == (PRIVATE["quip_getStatus"] if told else set())
        assert (str(place) in json.dumps(status)) is told
    assert run_json("status", "--rpc", url, "--rpc-token-file", str(place / "token"))["pid"] > 0
    wrong = place / "wrong"
    wrong.write_text(TOKEN[::-1])
    wrong.chmod(0o600)
    with pytest.raises(NodeError, match="does not take this token") as caught:
        run("status", "--rpc", url, "--rpc-token-file", str(wrong))
    assert "--rpc-token-file" in caught.value.hint


def test_what_the_operator_opened_is_open_and_nothing_else(node: NodeProcess, tmp_path: Path) -> None:
    try:
        url = node.client().url
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert ask(url, "eth_blockNumber", host="node.lan:8545")[1]["result"] == "0x0"
        assert ask(url, "eth_blockNumber", host="other.lan")[0] == 403
        assert ask(url, "quip_getPeers")[1]["result"] == []
        assert "error" in ask(url, "quip_getPeers", host="node.lan")[1]
        assert ask(url, "quip_getPeers", host="node.lan", **bearer)[1]["result"] == []
        assert ask(url, "quip_getPeers", host="node.lan", authorization="Bearer no")[0] == 401
        metrics = wait_until(lambda: re.search(r"url=(http://\S+)/metrics", node.text()), "the metrics' address")[1]
        place = urllib.parse.urlsplit(metrics)
        for host, status in (("node.lan:9100", 200), ("evil.example", 403)):
            connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
            connection.request("GET", "/metrics", headers={"host": host})
            assert connection.getresponse().status == status
            connection.close()
        assert TOKEN not in node.text()
        _look_at_status(url, tmp_path)
        node.stop()
    finally:
        node.end()
    assert node.status == 0
