"""The pool through JSON-RPC: what is let in, refused, replaced, shown, mined and brought back."""

from __future__ import annotations

from typing import Any

import pytest

from quip.chain.events import Head
from quip.chain.mempool.errors import PoolError
from quip.chain.mempool.pool import Pool
from quip.chain.mempool.pooled import PooledTransaction
from quip.chain.mempool.ports import HeadChange, HeadView
from quip.primitives.address import checksum_address
from quip.primitives.hashes import keccak256
from quip.rpc.arrivals import Arrivals
from quip.rpc.errors import CallFailed
from quip.rpc.view import PoolView
from support.rpc_calls import RpcChain
from support.transactions import address, rich_spec, signed

GWEI = 10**9
SENDER = "0x" + address(0).hex()


class Pooled:
    """A chain and a pool on its head, as a node puts them together."""

    def __init__(self) -> None:
        arrivals = Arrivals()
        self.rpc = RpcChain(PoolView(self._submit, self._get, self._nonce, self._counts, self._content, arrivals))
        self._arrivals = arrivals
        self.pool = Pool(rich_spec(), self._state(self.rpc.head))
        self.told: Head = self.rpc.head

    def send(self, encoded: bytes) -> str:
        """By its hash."""
        found: str = self.rpc.call("eth_sendRawTransaction", "0x" + encoded.hex())
        return found

    def moved(self, connected: list[tuple[bytes, ...]], disconnected: list[tuple[bytes, ...]]) -> None:
        self.pool.head_changed(HeadChange(self._state(self.rpc.head), connected, disconnected))

    def _state(self, head: Head) -> HeadView:
        state = self.rpc.view.store.state(head.header.state_root)
        return HeadView(head.header, state.account, state.code)

    def _submit(self, encoded: bytes) -> bytes:
        (found,) = self.pool.add([encoded])
        if isinstance(found, PoolError):
            raise found
        self._arrivals.add(one.signed for one in self.pool.drain().ready)
        return found.hash

    def _get(self, wanted: bytes) -> Any:
        found = self.pool.get(wanted)
        return None if found is None else found.signed

    def _nonce(self, who: bytes) -> int | None:
        return self.pool.next_nonce(who)

    def _counts(self) -> tuple[int, int]:
        return self.pool.counts

    def _content(self) -> Any:
        def signed_of(queue: tuple[PooledTransaction, ...]) -> list[Any]:
            return [one.signed for one in queue]

        return {who: tuple(map(signed_of, queues)) for who, queues in self.pool.content().items()}


def priced(nonce: int, fee: int, tip: int) -> bytes:
    return signed(0, nonce, {"maxFeePerGas": fee, "maxPriorityFeePerGas": tip})


def hashed(encoded: bytes) -> str:
    return "0x" + keccak256(encoded).hex()


def test_a_replacement_raises_both_fees_by_a_tenth() -> None:
    made = Pooled()
    first = priced(0, 10 * GWEI, GWEI)
    assert made.send(first) == hashed(first)
    for fee, tip in ((10_900_000_000, 1_090_000_000), (11 * GWEI, GWEI)):
        with pytest.raises(CallFailed, match=r"^replacement transaction underpriced$") as caught:
            made.send(priced(0, fee, tip))
        assert caught.value.code == -32000
    better = priced(0, 11 * GWEI, 1_100_000_000)
    made.send(better)
    assert made.rpc.call("eth_getTransactionByHash", hashed(first)) is None
    assert made.rpc.call("eth_getTransactionByHash", hashed(better))["blockHash"] is None
    with pytest.raises(CallFailed, match=r"^already known$"):
        made.send(better)


def test_nonces_behind_a_gap_wait() -> None:
    made = Pooled()
    identity = made.rpc.call("eth_newPendingTransactionFilter")
    sent = [priced(nonce, 10 * GWEI, GWEI) for nonce in range(3)]
    made.send(sent[2])
    made.send(sent[1])
    assert made.rpc.call("txpool_status") == {"pending": "0x0", "queued": "0x2"}
    assert made.rpc.call("eth_getFilterChanges", identity) == []
    assert made.rpc.call("eth_getTransactionCount", SENDER, "pending") == "0x0"
    made.send(sent[0])
    assert made.rpc.call("txpool_status") == {"pending": "0x3", "queued": "0x0"}
    assert made.rpc.call("eth_getTransactionCount", SENDER, "latest") == "0x0"
    assert made.rpc.call("eth_getTransactionCount", SENDER, "pending") == "0x3"
    assert made.rpc.call("eth_getFilterChanges", identity) == [hashed(one) for one in sent]
    assert [one["nonce"] for one in made.rpc.call("eth_pendingTransactions")] == ["0x0", "0x1", "0x2"]
    assert made.rpc.call("eth_getRawTransactionByHash", hashed(sent[1])) == "0x" + sent[1].hex()
    assert made.rpc.call("eth_getTransactionBySenderAndNonce", SENDER, "0x1")["hash"] == hashed(sent[1])


def test_a_reorganisation_that_loses_the_first_nonce_leaves_the_others_waiting() -> None:
    made = Pooled()
    base = made.rpc.head
    sent = [priced(nonce, 10 * GWEI, GWEI) for nonce in range(3)]
    made.rpc.branch(base, [sent])
    made.moved([tuple(sent)], [])
    with pytest.raises(CallFailed, match=r"^nonce too low"):
        made.send(priced(0, 20 * GWEI, GWEI))
    made.rpc.branch(base, [[], []])
    made.moved([], [tuple(sent[1:])])  # nonce 0 is lost
    assert made.rpc.call("txpool_status") == {"pending": "0x0", "queued": "0x2"}
    made.send(sent[0])
    assert made.rpc.call("txpool_status") == {"pending": "0x3", "queued": "0x0"}


def test_what_the_pool_shows() -> None:
    made = Pooled()
    made.send(priced(0, 10 * GWEI, GWEI))
    made.send(signed(0, 2, {"to": None, "gas": 60_000, "value": 42}))
    content = made.rpc.call("txpool_content")
    name = checksum_address(address(0))
    assert {kind: {who: list(queue) for who, queue in queues.items()} for kind, queues in content.items()} == {
        "pending": {name: ["0"]}, "queued": {name: ["2"]},
    }  # fmt: skip
    one = content["pending"][name]["0"]
    assert (one["from"], one["blockNumber"], one["gasPrice"]) == (SENDER, None, hex(10 * GWEI))
    assert made.rpc.call("txpool_contentFrom", SENDER) == {
        kind: queues[name] for kind, queues in content.items()
    }  # fmt: skip
    assert made.rpc.call("txpool_inspect") == {
        "pending": {name: {"0": "0x" + "35" * 20 + ": 1 wei + 21000 gas × 10000000000 wei"}},
        "queued": {name: {"2": "contract creation: 42 wei + 60000 gas × 3000000000 wei"}},
    }


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"", "malformed transaction"),
        (b"\x03\xc0", "transaction type not supported"),
        (signed(0, 0, {"chainId": 1}), "invalid chain id for signer: have 1 want"),
        (signed(0, 0, {"gas": 20_000}), "intrinsic gas too low"),
        (signed(0, 0, {"value": 10**24}), "insufficient funds for gas * price + value"),
    ],
)
def test_refusals_in_ethereums_words(encoded: bytes, message: str) -> None:
    with pytest.raises(CallFailed) as caught:
        Pooled().send(encoded)
    assert caught.value.code == -32000
    assert caught.value.message.startswith(message)
