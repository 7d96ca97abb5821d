"""A real node that mines, and a client that is told over a WebSocket what happens there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from quip.networks.developer_accounts import DEVELOPER_WORDS
from quip.primitives.address import checksum_address
from quip.primitives.hashes import keccak256
from quip.rpc.methods.receipt_objects import created_address
from support.node_process import DEADLINE_S, NodeProcess
from support.rpc_calls import EMITTER, emitter_call

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


def notifications(client: ClientConnection, identity: str) -> Iterator[Any]:
    """What one subscription tells, whatever else comes."""
    while True:
        message = receive(client)
        if message.get("params", {}).get("subscription") == identity:
            yield message["params"]["result"]


def test_a_transaction_is_told_when_it_waits_and_its_log_when_it_is_mined(node: NodeProcess) -> None:
    Account.enable_unaudited_hdwallet_features()
    sender = Account.from_mnemonic(DEVELOPER_WORDS, account_path="m/44'/60'/0'/0/0")
    contract = created_address(bytes.fromhex(sender.address[2:]), 0)
    plain = {"chainId": 20_051, "gas": 200_000, "maxFeePerGas": 4 * 10**9, "maxPriorityFeePerGas": 10**9, "value": 0}
    http = node.client()
    with connect(http.url.replace("http://", "ws://")) as client:
        pending = ask(client, "eth_subscribe", "newPendingTransactions")
        logs = ask(client, "eth_subscribe", "logs", {"address": "0x" + contract.hex()})
        for nonce, fields in enumerate(
            ({"data": EMITTER.hex()}, {"to": checksum_address(contract), "data": emitter_call(1, 2, 42)})
        ):
            raw = sender.sign_transaction({**plain, "nonce": nonce, **fields}).raw_transaction
            client.send(json.dumps(
                {"jsonrpc": "2.0", "id": 0, "method": "eth_sendRawTransaction", "params": ["0x" + bytes(raw).hex()]}
            ))  # fmt: skip
            assert next(notifications(client, pending)) == "0x" + keccak256(bytes(raw)).hex()
        log = next(notifications(client, logs))
        assert (int(log["data"], 16), log["removed"]) == (42, False)
        receipt = http.call("eth_getTransactionReceipt", log["transactionHash"])
        assert receipt["logs"] == [log] == http.call("eth_getLogs", {"blockHash": log["blockHash"]})
        assert [int(topic, 16) for topic in log["topics"]] == [1, 2]
