"""A real node under attack over real sockets: it stands, stays small, throws offenders out, and serves honest peers."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from quip.consensus.errors.body import (
    InvalidTransaction,
    WrongBody,
    WrongGasUsed,
    WrongLogsBloom,
    WrongReceiptsRoot,
    WrongStateRoot,
)
from quip.consensus.errors.header import FutureBlock, UnknownParent
from quip.consensus.errors.seal import MissingSeal
from quip.net.errors import RefusalCode
from quip.net.wire import messages
from quip.net.wire.frames import frame
from quip.rpc.client import RpcClient
from sim.honest.chain_generator import ChainGenerator
from support.attacks import ATTACKS, BROKEN, Attack
from support.broken_rules import MUTANTS
from support.honest_relay import honest_relay
from support.mutants import next_block
from support.node_process import NodeProcess, wait_until
from support.wire_peer import Network, WirePeer, wire_peer

SECONDS = 4.0
RELAY_P99_S = 2.0
GROWTH_BYTES = 150 << 20
"""What any attack may add to the node's memory: the sum of what limits.py lets a crowd of such peers hold."""
BLOCKS = 100
NOBODYS_FAULT = (FutureBlock, UnknownParent)
NOT_IN_A_PUSH = (MissingSeal, WrongBody)
"""BLOCK_SUBMIT has a seal, and no body that could be wrong."""

FOUND_BY_EXECUTION = {
    InvalidTransaction, WrongStateRoot, WrongReceiptsRoot, WrongLogsBloom,
    WrongGasUsed,
}  # fmt: skip
"""A block is passed on once its seal is verified, and executed afterwards: who sends it need not have known. Each costs
its miner a real proof."""


@dataclass
class Victim:
    """The node that everybody attacks, one after the other."""

    node: NodeProcess
    url: str
    network: Network

    def check_sound(self) -> None:
        assert self.node.process.poll() is None, self.node.text()
        assert "Traceback" not in self.node.text()


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A node that follows, with some blocks of its own making."""
    home = tmp_path_factory.mktemp("victim")
    miner = NodeProcess(home, home / "node", "--auto-mine")
    miner.wait_for_height(BLOCKS)
    miner.stop()
    node = NodeProcess(home, home / "node")
    client = node.client()
    yield Victim(node, client.url, Network.of(client))
    node.end()


@pytest.mark.parametrize("name", ATTACKS)
async def test_it_stands_and_honest_blocks_pass(victim: Victim, name: str) -> None:
    async with honest_relay(victim.node.port, victim.url) as honest:
        await honest.relay()
        before = victim.node.resident_bytes()
        with Attack(name, victim.node.port, victim.url, SECONDS) as attack:
            delays = []
            await asyncio.to_thread(attack.wait_for_begin, 60.0)
            end = time.monotonic() + SECONDS
            while time.monotonic() < end or attack.has_more:
                delays.append(await honest.relay())
                await honest.waiter.pause(0.2)
            done = await asyncio.to_thread(attack.wait_for_count, 60.0)
        delays.append(await honest.relay())
        growth = victim.node.resident_bytes() - before
    assert done > 0, "there was no attack"
    assert sorted(delays)[math.ceil(0.99 * len(delays)) - 1] <= RELAY_P99_S
    assert growth < GROWTH_BYTES
    victim.check_sound()


async def is_banned(peer: WirePeer, victim: Victim) -> bool:
    """Whether somebody who was thrown out is refused when he comes back; others from the same host are not."""
    if not await peer.dial(victim.node.port):
        return True
    response = await peer.join(victim.network)
    return response is None or response.code == RefusalCode.BANNED


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case[0])
async def test_a_broken_stream_costs_its_sender_the_connection(
    victim: Victim, case: tuple[str, int, bytes, bool]
) -> None:
    _, stream, data, fin = case
    async with wire_peer() as offender, wire_peer() as neighbour:
        await neighbour.enter(victim.node.port, victim.network)
        await offender.enter(victim.node.port, victim.network)
        offender.send(stream, data, fin)
        await offender.until_closed()
        assert await is_banned(offender, victim)
        assert isinstance(await neighbour.ask(messages.StatusRequest()), messages.NodeStatus)
    victim.check_sound()


async def check_offer(victim: Victim, made: ChainGenerator, name: str) -> bytes:
    """Somebody new pushes the mutant, and is thrown out and banned if he could have known. The block's hash."""
    error, _, mutate = MUTANTS[name]
    bad = mutate(made.chain, next_block(made))
    assert bad.seal is not None
    work = made.chain.head.context.total_difficulty + bad.header.difficulty
    async with wire_peer() as offender:
        offender.answer = lambda request: (
            messages.Bodies((bad.body,)) if isinstance(request, messages.BodiesRequest) else None
        )
        await offender.enter(victim.node.port, victim.network)
        try:
            data = frame(messages.BlockSubmit(bad.header, bad.seal, work))
        except ValueError:  # larger than our own codec writes: a length that the node must not even wait for
            data = b"\x13" + (1 << 24).to_bytes(4, "big") + bytes(64)
        offender.send(2, data)
        if error in NOBODYS_FAULT or error in FOUND_BY_EXECUTION:
            if error in FOUND_BY_EXECUTION:
                words = f"rule={error.__name__}"
                await asyncio.to_thread(wait_until, lambda: words in victim.node.text(), f"{name} to be refused")
            status = await offender.ask(messages.StatusRequest())
            assert isinstance(status, messages.NodeStatus), (name, offender.closed)
        else:
            await offender.until(lambda: offender.closed is not None, f"the end of who sent: {name}")
            assert await is_banned(offender, victim), name
        return bad.header.hash


async def test_every_invalid_block_costs_its_sender_the_connection(victim: Victim) -> None:
    async with honest_relay(victim.node.port, victim.url) as honest:
        await honest.relay()
        names = [name for name, entry in MUTANTS.items() if entry[0] not in NOT_IN_A_PUSH and name != "body too large"]
        assert len(names) >= 30
        hashes = {await check_offer(victim, honest.made, name): name for name in names}
        client = RpcClient(victim.url)
        assert not any(client.call("eth_getBlockByHash", "0x" + bad.hex(), False) for bad in hashes)
        told = {one.header.hash for _, one in honest.waiter.pushed if isinstance(one, messages.BlockSubmit)}
        assert {MUTANTS[hashes[one]][0] for one in told if one in hashes} <= FOUND_BY_EXECUTION
        assert await honest.relay() <= RELAY_P99_S
    victim.check_sound()
