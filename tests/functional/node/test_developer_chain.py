"""A developer's chain: whoever has sent a transaction finds its block at the head."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from benchmarks.predeployed import DEVELOPER_WORDS
from quip.rpc.client import RpcClient, RpcRefused
from support.node_process import NodeProcess, run_program

StartNode = Callable[..., NodeProcess]
CHAIN_ID = 31_337


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartNode]:
    started: list[NodeProcess] = []

    def run() -> NodeProcess:
        started.append(NodeProcess(tmp_path, tmp_path / "data", "--mine-on-demand", genesis="local"))
        return started[-1]

    yield run
    for node in started:
        node.end()
        assert "Traceback" not in node.text(), node.text()


def developer(index: int) -> LocalAccount:
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(DEVELOPER_WORDS, account_path=f"m/44'/60'/0'/0/{index}")
    return account


def sent(client: RpcClient, nonce: int) -> str:
    """The hash of a payment of the first account to the second."""
    fields: dict[str, Any] = {
        "chainId": CHAIN_ID, "nonce": nonce, "gas": 21_000, "maxFeePerGas": 4 * 10**9, "maxPriorityFeePerGas": 10**9,
        "to": developer(1).address, "value": 1,
    }  # fmt: skip
    raw = bytes(developer(0).sign_transaction(fields).raw_transaction).hex()
    transaction_hash: str = client.call("eth_sendRawTransaction", "0x" + raw)
    return transaction_hash


def test_a_send_returns_when_its_block_is_the_head(start: StartNode) -> None:
    node = start()
    client = node.client()
    assert client.call("web3_clientVersion").startswith("anvil/v1-quip-")
    for nonce in range(5):
        receipt = client.call("eth_getTransactionReceipt", sent(client, nonce))
        assert receipt["status"] == "0x1"
        assert receipt["blockNumber"] == client.call("eth_blockNumber") == hex(nonce + 1)
    waiting = sent(client, 6)
    assert client.call("eth_blockNumber") == "0x5", "a gap in the nonces makes no block"
    both = sent(client, 5)
    head = client.call("eth_getBlockByNumber", "latest", False)
    assert (head["number"], head["transactions"]) == ("0x6", [both, waiting])
    with pytest.raises(RpcRefused, match="nonce too low"):
        sent(client, 0)
    assert client.call("quip_getStatus")["idleBecause"] == "blocks are made on demand"
    assert client.call("net_peerCount") == "0x0"
    node.stop()
    again = start()
    assert again.number() == 6
    sent(again.client(), 7)
    assert again.number() == 7
    again.stop()


def test_other_chains_are_refused(tmp_path: Path) -> None:
    refused = run_program("quip-network-node", "cpu", "--mine-on-demand", "--genesis-config", "dev", home=tmp_path)
    assert refused.returncode != 0
    assert "--mine-on-demand is for a developer's chain, and --genesis-config names dev" in refused.stderr
    mining = run_program("quip-network-node", "cpu", "--auto-mine", "--genesis-config", "local", home=tmp_path)
    assert mining.returncode != 0
    assert "give --mine-on-demand instead" in mining.stderr
