"""The table of methods. Each is a function of the view and its arguments; it may block, and raises RpcError.

| method | arguments | answer |
|---|---|---|
| web3_clientVersion, net_version, eth_chainId, eth_blockNumber | | |
| net_listening, net_peerCount | | |
| eth_syncing | | false, or how far the sync is |
| eth_getBlockByNumber | number or tag, full transactions? | block or null |
| eth_getBlockByHash | hash, full transactions? | block or null |
| eth_getBalance | address, block | wei |
| quip_getProof | block | everything that shows its work |
| quip_getRequirements | block (its child is meant) | what a block has to prove now |
| quip_getMiners | limit (100) | who mined the chain, the busiest first, and this node's miners |
| quip_getPeers | | the nodes that this one talks to |
| quip_getRawBlock | block | the block as it travels |
| quip_getChainSpec | | the rules, as the JSON text that genesis commits to |
| quip_getStatus | | what `quip status` shows |
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from quip.consensus.proof_of_work.difficulty import requirements
from quip.rpc.encoding import data, quantity
from quip.rpc.errors import CallFailed
from quip.rpc.methods import block_objects
from quip.rpc.params import (
    LATEST,
    BlockRef,
    Param,
    address,
    block_hash,
    block_number,
    block_reference,
    boolean,
    row_limit,
)
from quip.rpc.transport.dispatch import Method
from quip.rpc.view import RpcView

AVERAGED_BLOCKS = 20  # the block time that people see is that of so many blocks
LISTED_MINERS = 100  # where the caller names no limit

NUMBER = Param("blockNumber", block_number)
HASH = Param("blockHash", block_hash)
FULL = Param("fullTransactions", boolean)
ADDRESS = Param("address", address)
BLOCK = Param("block", block_reference)
LIMIT = Param("limit", row_limit, LISTED_MINERS)
BLOCK_OR_LATEST = Param("block", block_reference, LATEST)


def table(view: RpcView) -> list[Method]:
    """Every method, bound to a view."""
    rows: list[tuple[str, tuple[Param, ...], Callable[..., Any]]] = [
        ("web3_clientVersion", (), client_version),
        ("net_version", (), network_version),
        ("net_listening", (), listening),
        ("net_peerCount", (), peer_count),
        ("eth_chainId", (), chain_id),
        ("eth_syncing", (), syncing),
        ("eth_blockNumber", (), head_number),
        ("eth_getBlockByNumber", (NUMBER, FULL), block_by_number),
        ("eth_getBlockByHash", (HASH, FULL), block_by_hash),
        ("eth_getBalance", (ADDRESS, BLOCK), balance),
        ("quip_getProof", (BLOCK_OR_LATEST,), proof),
        ("quip_getRequirements", (BLOCK_OR_LATEST,), next_requirements),
        ("quip_getMiners", (LIMIT,), miners),
        ("quip_getPeers", (), peers),
        ("quip_getRawBlock", (BLOCK_OR_LATEST,), raw_block),
        ("quip_getChainSpec", (), chain_spec),
        ("quip_getStatus", (), status),
    ]
    return [Method(name, params, partial(answer, view)) for name, params, answer in rows]


def client_version(view: RpcView) -> str:
    """Name, version and platform."""
    return view.node.version


def network_version(view: RpcView) -> str:
    """The chain id in decimal."""
    return str(view.spec.chain_id)


def listening(view: RpcView) -> bool:
    """True while other nodes can connect."""
    return view.node.network.listening()


def peer_count(view: RpcView) -> str:
    """How many nodes are connected and joined."""
    return quantity(len(view.node.network.peers()))


def peers(view: RpcView) -> list[dict[str, Any]]:
    """The nodes that this one is joined with."""
    return view.node.network.peers()


def syncing(view: RpcView) -> dict[str, Any] | bool:
    """False, or how far a sync is; every quantity beside Ethereum's three is a plain integer."""
    return view.node.network.syncing() or False


