"""A real node that mines, and a client that is told of its blocks over a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from support.node_process import DEADLINE_S, NodeProcess

TOLD = 3


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    made = NodeProcess(tmp_path, tmp_path / "node", "--auto-mine")
    yield made
    made.end()


def receive(client: ClientConnection) -> Any:
    return json.loads(client.recv(timeout=DEADLINE_S))


def ask(client: ClientConnection, method: str, *params: Any) -> Any:
    client.send(json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params}))
    while (message := receive(client)).get("id") != method:
        continue  # a notification
    return message["result"]


def test_a_subscriber_is_told_of_every_block(node: NodeProcess) -> None:
    http = node.client()
    with connect(http.url.replace("http://", "ws://")) as client:
        identity = ask(client, "eth_subscribe", "newHeads")
        blocks = ask(client, "eth_newBlockFilter")
        heads: list[dict[str, Any]] = []
        while len(heads) < TOLD:
            message = receive(client)
            assert message["params"]["subscription"] == identity
            heads.append(message["params"]["result"])
        for parent, child in pairwise(heads):
            assert (child["parentHash"], int(child["number"], 16)) == (parent["hash"], int(parent["number"], 16) + 1)
        assert [http.call("eth_getHeaderByHash", head["hash"]) for head in heads] == heads
        polled = http.call("eth_getFilterChanges", blocks)  # one node, one table of filters
        assert set(polled) >= {head["hash"] for head in heads[1:]}
        assert ask(client, "eth_unsubscribe", identity) is True
        assert http.call("eth_getLogs", {"fromBlock": "earliest"}) == []
        node.stop()
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                receive(client)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012  # the service restarts: the client may come again
    assert node.status == 0
