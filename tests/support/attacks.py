"""What hostile peers do to a node over real sockets. Each attack runs in a process of its own:

    with Attack("garbage", port, client.url, seconds=10): ...

An attacker comes from loopback addresses of its own, since netgroups and sources are counted by address.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from quip.chain.events import Head
from quip.consensus.execution import gas
from quip.consensus.proof_of_work.difficulty import child_context, genesis_context, requirements
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.ising.puzzle import search_gate
from quip.net.wire import messages
from quip.net.wire.frames import frame
from quip.net.wire.messages import HeadClaim, Message
from quip.rpc.client import RpcClient
from support.chains import generator, network_spec, new_chain
from support.places import ROOT, TESTS
from support.wire_peer import Network, WirePeer, wire_peer

HEAVY = 1 << 200
"""More work than there is."""
CLAIMED = HeadClaim(bytes([7] * 32), 1 << 40, HEAVY)


@dataclass(frozen=True)
class Target:
    """The node under attack."""

    port: int
    url: str
    seconds: float

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def network(self) -> Network:
        return Network.of(RpcClient(self.url))

    def until(self) -> Callable[[], bool]:
        """The attack begins now, and says so; true while it goes on."""
        print(json.dumps({"begun": True}), flush=True)
        end = time.monotonic() + self.seconds
        return lambda: time.monotonic() < end


def sources(first: int) -> Iterator[str]:
    """Loopback addresses without end: 127.first.0.1, ..."""
    return (f"127.{first}.{number >> 8 & 255}.{(number & 255) or 1}" for number in itertools.count(1))


async def garbage(target: Target) -> int:
    """Datagrams of any size and content, some with the head of a QUIC packet, as fast as one process can."""
    draws = random.Random(1)
    heads = (
        b"",
        b"\xc3\x00\x00\x00\x01\x08",
        b"\xe3\x00\x00\x00\x01\x14",
        b"\x40",
        b"\xf0\x00\x00\x00\x01",
        b"\x80" * 7,
    )
    datagrams = [
        (head + draws.randbytes(draws.choice((0, 1, 7, 20, 63, 300, 1_171, 1_200, 1_201, 1_472, 9_000))))[:60_000]
        for head in heads
        for _ in range(60)
    ]
    sockets = []
    for host, _ in zip(sources(60), range(32), strict=False):
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind((host, 0))
    goes_on, sent = target.until(), 0
    while goes_on():
        for one in sockets:
            for datagram in draws.sample(datagrams, 16):
                one.sendto(datagram, target.address)
                sent += 1
    return sent


BROKEN: Sequence[tuple[str, int, bytes, bool]] = (
    ("a frame that ends early", 4, frame(messages.StatusRequest())[:-1], True),
    ("a header that ends early", 4, b"\x32\x00", True),
    ("more than one request in a stream", 4, frame(messages.StatusRequest()) * 2, True),
    ("a frame longer than its message may be", 4, b"\x26\xff\xff\xff\xff", False),
    ("a push longer than its message may be", 2, b"\x11\x00\x10\x00\x00" + bytes(4_096), False),
    ("an unknown code", 4, b"\xee\x00\x00\x00\x01\xc0", True),
    ("a request where pushes belong", 2, frame(messages.StatusRequest()), False),
    ("a push where requests belong", 4, frame(messages.Heartbeat(1, CLAIMED)), True),
    ("an answer to nothing", 4, frame(messages.Headers(())), True),
    ("no RLP", 4, b"\x26\x00\x00\x00\x03\xff\xff\xff", True),
    ("RLP of another shape", 2, b"\x13\x00\x00\x00\x01\xc0", False),
    ("a hundred nested lists", 2, b"\x12\x00\x00\x00\x40" + b"\xf8\x3e" + b"\xf8\x3c" * 31, False),
    ("a second join", 4, b"\x01\x00\x00\x00\x01\xc0", True),
)
"""Streams that no honest node sends: (what, stream, bytes, whether that is all). Each is the sender's fault."""


async def broken_frames(target: Target) -> int:
    """One broken stream after the other, each by somebody new."""
    network, done = target.network(), 0
    goes_on = target.until()
    for host, (_, stream, data, fin) in zip(sources(61), itertools.cycle(BROKEN), strict=False):
        if not goes_on():
            break
        async with wire_peer(host) as peer:
            if await peer.dial(target.port) and (response := await peer.join(network)) and response.code == 0:
                peer.send(stream, data, fin)
                await peer.until_closed()
                done += 1
    return done


