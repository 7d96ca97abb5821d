"""A liar: speaks the protocol with the nodes' own sessions, and abuses it in one manner (`manners` has them all).

It sees the honest nodes' chains directly, so its lies are always about the newest blocks. When it is banned it comes
back under another node id, for a while.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from quip.chain.chain import Chain
from quip.chain.view import ChainReader
from quip.consensus.types.block import Block
from quip.consensus.types.seal import Seal
from quip.net.actions import Close, CloseCode, Dial
from quip.net.address import Address
from quip.net.chain_server import ChainServer
from quip.net.events import Backlog, Closed, DialFailed, Event, Opened, Received, StreamReset
from quip.net.link import Instant, Purpose
from quip.net.overlay_config import PROTOCOL_VERSION
from quip.net.session.events import Asked, Broken, JoinAsked, PeerEvent
from quip.net.session.session import LocalJoin, PeerSession
from quip.net.wire.codec import decode
from quip.net.wire.messages import (
    BlockRequest,
    BlockResponse,
    BlockSubmit,
    Bodies,
    BodiesRequest,
    HeadClaim,
    HeadersRequest,
    JoinRequest,
    Peers,
    PeersRequest,
    Push,
    Reply,
    Request,
    Seals,
    SealsRequest,
)
from sim.honest.node import SimNode, World
from sim.liars.lies import Forger
from sim.scenario import LiarPlan

REMEMBERED_LIES = 64
LIE_EVERY_S = 4.0
"""Seconds between two lies, on average."""


class Liar(ABC):
    """One host on the network."""

    max_identities = 6
    """Node ids that it uses up, one after the other."""

    def __init__(self, world: World, plan: LiarPlan, nodes: Sequence[SimNode]) -> None:
        self.plan = plan
        self.name = f"liar{plan.number}"
        self.address = plan.address
        self.node_id = b""
        self.lies: Counter[str] = Counter()
        """How many of each kind it told."""
        self._world = world
        self._nodes = nodes
        self._rng = random.Random(f"liar {world.seed} {plan.number}")
        self._forger = Forger(world.spec, world.puzzle, plan.number)
        self._sessions: dict[int, PeerSession] = {}
        self._blocks: dict[bytes, Block] = {}
        """Blocks of its own that it pushed."""
        self._claim: HeadClaim | None = None
        """What it calls its head; None: the best head that an honest node has."""
        self._identities = 0
        self._lying = True

    @abstractmethod
    def lie(self, chain: Chain, now: Instant) -> None:
        """Tell one lie; `chain` is the best that an honest node has."""

    def begin(self) -> None:
        """Join the network."""
        self._new_identity()
        self._world.network.attach(self)
        for node in self._nodes:
            self._dial(node)
        self._world.queue.after(1.0, self._tick)

    def stop_lying(self) -> None:
        """No more of its own accord: some lies are new blocks. What it is asked it still answers as it does."""
        self._lying = False

    def happened(self, event: Event) -> None:
        """An event of the transport."""
        now = self._now()
        match event:
            case Opened():
                session = PeerSession(event.connection, event.link, LocalJoin(self._join), now)
                self._sessions[event.connection] = session
                self._react(event.connection, [], now)
            case Received():
                self._step(event.connection, lambda s: s.received(event.stream, event.data, event.fin, now), now)
            case StreamReset():
                self._step(event.connection, lambda s: s.reset(event.stream, now), now)
            case Backlog():
                self._step(event.connection, lambda s: s.backlog(event.unsent_bytes, now), now)
            case Closed():
                self._closed(event)
            case DialFailed():
                self._dial_later(event.address)

    def admits(self, address: Address) -> bool:
        """Everybody is welcome."""
        del address
        return True

    # --- what its manner may change

    def _answer(self, request: Request) -> Reply | None:
        """The reply to a request; None: there is none."""
        chain = self._known_chain()
        if chain is None:
            return None
        match request:
            case PeersRequest():
                return Peers(())
            case HeadersRequest() | SealsRequest() | BodiesRequest() | BlockRequest():
                encoded = ChainServer(ChainReader(chain)).answer(request)
                return self._alter(request, cast(Reply, decode(encoded.code, encoded.payload)))
        return None

    def _alter(self, request: Request, honest: Reply) -> Reply:
        """What it serves instead of the honest reply: its own blocks, where it is asked for those."""
        match request, honest:
            case SealsRequest(), Seals():
                own = [self._blocks.get(wanted) for wanted in request.hashes[: len(honest.seals)]]
                seals = [block.seal if block else seal for block, seal in zip(own, honest.seals, strict=True)]
                return Seals(tuple(seals))
            case BodiesRequest(), Bodies():
                own = [self._blocks.get(wanted) for wanted in request.hashes[: len(honest.bodies)]]
                bodies = [block.body if block else body for block, body in zip(own, honest.bodies, strict=True)]
                return Bodies(tuple(bodies))
            case BlockRequest(), BlockResponse():
                block = self._blocks.get(request.hash)
                return honest if block is None else BlockResponse(block)
        return honest

    def _respond(self, connection: int, stream: int, reply: Reply) -> None:
        """Send a reply."""
        self._sessions[connection].respond(stream, reply, self._now())

    def _known_chain(self) -> Chain | None:
        """The chain that it answers from."""
        return self._best_chain()

    # --- what manners use

    def _count(self, name: str) -> None:
        self.lies[name] += 1

    def _push_block(self, name: str, block: Block, chain: Chain) -> None:
        """To everybody, and remember it, to serve it on request."""
        self._blocks[block.header.hash] = block
        if len(self._blocks) > REMEMBERED_LIES:
            del self._blocks[next(iter(self._blocks))]
        if block.seal is not None:
            below = chain.tree.context(block.header.parent_hash) or chain.head.context
            self._push(
                name,
                BlockSubmit(block.header, block.seal, below.total_difficulty + block.header.difficulty, block.ommers),
            )

    def _push(self, name: str, message: Push) -> None:
        for session in self._sessions.values():
            if session.push(message, self._now()):
                self._count(name)

    def _best_chain(self) -> Chain | None:
        chains = [node.chain for node in self._nodes if node.up and node.disk.has_power]
        return max(chains, key=lambda chain: chain.head.context.total_difficulty, default=None)

    def _new_identity(self) -> None:
        self._identities += 1
        self.node_id = bytes([self.plan.number, self._identities]) * 16

    def _dial(self, node: SimNode) -> None:
        if self._identities <= self.max_identities:
            self._world.network.perform(self, Dial(node.address, Purpose.OUTBOUND))

    def _head(self, chain: Chain | None) -> HeadClaim:
        if self._claim is not None:
            return self._claim
        if chain is None:
            return HeadClaim(bytes(32), 0, 0)
        head = chain.head
        return HeadClaim(head.hash, head.header.number, head.context.total_difficulty)

    def _now(self) -> Instant:
        return Instant(self._world.queue.now_s, int(self._world.start_unix_s + self._world.queue.now_s))

    # --- connections

    def _step(self, connection: int, step: Callable[[PeerSession], list[PeerEvent]], now: Instant) -> None:
        session = self._sessions.get(connection)
        if session is not None:
            self._react(connection, step(session), now)

    def _react(self, connection: int, events: list[PeerEvent], now: Instant) -> None:
        session = self._sessions[connection]
        for event in events:
            match event:
                case JoinAsked():
                    session.welcome(now)
                case Asked():
                    reply = self._answer(event.request)
                    if reply is not None:
                        self._respond(connection, event.stream, reply)
                case Broken():
                    self._world.network.perform(self, Close(connection, CloseCode.DONE, ""))
        for send in session.drain():
            self._world.network.perform(self, send)

    def _closed(self, event: Closed) -> None:
        self._sessions.pop(event.connection, None)
        if "MISBEHAVED" in event.reason or "BANNED" in event.reason:
            self._new_identity()
        if not self._sessions:
            for node in self._nodes:
                self._dial_later(node.address)

    def _dial_later(self, address: Address) -> None:
        node = next(node for node in self._nodes if node.address == address)
        self._world.queue.after(self._rng.uniform(5, 20), lambda: self._dial(node))

    def _tick(self) -> None:
        now = self._now()
        for connection in list(self._sessions):
            self._step(connection, lambda s: s.tick(now), now)
        if self._lying and self._rng.random() < 1 / LIE_EVERY_S and self._sessions:
            chain = self._best_chain()
            if chain is not None:
                self.lie(chain, now)
            for connection in list(self._sessions):
                self._react(connection, [], now)
        self._world.queue.after(1.0, self._tick)

    def _join(self) -> JoinRequest:
        chain = self._best_chain()
        spec = self._world.spec
        genesis = bytes(32) if chain is None else chain.tree.canonical_hash(0) or bytes(32)
        return JoinRequest(PROTOCOL_VERSION, spec.chain_id, genesis, self._head(chain), self.address, "quip/liar")


def seal_of(block: Block) -> Seal:
    """The block's seal, which it must have."""
    assert block.seal is not None
    return block.seal
