"""Transactions between real nodes: sent to one, mined by another, seen by both; what waits survives a restart."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from quip.networks.developer_accounts import DEVELOPER_WORDS
from quip.rpc.client import RpcRefused
from support.node_process import NodeProcess, wait_until

StartNode = Callable[..., NodeProcess]
CHAIN_ID = 20_051
STORE_42 = "0x602a5f55600880600d5f395ff35f545f5260205ff3"
"""Init code: writes 42 to slot 0, and deploys code that answers with it."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartNode]:
    started: list[NodeProcess] = []

    def run(name: str, *arguments: str, peer: NodeProcess | None = None) -> NodeProcess:
        peers = () if peer is None else ("--peer", f"localhost:{peer.port}")
        started.append(NodeProcess(tmp_path, tmp_path / name, *peers, *arguments))
        return started[-1]

    yield run
    for node in started:
        if node.process.poll() is None:
            node.kill()
    texts = {node.data_dir.name: node.text() for node in started}
    assert {name for name, text in texts.items() if "Traceback" in text} == set(), texts


def developer(index: int) -> LocalAccount:
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(DEVELOPER_WORDS, account_path=f"m/44'/60'/0'/0/{index}")
    return account


def signed(sender: LocalAccount, nonce: int, **fields: Any) -> str:
    plain = {
        "chainId": CHAIN_ID,
        "nonce": nonce,
        "gas": 100_000,
        "maxFeePerGas": 4 * 10**9,
        "maxPriorityFeePerGas": 10**9,
        "value": 0,
        **fields,
    }
    return "0x" + bytes(sender.sign_transaction(plain).raw_transaction).hex()


def receipt(node: NodeProcess, transaction_hash: str) -> dict[str, Any]:
    found: dict[str, Any] = wait_until(
        lambda: node.client().call("eth_getTransactionReceipt", transaction_hash), f"a receipt at {node.data_dir.name}"
    )
    return found


def test_a_transaction_sent_to_one_node_is_mined_by_another(start: StartNode) -> None:
    miner = start("miner", "--auto-mine")
    miner.wait_for_height(2)
    follower = start("follower", peer=miner)
    follower.wait_for_height(2)
    rich, other = developer(0), developer(1)
    client = follower.client()
    paid = client.call("eth_sendRawTransaction", signed(rich, 0, to=other.address, value=5, gas=21_000))
    made = client.call("eth_sendRawTransaction", signed(rich, 1, data=STORE_42))
    waiting = client.call("eth_sendRawTransaction", signed(other, 7, to=rich.address))
    for node in (follower, miner):
        assert receipt(node, paid)["status"] == "0x1"
        contract = receipt(node, made)
        assert contract["status"] == "0x1"
        assert node.client().call("eth_getStorageAt", contract["contractAddress"], "0x0", "latest") == f"0x{42:064x}"
        assert node.client().call("eth_getTransactionCount", rich.address, "latest") == "0x2"
        block = node.client().call("eth_getBlockByHash", contract["blockHash"], True)
        assert made in {transaction["hash"] for transaction in block["transactions"]}
    assert client.call("eth_getTransactionByHash", waiting)["blockNumber"] is None
    assert client.call("txpool_status") == {"pending": "0x0", "queued": "0x1"}
    with pytest.raises(RpcRefused, match="nonce too low"):
        client.call("eth_sendRawTransaction", signed(rich, 0, to=other.address, value=6, gas=21_000))
    with pytest.raises(RpcRefused, match="already known"):
        client.call("eth_sendRawTransaction", signed(other, 7, to=rich.address))
    follower.stop()
    again = start("follower", peer=miner)
    wait_until(lambda: again.client().call("txpool_status")["queued"] == "0x1", "what waited")
    again.stop()
    miner.stop()