def chain_id(view: RpcView) -> str:
    """The chain id."""
    return quantity(view.spec.chain_id)


def head_number(view: RpcView) -> str:
    """The head's number."""
    return quantity(view.head().header.number)


def block_by_number(view: RpcView, reference: BlockRef, _full: bool) -> dict[str, Any] | None:
    """The canonical block of a number or tag, or null."""
    if reference.tag == "pending":
        header = view.node.pending()
        return block_objects.pending_object(header, view.head().context.total_difficulty + header.difficulty)
    stored = view.find(reference)
    return None if stored is None else block_objects.block_object(stored)


def block_by_hash(view: RpcView, wanted: bytes, _full: bool) -> dict[str, Any] | None:
    """Any verified block, side branches included, or null."""
    stored = view.find(BlockRef(hash=wanted))
    return None if stored is None else block_objects.block_object(stored)


def balance(view: RpcView, account: bytes, reference: BlockRef) -> str:
    """Wei of an account after a block."""
    stored = view.need(reference)
    found = view.store.state(stored.header.state_root).account(account)
    return quantity(0 if found is None else found.balance)


def proof(view: RpcView, reference: BlockRef) -> dict[str, Any]:
    """A block's proof, recomputed from the witness that this node holds."""
    stored = view.need(reference)
    if stored.seal is None:
        raise CallFailed("the genesis block has no proof")
    parent = view.need(BlockRef(hash=stored.header.parent_hash))
    return block_objects.proof_object(view.spec, view.puzzle, stored, parent)


def next_requirements(view: RpcView, reference: BlockRef) -> dict[str, Any]:
    """What a child of the block has to prove if it is made now (but not before its parent)."""
    parent = view.need(reference)
    timestamp = max(view.node.now(), parent.header.timestamp + 1)
    required = requirements(view.spec, parent.header, parent.context, timestamp)
    return block_objects.requirements_object(view.spec, parent, required)


def miners(view: RpcView, limit: int) -> dict[str, Any]:
    """Who mined the canonical chain, the busiest first, and this node's own miners."""
    totals = sorted(view.store.miners, key=lambda entry: (-entry.blocks, entry.miner_id))
    return {
        "chain": [block_objects.totals_object(entry) for entry in totals[:limit]],
        "total": len(totals),
        "local": view.node.miners(),
    }


def raw_block(view: RpcView, reference: BlockRef) -> str:
    """RLP([header, transactions, seal]); anybody can verify it."""
    return data(block_objects.wire_block(view.need(reference)).encode())


def chain_spec(view: RpcView) -> str:
    """The chain spec's JSON text."""
    return view.spec_json.decode()


def status(view: RpcView) -> dict[str, Any]:
    """One look at everything."""
    head = view.head()
    header = head.header
    now = view.node.now()
    required = requirements(view.spec, header, head.context, max(now, header.timestamp + 1))
    return {
        "version": view.node.version,
        "chain": view.spec.name,
        "chainId": view.spec.chain_id,
        "genesis": data(view.store.canonical(0) or b""),
        "head": {
            "number": quantity(header.number),
            "hash": data(header.hash),
            "timestamp": quantity(header.timestamp),
            "totalDifficulty": quantity(head.context.total_difficulty),
        },
        "headAge": now - header.timestamp,  # below 0: the head is ahead of this clock
        "level": required.level,
        "work": quantity(required.work),
        "blockTime": _block_time(view, header.number, header.timestamp),
        "targetBlockTime": view.spec.difficulty.target_block_time,
        **view.node.status(),
        "peers": len(view.node.network.peers()),
        "syncing": syncing(view),
    }


def _block_time(view: RpcView, number: int, timestamp: int) -> float | None:
    """Mean seconds between the last blocks; block 1 is left out, since genesis has no true time."""
    first = max(1, number - AVERAGED_BLOCKS)
    earlier = view.find(BlockRef(number=first)) if number > first else None
    if earlier is None:
        return None
    return round((timestamp - earlier.header.timestamp) / (number - first), 1)