async def streams(target: Target) -> int:
    """Requests begun and never ended, given up and begun again; whoever is thrown out comes back as another."""
    network, opened = target.network(), 0
    begin = frame(messages.BlockRequest(bytes(32)))[:-1]
    goes_on = target.until()
    async with AsyncExitStack() as stack:
        crowd: list[WirePeer] = []
        addresses = sources(62)
        while goes_on():
            crowd = [peer for peer in crowd if peer.closed is None]
            while len(crowd) < 4:
                peer = await stack.enter_async_context(wire_peer(next(addresses)))
                if await peer.dial(target.port) and (response := await peer.join(network)) and response.code == 0:
                    crowd.append(peer)
                elif not goes_on():
                    return opened
            for peer in crowd:
                for _ in range(16):
                    stream = peer.next_stream()
                    peer.send(stream, begin)
                    if opened % 2:
                        peer.reset(stream)
                    opened += 1
            await crowd[0].pause(0.005)
    return opened


async def slow_readers(target: Target) -> int:
    """Ask for as much as a node gives, and then read nothing: the whole process stands still until it is killed."""
    network = target.network()
    target.until()
    hashes = newest_hashes(target.url, 64)
    async with AsyncExitStack() as stack:
        for host, _ in zip(sources(63), range(8), strict=False):
            peer = await stack.enter_async_context(wire_peer(host))
            await peer.enter(target.port, network)
            for _ in range(16):
                peer.send(peer.next_stream(), frame(messages.SealsRequest(hashes)), fin=True)
                peer.send(peer.next_stream(), frame(messages.HeadersRequest((network.genesis,), 512)), fin=True)
        print(json.dumps({"count": 8}), flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
    return 8


def newest_hashes(url: str, count: int) -> tuple[bytes, ...]:
    """Hashes of the node's last blocks."""
    client = RpcClient(url)
    height = int(client.call("eth_blockNumber"), 16)
    numbers = range(max(1, height - count + 1), height + 1)
    found = client.batch([("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
    return tuple(bytes.fromhex(block["hash"][2:]) for block in found)


async def greedy_readers(target: Target) -> int:
    """Sixteen peers that ask for the largest answers as often as they may, and read all of it."""
    network, asked = target.network(), 0
    requests = (messages.SealsRequest(newest_hashes(target.url, 64)), messages.HeadersRequest((network.genesis,), 512))
    async with AsyncExitStack() as stack:
        crowd = []
        for host, _ in zip(sources(67), range(16), strict=False):
            crowd.append(await stack.enter_async_context(wire_peer(host)))
            await crowd[-1].enter(target.port, network)
        goes_on = target.until()

        async def ask_on(peer: WirePeer, request: Message) -> None:
            nonlocal asked
            while goes_on() and peer.closed is None:
                answered = await peer.ask(request)
                asked += answered is not None
                if answered is None:
                    await peer.pause(0.01)

        async with asyncio.TaskGroup() as tasks:
            for peer in crowd:
                for request in requests * 4:
                    tasks.create_task(ask_on(peer, request))
    return asked


async def connections(target: Target) -> int:
    """A thousand handshakes from fifty addresses, none of which is followed by anything."""
    tried = 0
    target.until()
    for host, _ in zip(sources(64), range(50), strict=False):
        async with wire_peer(host) as peer:
            await peer.dial_often(target.port, 20)
            tried += 20
    return tried


class HeaderForge:
    """Headers that obey every rule which needs no proof: an endless branch of the least work, from genesis on."""

    def __init__(self, spec: ChainSpec, genesis: Header) -> None:
        self._spec = spec
        self._tip: tuple[Header, BlockContext] = (genesis, genesis_context(spec))
        self.headers = [genesis]

    def more(self, count: int) -> tuple[Header, ...]:
        """The next ones."""
        for _ in range(count):
            parent, context = self._tip
            slow = parent.timestamp + 100 * self._spec.difficulty.target_block_time
            draft = replace(
                parent, parent_hash=parent.hash, number=parent.number + 1, timestamp=slow,
                difficulty=requirements(self._spec, parent, context, slow).work, gas_used=0,
                base_fee_per_gas=gas.next_base_fee(parent), extra_data=bytes(21), nonce=bytes(8), mix_hash=bytes(32),
            )  # fmt: skip
            found = search_gate(draft.sealing_hash, 0, 1 << 32, self._spec.puzzle.gate_bits)
            assert found is not None
            header = replace(draft, nonce=found[0].to_bytes(8, "big"), mix_hash=found[1])
            self._tip = header, child_context(self._spec.difficulty, parent, context, header)
            self.headers.append(header)
        return tuple(self.headers[-count:]) if count else ()


async def low_work_headers(target: Target) -> int:
    """Claim the heaviest head of all, serve headers without end, and never a seal."""
    network, served = target.network(), 0
    forge = HeaderForge(network_spec(), new_chain().head.header)
    forge.more(2_048)
    position = {header.hash: header.number for header in forge.headers}

    def answer(request: Message) -> Message | None:
        nonlocal served
        if not isinstance(request, messages.HeadersRequest):
            return None
        start = next((position[one] + 1 for one in request.locator if one in position), 1)
        while len(forge.headers) < start + request.limit:
            for header in forge.more(512):
                position[header.hash] = header.number
        served += request.limit
        return messages.Headers(tuple(forge.headers[start : start + request.limit]))

    def over(peer: WirePeer) -> bool:
        return peer.closed is not None or not goes_on()

    addresses = sources(65)
    goes_on = target.until()
    while goes_on():
        async with wire_peer(next(addresses)) as peer:
            peer.answer = answer
            if await peer.dial(target.port) and (response := await peer.join(network, CLAIMED)) and response.code == 0:
                await peer.until(partial(over, peer), "the end", target.seconds + 60)
    return served


def copy_of(url: str) -> list[Block]:
    """A node's chain without genesis."""
    client = RpcClient(url)
    height = int(client.call("eth_blockNumber"), 16)
    raw = client.batch([("quip_getRawBlock", (hex(number),)) for number in range(1, height + 1)])
    return [Block.decode(bytes.fromhex(block[2:])) for block in raw]


async def old_branches(target: Target) -> int:
    """Valid blocks, one level deep, off every old block: each costs the attacker next to nothing on this network."""
    network, pushed = target.network(), 0
    chain = new_chain()
    for block in copy_of(target.url):
        chain.accept(block, block.header.timestamp)
    made = generator(chain, seed=random.randrange(1 << 30))
    addresses = sources(66)
    height = chain.head.header.number
    goes_on = target.until()
    while goes_on():
        async with wire_peer(next(addresses)) as peer:
            if not await peer.dial(target.port) or not (response := await peer.join(network)) or response.code:
                continue
            while goes_on() and peer.closed is None:
                for number in random.sample(range(height), 8):
                    parent_hash = chain.tree.canonical_hash(number)
                    assert parent_hash is not None
                    parent = Head(parent_hash, *chain.tree.known(parent_hash))
                    block = made.block(parent)
                    assert block.seal is not None
                    work = parent.context.total_difficulty + block.header.difficulty
                    peer.push(messages.BlockSubmit(block.header, block.seal, work))
                    pushed += 1
                await peer.pause(0.4)
    return pushed


ATTACKS: dict[str, Callable[[Target], Coroutine[Any, Any, int]]] = {
    "garbage": garbage,
    "broken frames": broken_frames,
    "streams": streams,
    "slow readers": slow_readers,
    "greedy readers": greedy_readers,
    "connections": connections,
    "low-work headers": low_work_headers,
    "old branches": old_branches,
}

BY_NUMBERS = {"connections"}
"""What lasts until all of it is done, however long that takes."""


class Attack:
    """One attack as a process; use as a context. `count` after it: what it did, by its own words."""

    def __init__(self, name: str, port: int, url: str, seconds: float) -> None:
        command = [sys.executable, "-m", "support.attacks", name, str(port), url, str(seconds)]
        path = {"PYTHONPATH": f"{TESTS}{os.pathsep}{ROOT}"}
        self._process = subprocess.Popen(command, env={**os.environ, **path}, stdout=subprocess.PIPE, text=True)
        self._by_numbers = name in BY_NUMBERS
        self.count = 0

    def __enter__(self) -> Attack:
        return self

    @property
    def has_more(self) -> bool:
        """True while an attack by numbers, not by time, is under way."""
        return self._by_numbers and self._process.poll() is None

    def wait_for_begin(self, timeout_s: float) -> None:
        """Wait until what it needs is prepared."""
        self._line(timeout_s)

    def wait_for_count(self, timeout_s: float) -> int:
        """Wait for its own words."""
        line = self._line(timeout_s)
        self.count = json.loads(line)["count"] if line else 0
        return self.count

    def _line(self, timeout_s: float) -> str:
        assert self._process.stdout is not None
        timer = threading.Timer(timeout_s, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        return line

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def main() -> None:
    name, port, url, seconds = sys.argv[1:]
    count = asyncio.run(ATTACKS[name](Target(int(port), url, float(seconds))))
    print(json.dumps({"count": count}), flush=True)


if __name__ == "__main__":
    main()
