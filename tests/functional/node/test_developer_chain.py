"""A developer's chain: whoever has sent a transaction finds its block at the head."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.signers.local import LocalAccount

from quip.networks.developer_accounts import DEVELOPER_WORDS
from quip.rpc.client import RpcClient, RpcRefused
from support.node_process import NodeProcess, run_program, wait_until

StartNode = Callable[..., NodeProcess]
CHAIN_ID = 31_337
STORE_42 = "0x602a5f55600a8060115f395ff35f545f5260205ff300"
"""Init code: writes 42 to slot 0, and deploys code that answers with it."""
MAIL = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Mail": [{"name": "text", "type": "string"}],
    },
    "primaryType": "Mail",
    "domain": {"name": "quip", "chainId": CHAIN_ID},
    "message": {"text": "hello"},
}


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


def test_blocks_time_and_accounts_are_the_developers(start: StartNode) -> None:
    node = start()
    client = node.client()
    call = client.call
    accounts = call("eth_accounts")
    assert accounts == [developer(index).address.lower() for index in range(20)]
    first, second = accounts[:2]
    call("hardhat_mine", "0x5", "0x3c")
    stamps = [int(call("eth_getBlockByNumber", hex(number), False)["timestamp"], 16) for number in (1, 2, 5)]
    assert (stamps[1] - stamps[0], stamps[2] - stamps[0]) == (60, 240)
    call("evm_increaseTime", 1_000)
    call("evm_mine")
    latest = int(call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    assert latest >= stamps[2] + 1_000
    call("evm_setNextBlockTimestamp", latest + 77)
    paid = call("eth_sendTransaction", {"from": first, "to": second, "value": "0x7"})
    block = call("eth_getBlockByHash", call("eth_getTransactionReceipt", paid)["blockHash"], False)
    assert int(block["timestamp"], 16) == latest + 77
    with pytest.raises(RpcRefused, match="lower than or equal to previous"):
        call("evm_setNextBlockTimestamp", latest)
    assert call("evm_setAutomine", False) is True
    assert call("hardhat_getAutomine") is False
    waiting = [call("eth_sendTransaction", {"from": first, "to": second, "nonce": hex(nonce)}) for nonce in (1, 2)]
    assert [call("eth_getTransactionReceipt", one) for one in waiting] == [None, None]
    assert call("hardhat_dropTransaction", waiting[1]) is True
    assert call("hardhat_dropTransaction", waiting[1]) is False
    call("evm_mine")
    assert call("eth_getTransactionReceipt", waiting[0])["status"] == "0x1"
    assert call("eth_getTransactionByHash", waiting[1]) is None
    head = call("anvil_nodeInfo")["currentBlockNumber"]
    call("evm_setIntervalMining", 20)
    wait_until(lambda: int(call("eth_blockNumber"), 16) >= int(head, 16) + 2, "blocks by time")
    call("evm_setIntervalMining", 0)
    call("evm_setAutomine", True)
    made = call("eth_getTransactionReceipt", call("eth_sendTransaction", {"from": first, "data": STORE_42}))
    assert call("eth_getStorageAt", made["contractAddress"], "0x0", "latest") == f"0x{42:064x}"
    assert call("hardhat_metadata")["chainId"] == CHAIN_ID
    signature = call("personal_sign", "0x" + b"hello".hex(), first)
    assert Account.recover_message(encode_defunct(b"hello"), signature=signature).lower() == first
    typed = call("eth_signTypedData_v4", second, MAIL)
    assert Account.recover_message(encode_typed_data(full_message=MAIL), signature=typed).lower() == second
    for refused, words in (
        (("evm_snapshot",), "does not move back"),
        (("hardhat_setBalance", first, "0x1"), "function of its blocks"),
        (("eth_sendTransaction", {"from": "0x" + "11" * 20, "to": first}), "unknown account"),
        (("eth_sendTransaction", {"from": first, "data": "0x5f5ffd"}), "execution reverted"),
        (("eth_sendTransaction", {"from": first, "to": second, "value": 1.5}), "value"),
        (("eth_sendTransaction", {"from": first, "colour": "red"}), "unknown fields colour"),
        (("eth_signTypedData_v4", first, {"types": 1}), "typed data"),
        (("hardhat_mine", hex(10_001)), "10000"),
    ):
        with pytest.raises(RpcRefused, match=words):
            call(*refused)
    node.stop()


def test_other_chains_are_refused(tmp_path: Path) -> None:
    refused = run_program("quip-network-node", "cpu", "--mine-on-demand", "--genesis-config", "dev", home=tmp_path)
    assert refused.returncode != 0
    assert "--mine-on-demand is for a developer's chain, and --genesis-config names dev" in refused.stderr
    mining = run_program("quip-network-node", "cpu", "--auto-mine", "--genesis-config", "local", home=tmp_path)
    assert mining.returncode != 0
    assert "give --mine-on-demand instead" in mining.stderr
