"""Two honest peers of one node: one makes blocks, the other waits for them. Between them lies the node's relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from quip.net.wire import messages
from quip.net.wire.messages import HeadClaim, Message
from quip.rpc.client import RpcClient
from sim.honest.chain_generator import ChainGenerator
from support.attacks import copy_of
from support.chains import generator, new_chain
from support.wire_peer import Network, WirePeer, wire_peer

RELAY_DEADLINE_S = 30.0


@dataclass
class HonestRelay:
    """`relay` as often as wanted."""

    made: ChainGenerator
    maker: WirePeer
    waiter: WirePeer

    async def relay(self) -> float:
        """Make a block, hand it to the node; seconds until the other peer holds it."""
        block = self.made.block(self.made.chain.head)
        self.made.accept(block)
        assert block.seal is not None
        work = self.made.chain.head.context.total_difficulty
        loop = asyncio.get_running_loop()
        begin = loop.time()
        self.maker.push(messages.BlockSubmit(block.header, block.seal, work))
        await self.waiter.until(lambda: self._announced(block.header.hash), "the block", RELAY_DEADLINE_S)
        if not self._pushed(block.header.hash):
            reply = await self.waiter.ask(messages.BlockRequest(block.header.hash))
            assert isinstance(reply, messages.BlockResponse)
            assert reply.block is not None
        return loop.time() - begin

    def _pushed(self, wanted: bytes) -> bool:
        return any(isinstance(one, messages.BlockSubmit) and one.header.hash == wanted for _, one in self.waiter.pushed)

    def _announced(self, wanted: bytes) -> bool:
        assert self.waiter.closed is None, self.waiter.closed
        assert self.maker.closed is None, self.maker.closed
        told = [one for _, one in self.waiter.pushed if isinstance(one, messages.Gossip)]
        return self._pushed(wanted) or any(claim.hash == wanted for gossip in told for claim in gossip.blocks)


@asynccontextmanager
async def honest_relay(port: int, url: str) -> AsyncIterator[HonestRelay]:
    """Both peers joined, the maker with the node's own chain."""
    network = Network.of(RpcClient(url))
    chain = new_chain()
    for block in copy_of(url):
        chain.accept(block, block.header.timestamp)
    head = HeadClaim(chain.head.hash, chain.head.header.number, chain.head.context.total_difficulty)
    async with wire_peer("127.0.0.20") as maker, wire_peer("127.0.0.21") as waiter:
        for peer in (maker, waiter):
            peer.answer = lambda request: _answer(request, head)
            await peer.enter(port, network, head)
        yield HonestRelay(generator(chain, seed=head.number), maker, waiter)


def _answer(request: Message, head: HeadClaim) -> Message | None:
    if isinstance(request, messages.PeersRequest):
        return messages.Peers(())
    if isinstance(request, messages.StatusRequest):
        return messages.NodeStatus(head, "quip/test", True, False, 1, 1)
    return None
