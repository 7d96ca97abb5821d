"""JSON-RPC methods over a chain in memory, called as a client sees them: JSON in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from quip._native import store as native_store
from quip.chain.events import Head, HeadChanged
from quip.consensus.types.block import Block
from quip.consensus.types.transaction import SignedTransaction
from quip.networks.shipped import spec_bytes
from quip.rpc.methods.table import table
from quip.rpc.params import parse_arguments
from quip.rpc.transport.dispatch import Method, encode
from quip.rpc.view import NetworkView, NodeView, PoolView, RpcView
from quip.storage.chain_store import for_network
from quip.storage.state import DEFAULT_LIMITS, StateLimits
from sim.honest.chain_generator import ChainGenerator
from support.chains import generator, new_chain, puzzle_of
from support.transactions import recovered, rich_spec


class RpcChain:
    """A chain with rich senders, its miner, and the methods over it."""

    def __init__(
        self,
        pool: PoolView | None = None,
        network: NetworkView | None = None,
        limits: StateLimits = DEFAULT_LIMITS,
    ) -> None:
        spec = rich_spec()
        store = for_network(native_store.Store.in_memory(), spec.chain_id, limits)
        self.made: ChainGenerator = generator(new_chain(spec, store))
        chain = self.made.chain
        self.waiting: list[SignedTransaction] = []
        """What a miner would try for the next block."""
        node = NodeView(
            version="quip/test",
            now=lambda: chain.head.header.timestamp + 3,
            buried=chain.tag,
            pending=lambda: chain.draft(bytes(20), bytes(20), chain.head.header.timestamp + 3).build(self.waiting),
            status=dict,
            miners=list,
            network=network or NetworkView(),
            pool=pool or PoolView(),
        )
        chain.subscribe(lambda event: node.news.tell() if isinstance(event, HeadChanged) else None)
        self.view = RpcView(spec, spec_bytes("test"), puzzle_of(spec), store, node)
        self.methods: dict[str, Method] = {method.name: method for method in table(self.view)}

    def call(self, name: str, *arguments: Any) -> Any:
        """The result, as it arrives. Raises RpcError."""
        method = self.methods[name]
        given = json.loads(json.dumps(list(arguments)))
        return json.loads(encode(method.answer(*parse_arguments(method.params, given))))

    @property
    def head(self) -> Head:
        """The canonical head."""
        return self.made.chain.head

    def mine(self, *encoded: bytes, on: Head | None = None) -> Block:
        """A block of these transactions, all of which have to be lawful."""
        block = self.made.block(on or self.head, (), recovered(*encoded))
        assert block.transactions == encoded
        self.made.accept(block)
        return block

    def branch(self, on: Head, bodies: Sequence[Sequence[bytes]]) -> list[Block]:
        """Blocks one after the other, from a verified block on."""
        blocks = []
        for body in bodies:
            blocks.append(self.mine(*body, on=on))
            block_hash = blocks[-1].header.hash
            on = Head(block_hash, *self.made.chain.tree.known(block_hash))
        return blocks


EMITTER = bytes.fromhex("74602060405f376020355f3560205fa25f51600155005f526015600bf3")
"""Init code of a contract that takes two topics and a word: it logs all three and keeps the word in slot 1."""


def emitter_call(first: int, second: int, value: int) -> str:
    """Input for it."""
    return "0x" + b"".join(number.to_bytes(32, "big") for number in (first, second, value)).hex()
