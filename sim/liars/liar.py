"""A liar: speaks the protocol with the nodes' own sessions, and abuses it in one manner.

It sees the honest nodes' chains directly, so its lies are always about the newest blocks. When it is banned it comes
back under another node id, for a while.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from quip.chain.chain import Chain
from quip.chain.view import ChainReader
from quip.consensus.types.block import Block
from quip.consensus.types.header import Header
from quip.consensus.types.seal import Seal
from quip.net.actions import Close, CloseCode, Dial, Send
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
    Gossip,
    HeadClaim,
    Headers,
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
from sim.liars.branches import fake_headers, grown_branch
from sim.liars.lies import LIES, TRANSACTION, Forger, flip, with_seal
from sim.scenario import LiarPlan, Manner

MAX_IDENTITIES = 6
"""Node ids that a liar uses up, one after the other."""
REMEMBERED_LIES = 64
CLAIMED_FACTOR = 1_000
FAR_AHEAD = 1_000
"""Blocks above its own head that a boaster claims."""
DRIP_S = 8.0
"""Between two seals of a boaster: an answer within the time for answers."""
CROWD = 24
"""Identities of a liar who comes in numbers."""
FAILING_EXECUTION = ("transactions", "state root", "receipts root", "logs bloom", "used gas")
"""Lies that are seen only when the block is executed."""
OLD_BLOCKS = 12
"""How far below the head side blocks are put."""
GARBAGE_BYTES = 3_000
UNTOLD_S = 4.0
"""Seconds between two lies, on average."""


class Liar:
    """One host on the network."""

    def __init__(self, world: World, plan: LiarPlan, nodes: Sequence[SimNode]) -> None:
        self.plan = plan
        self.name = f"liar{plan.number}"
        self.address = plan.address
        self.node_id = b""
        self.lies = 0
        """Told so far."""
        self.told: Counter[str] = Counter()
        self._world = world
        self._nodes = nodes
        self._rng = random.Random(f"liar {world.seed} {plan.number}")
        self._forger = Forger(world.spec, world.puzzle, plan.number)
        self._sessions: dict[int, PeerSession] = {}
        self._blocks: dict[bytes, Block] = {}
        self._fakes: tuple[Header, ...] = ()
        self._claim: HeadClaim | None = None
        self._own: Chain | None = None
        self._identities = 0
        self._lying = True

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
                self._after(event.connection, [], now)
            case Received():
                self._step(event.connection, lambda s: s.received(event.stream, event.data, event.fin, now), now)
            case StreamReset():
                self._step(event.connection, lambda s: s.reset(event.stream, now), now)
            case Backlog():
                self._step(event.connection, lambda s: s.backlog(event.unsent_bytes, now), now)
            case Closed():
                self._closed(event)
            case DialFailed():
                self._again(event.address)

    def admits(self, address: Address) -> bool:
        """Everybody is welcome."""
        del address
        return True

    def _step(self, connection: int, step, now: Instant) -> None:  # type: ignore[no-untyped-def]
        session = self._sessions.get(connection)
        if session is not None:
            self._after(connection, step(session), now)

    def _after(self, connection: int, events: list[PeerEvent], now: Instant) -> None:
        session = self._sessions[connection]
        for event in events:
            match event:
                case JoinAsked():
                    session.welcome(now)
                case Asked():
                    reply = self._answer(event.request)
                    if reply is not None and isinstance(reply, Seals) and self.plan.manner is Manner.DRIP:
                        self._drip(connection, event.stream, reply)
                    elif reply is not None:
                        session.respond(event.stream, reply, now)
                case Broken():
                    self._world.network.perform(self, Close(connection, CloseCode.DONE, ""))
        for send in session.drain():
            self._world.network.perform(self, send)

    def _drip(self, connection: int, stream: int, reply: Seals) -> None:
        """One good seal, just in time."""
        self._told("drop")
        one = Seals(reply.seals[:1])
        later = lambda: self._step(connection, lambda s: s.respond(stream, one, self._now()), self._now())  # noqa: E731
        self._world.queue.after(DRIP_S, later)

    def _closed(self, event: Closed) -> None:
        self._sessions.pop(event.connection, None)
        if "MISBEHAVED" in event.reason or "BANNED" in event.reason:
            self._new_identity()
        if not self._sessions:
            for node in self._nodes:
                self._again(node.address)

    def _again(self, address: Address) -> None:
        node = next(node for node in self._nodes if node.address == address)
        self._world.queue.after(self._rng.uniform(5, 20), lambda: self._dial(node))

    def _dial(self, node: SimNode) -> None:
        if self._identities <= (CROWD if self.plan.manner is Manner.CROWD else MAX_IDENTITIES):
            self._world.network.perform(self, Dial(node.address, Purpose.OUTBOUND))

    def _new_identity(self) -> None:
        self._identities += 1
        self.node_id = bytes([self.plan.number, self._identities]) * 16

    # ---- lying

    def _tick(self) -> None:
        now = self._now()
        for connection in list(self._sessions):
            self._step(connection, lambda s: s.tick(now), now)
        if self._lying and self._rng.random() < 1 / UNTOLD_S and self._sessions:
            self._lie(now)
            for connection, session in list(self._sessions.items()):
                self._after(connection, [], now)
                del session
        self._world.queue.after(1.0, self._tick)

    def _lie(self, now: Instant) -> None:
        chain = self._teacher()
        if chain is None:
            return
        match self.plan.manner:
            case Manner.MUTANTS:
                name = self._rng.choice(list(LIES))
                self._push(name, LIES[name].make(self._forger, self._forger.child(chain, now.unix_s)), chain)
            case Manner.WITNESSES:
                self._push_wrong_seal(chain)
            case Manner.CLAIMS:
                self._fabricate(chain, now)
            case Manner.GARBAGE:
                self._send_garbage()
            case Manner.EARLY:
                ahead_s = self._world.spec.difficulty.future_limit + self._rng.randrange(5, 60)
                self._push("early", self._forger.child(chain, now.unix_s + ahead_s), chain)
            case Manner.SIDES:
                depth = self._rng.randrange(1, OLD_BLOCKS)
                self._push("side", self._forger.sibling(chain, depth, self._rng.randrange(1, 4)), chain)
            case Manner.SILENCE:
                self._announce(chain, now)
            case Manner.DRIP:
                self._boast(chain, now)
            case Manner.CROWD:
                self._crowd(chain)
            case Manner.TWINS:
                self._push_twins(chain, now)
            case Manner.FRAME:
                self._frame(chain, now)

    def _push(self, name: str, block: Block, chain: Chain) -> None:
        self._blocks[block.header.hash] = block
        if len(self._blocks) > REMEMBERED_LIES:
            del self._blocks[next(iter(self._blocks))]
        if block.seal is None:
            return
        below = chain.tree.context(block.header.parent_hash) or chain.head.context
        total = below.total_difficulty + block.header.difficulty
        message = BlockSubmit(block.header, block.seal, total)
        for session in self._sessions.values():
            if session.push(message, self._now()):
                self._told(name)

    def _push_wrong_seal(self, chain: Chain) -> None:
        block = chain.block_by_hash(chain.head.hash)
        if block is None or block.seal is None:
            return
        wrong = with_seal(Block(block.header, (), block.seal), xmss_signature=flip(block.seal.xmss_signature, -1))
        parent = chain.tree.context(block.header.parent_hash)
        total = (parent.total_difficulty if parent else 0) + block.header.difficulty
        assert wrong.seal is not None
        for session in self._sessions.values():
            if session.push(BlockSubmit(wrong.header, wrong.seal, total), self._now()):
                self._told("wrong seal")

    def _announce(self, chain: Chain, now: Instant) -> None:
        """So that they ask."""
        for session in self._sessions.values():
            if session.push(Gossip((self._head(chain),)), now):
                self._told("announced")

    def _fabricate(self, chain: Chain, now: Instant) -> None:
        """Much work, if anybody had done it."""
        made = fake_headers(self._forger, chain, now.unix_s)
        if made is not None:
            self._fakes, work = made
            tip = self._fakes[-1]
            self._claim = HeadClaim(tip.hash, tip.number, work * CLAIMED_FACTOR)
            self._told("claim")

    def _boast(self, chain: Chain, now: Instant) -> None:
        """A branch with real work behind it, said to be a thousand times as much."""
        if self._own is None:
            self._own = grown_branch(self._forger, chain, now.unix_s)
            head = self._own.head
            work = chain.head.context.total_difficulty * CLAIMED_FACTOR
            self._claim = HeadClaim(self._rng.randbytes(32), head.header.number + FAR_AHEAD, work)
            self._told("boast")

    def _crowd(self, chain: Chain) -> None:
        """One more identity on every node, each with the same boast."""
        head = chain.head
        if self._claim is None:
            work = head.context.total_difficulty * CLAIMED_FACTOR
            self._claim = HeadClaim(self._rng.randbytes(32), head.header.number + FAR_AHEAD, work)
        if self._identities < CROWD:
            self._new_identity()
            self._told("identity")
            for node in self._nodes:
                self._dial(node)

    def _push_twins(self, chain: Chain, now: Instant) -> None:
        """A good block, and again under other seals, in any order: the hash is the same for all of them."""
        block = self._forger.child(chain, now.unix_s)
        wrong = with_seal(block, xmss_signature=flip(_sealed(block).xmss_signature, -1))
        total = chain.head.context.total_difficulty + block.header.difficulty
        for session in self._sessions.values():
            for twin in self._rng.sample((block, wrong, block, wrong), 4):
                if session.push(BlockSubmit(twin.header, _sealed(twin), total), now):
                    self._told("twin")

    def _frame(self, chain: Chain, now: Instant) -> None:
        """Have somebody else say what is wrong: one node alone hears it, and of it those that it tells."""
        session = self._rng.choice(list(self._sessions.values()))
        head = chain.head
        match self._rng.randrange(3):
            case 0:  # only the execution fails: it is relayed before that
                name = self._rng.choice(FAILING_EXECUTION)
                block = LIES[name].make(self._forger, self._forger.child(chain, now.unix_s))
                total = head.context.total_difficulty + block.header.difficulty
                message: Push = BlockSubmit(block.header, _sealed(block), total)
            case 1:  # a real block under another number and work
                message = Gossip((HeadClaim(head.hash, head.header.number + 1, head.context.total_difficulty * 2),))
            case _:  # the next block, of whose total work it says too much
                block = self._forger.child(chain, now.unix_s)
                message = BlockSubmit(block.header, _sealed(block), head.context.total_difficulty * 2)
        if session.push(message, now):
            self._told("framed")

    def _send_garbage(self) -> None:
        connection = self._rng.choice(list(self._sessions))
        data = self._rng.randbytes(self._rng.randrange(1, GARBAGE_BYTES))
        stream = self._rng.choice((0, 1, 2, 3, 4, 5, 8, 9, 400, 401))
        self._world.network.perform(self, Send(connection, stream, data, self._rng.random() < 0.5))
        self._told("garbage")

    def _answer(self, request: Request) -> Reply | None:
        chain = self._own or self._teacher()
        manner = self.plan.manner
        if chain is None:
            return None
        withheld = manner is Manner.CLAIMS and isinstance(request, SealsRequest)
        if withheld or manner in (Manner.SILENCE, Manner.CROWD):
            self._told("silence")
            return None
        match request:
            case PeersRequest():
                return Peers(())
            case HeadersRequest() | SealsRequest() | BodiesRequest() | BlockRequest():
                encoded = ChainServer(ChainReader(chain)).answer(request)
                honest = cast(Reply, decode(encoded.code, encoded.payload))
                return self._twisted(request, honest)
        return None

    def _twisted(self, request: Request, honest: Reply) -> Reply:
        match request, honest:
            case HeadersRequest(), Headers() if self.plan.manner is Manner.CLAIMS and self._fakes:
                self._told("fake headers")
                return Headers(self._fakes[: request.limit])
            case SealsRequest(), Seals():
                own = [self._blocks.get(wanted) for wanted in request.hashes[: len(honest.seals)]]
                seals = [block.seal if block else seal for block, seal in zip(own, honest.seals, strict=True)]
                if self.plan.manner is Manner.WITNESSES and seals and seals[-1] is not None:
                    self._told("served seal")
                    seals[-1] = replace(seals[-1], ecdsa_signature=flip(seals[-1].ecdsa_signature, 7))
                return Seals(tuple(seals))
            case BodiesRequest(), Bodies():
                if self.plan.manner is Manner.WITNESSES:
                    self._told("served body")
                    return Bodies(tuple((TRANSACTION,) for _ in honest.bodies))
                owned = [self._blocks.get(wanted) for wanted in request.hashes[: len(honest.bodies)]]
                bodies = [
                    block.transactions if block else body for block, body in zip(owned, honest.bodies, strict=True)
                ]
                return Bodies(tuple(bodies))
            case BlockRequest(), BlockResponse():
                return self._twisted_block(request, honest)
        return honest

    def _twisted_block(self, request: BlockRequest, honest: BlockResponse) -> Reply:
        own = self._blocks.get(request.hash)
        if own is not None:
            return BlockResponse(own)
        if self.plan.manner is Manner.WITNESSES and honest.block is not None:
            self._told("served block")
            return BlockResponse(replace(honest.block, transactions=(TRANSACTION,)))
        return honest

    # ---- what it knows

    def _told(self, name: str) -> None:
        self.lies += 1
        self.told[name] += 1

    def _join(self) -> JoinRequest:
        chain = self._teacher()
        spec = self._world.spec
        genesis = bytes(32) if chain is None else chain.tree.canonical_hash(0) or bytes(32)
        return JoinRequest(PROTOCOL_VERSION, spec.chain_id, genesis, self._head(chain), self.address, "quip/liar")

    def _head(self, chain: Chain | None) -> HeadClaim:
        if self._claim is not None:
            return self._claim
        if chain is None:
            return HeadClaim(bytes(32), 0, 0)
        head = chain.head
        return HeadClaim(head.hash, head.header.number, head.context.total_difficulty)

    def _teacher(self) -> Chain | None:
        chains = [node.chain for node in self._nodes if node.up and node.disk.has_power]
        return max(chains, key=lambda chain: chain.head.context.total_difficulty, default=None)

    def _now(self) -> Instant:
        return Instant(self._world.queue.now_s, int(self._world.start_unix_s + self._world.queue.now_s))


def _sealed(block: Block) -> Seal:
    assert block.seal is not None
    return block.seal
