"""Somebody who speaks to a node over real UDP, TLS and frames, with no manners of its own.

    async with wire_peer("127.0.0.2") as peer:
        await peer.dial(port)
        await peer.join(network)            # JOIN, then the push streams
        reply = await peer.ask(StatusRequest())
        peer.push(message); peer.send(stream, any_bytes)

Streams are cut into frames here by hand and not by the node's session, so that nothing that the node says is lost: all
of it, as it was before encryption, is in `heard`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from quip.net.actions import Close, CloseCode, Dial, ResetStream, Send
from quip.net.address import Address
from quip.net.events import Closed, DialFailed, Opened, Received
from quip.net.link import Purpose
from quip.net.overlay_config import PROTOCOL_VERSION
from quip.net.quic.channel import TransportEvent
from quip.net.quic.endpoint import EndpointConfig, QuicEndpoint
from quip.net.quic.node_identity import NodeIdentity
from quip.net.wire import codec, messages
from quip.net.wire.frames import HEADER_BYTES, frame
from quip.net.wire.messages import HeadClaim, JoinRequest, JoinResponse, Message
from quip.rpc.client import RpcClient

WAIT_S = 30.0
PUSH_STREAM = 2
Answering = Callable[[Message], Message | None]


@dataclass(frozen=True)
class Network:
    """What two nodes have to agree on, and the head that a newcomer may claim: genesis."""

    chain_id: int
    genesis: bytes
    genesis_work: int = 0

    @staticmethod
    def of(client: RpcClient) -> Network:
        """The network of a running node."""
        status, genesis = client.batch([("quip_getStatus", ()), ("eth_getBlockByNumber", ("0x0", False))])
        return Network(status["chainId"], bytes.fromhex(status["genesis"][2:]), int(genesis["totalDifficulty"], 16))

    @property
    def first_claim(self) -> HeadClaim:
        return HeadClaim(self.genesis, 0, self.genesis_work)


def new_identity() -> NodeIdentity:
    """A key that nobody has seen before."""
    with TemporaryDirectory() as directory:
        return NodeIdentity.open(Path(directory))


@dataclass
class WirePeer:
    """One UDP socket and at most one connection at a time."""

    identity: NodeIdentity
    host: str = "127.0.0.1"
    connection: int = 0
    refused: str | None = None
    """Why the dial came to nothing."""
    closed: str | None = None
    """Why the connection ended."""
    outcomes: int = 0
    """Dials that came to something, good or bad."""
    pushed: list[tuple[float, Message]] = field(default_factory=list)
    """What the node pushed, and when (the loop's clock)."""
    asked: list[Message] = field(default_factory=list)
    """What the node requested of us."""
    heard: bytearray = field(default_factory=bytearray)
    """Every byte of every stream of the node."""
    answer: Answering = lambda request: None
    """Replies to the node's requests; None: no answer."""
    _replies: dict[int, Message] = field(default_factory=dict)
    _parts: dict[int, bytearray] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _streams: itertools.count[int] = field(default_factory=lambda: itertools.count(4, 4))

    async def start(self) -> None:
        self.transport = QuicEndpoint(EndpointConfig(self.host, 0, self.identity), self._hear, lambda address: True)
        await self.transport.start()

    async def dial(self, port: int, host: str = "127.0.0.1") -> bool:
        """Connect anew; False if that fails (`refused` says why)."""
        self.connection, self.refused, self.closed = 0, None, None
        self._parts.clear()
        self._replies.clear()
        self._streams = itertools.count(4, 4)
        self.transport.perform(Dial(Address(host, port), Purpose.MANUAL))
        await self.until(lambda: self.connection or self.refused, "a connection")
        return self.connection > 0

    async def dial_often(self, port: int, times: int) -> None:
        """So many handshakes at once; only the last one's connection is kept track of."""
        before = self.outcomes
        for _ in range(times):
            self.transport.perform(Dial(Address("127.0.0.1", port), Purpose.MANUAL))
        await self.until(lambda: self.outcomes >= before + times, "the outcome of every dial", 2 * WAIT_S)

    async def join(self, network: Network, head: HeadClaim | None = None) -> JoinResponse | None:
        """JOIN, and the push stream if welcome. None if the node closed instead of answering."""
        request = JoinRequest(
            PROTOCOL_VERSION, network.chain_id, network.genesis, head or network.first_claim, None, "quip/test"
        )
        self.send(0, frame(request), fin=True)
        await self.until(lambda: 0 in self._replies or self.closed is not None, "an answer to JOIN")
        response = self._replies.get(0)
        assert response is None or isinstance(response, JoinResponse)
        if response is not None and response.code == 0:
            self.push(messages.Heartbeat(1, request.head))
        return response

    async def enter(self, port: int, network: Network, head: HeadClaim | None = None) -> None:
        """Dial and join; the node has to let us in."""
        assert await self.dial(port), self.refused
        response = await self.join(network, head)
        assert response is not None, self.closed
        assert response.code == 0, response.reason

    def send(self, stream: int, data: bytes, fin: bool = False) -> None:
        """Any bytes on any stream."""
        self.transport.perform(Send(self.connection, stream, data, fin))

    def push(self, message: Message) -> None:
        """A message on our push stream."""
        self.send(PUSH_STREAM, frame(message))

    def next_stream(self) -> int:
        """The number of a fresh request stream."""
        return next(self._streams)

    def reset(self, stream: int) -> None:
        """Give a stream up."""
        self.transport.perform(ResetStream(self.connection, stream, 0))

    async def ask(self, request: Message) -> Message | None:
        """The reply, or None if the node closed."""
        stream = self.next_stream()
        self.send(stream, frame(request), fin=True)
        await self.until(lambda: stream in self._replies or self.closed is not None, f"an answer to {request}")
        return self._replies.get(stream)

    async def until_closed(self) -> str:
        """Wait until the node hangs up; its words."""
        await self.until(lambda: self.closed is not None, "the end of the connection")
        return self.closed or ""

    async def until(self, condition: Callable[[], object], what: str, deadline_s: float = WAIT_S) -> None:
        """Wait for news until the condition holds."""
        try:
            async with asyncio.timeout(deadline_s):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"waited {deadline_s} s in vain for {what}; closed: {self.closed}") from None

    async def pause(self, seconds: float) -> None:
        """Let the node speak for so long, or until it hangs up: what paces a sender."""
        with suppress(AssertionError):
            await self.until(lambda: self.closed is not None, "the end of the pause", seconds)

    def hang_up(self) -> None:
        """Close the connection."""
        self.transport.perform(Close(self.connection, CloseCode.DONE, "done"))

    def _hear(self, event: TransportEvent) -> None:
        self.outcomes += isinstance(event, Opened | DialFailed)
        if isinstance(event, Opened):
            self.connection = event.connection
        elif isinstance(event, DialFailed):
            self.refused = event.reason
        elif isinstance(event, Closed) and event.connection == self.connection:
            self.closed = event.reason
        elif isinstance(event, Received) and event.connection == self.connection:
            self._receive(event)
        self._news.set()

    def _receive(self, event: Received) -> None:
        self.heard += event.data
        part = self._parts.setdefault(event.stream, bytearray())
        part += event.data
        while len(part) >= HEADER_BYTES and len(part) >= (end := HEADER_BYTES + int.from_bytes(part[1:5], "big")):
            message = codec.decode(part[0], bytes(part[HEADER_BYTES:end]))
            del part[:end]
            self._take(event.stream, message)

    def _take(self, stream: int, message: Message) -> None:
        if stream & 1 == 0:  # ours: an answer
            self._replies[stream] = message
        elif stream & 2:  # the node's push stream
            self.pushed.append((asyncio.get_running_loop().time(), message))
        else:
            self.asked.append(message)
            reply = self.answer(message)
            if reply is not None:
                self.send(stream, frame(reply), fin=True)


@asynccontextmanager
async def wire_peer(host: str = "127.0.0.1", identity: NodeIdentity | None = None) -> AsyncIterator[WirePeer]:
    """A started peer at a loopback address of its own."""
    peer = WirePeer(identity or new_identity(), host)
    await peer.start()
    try:
        yield peer
    finally:
        await peer.transport.stop()
