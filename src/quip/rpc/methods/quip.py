"""quip_*: proofs, requirements, miners, peers, and what this node is doing."""

import heapq
from typing import Any

from quip.consensus.proof_of_work.difficulty import requirements
from quip.rpc.encoding import data, quantity
from quip.rpc.methods import block_objects
from quip.rpc.methods.eth import syncing
from quip.rpc.params import BlockRef
from quip.rpc.view import RpcView

AVERAGED_BLOCKS = 20  # the block time that people see is that of so many blocks


def proof(view: RpcView, reference: BlockRef) -> dict[str, Any]:
    """A block's proof, recomputed from the witness that this node holds."""
    return block_objects.proof_object(view, view.need(reference))


def next_requirements(view: RpcView, reference: BlockRef) -> dict[str, Any]:
    """What a child of the block has to prove if it is made now (but not before its parent)."""
    parent = view.need(reference)
    timestamp = max(view.node.now(), parent.header.timestamp + 1)
    required = requirements(view.spec, parent.header, parent.context, timestamp)
    return block_objects.requirements_object(view.spec, parent, required)


def miners(view: RpcView, limit: int, offset: int) -> dict[str, Any]:
    """Who mined the canonical chain, the busiest first, and this node's own miners."""
    totals = view.store.miners
    first = heapq.nsmallest(offset + limit, totals, key=lambda entry: (-entry.blocks, entry.miner_id))
    return {
        "chain": [block_objects.totals_object(entry) for entry in first[offset:]],
        "total": len(totals),
        "local": view.node.miners(),
    }


def peers(view: RpcView) -> list[dict[str, Any]]:
    """The nodes that this one is joined with."""
    return view.node.network.peers()


def raw_block(view: RpcView, reference: BlockRef) -> str:
    """RLP([header, transactions, ommers, seal]); anybody can verify it."""
    return data(view.need(reference).block.encode())


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
