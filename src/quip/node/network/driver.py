"""The network's shell: sockets, threads and the clock around the overlay, which decides everything.

    transport, jobs, chain, timer --event--> queue -> overlay.handle -> actions -> transport, jobs, log

All of it runs on the event loop but the jobs themselves: seal checks (seal_pool), imports (the chain's thread), answers
(serving_pool), name look-ups. The queue stays short: a loop that has no time to handle events has none to read
datagrams either, and what the system then drops, QUIC sends again.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from random import SystemRandom

import structlog

import quip
from quip.chain.events import ChainEvent, HeadChanged
from quip.chain.view import ChainReader
from quip.consensus.block_validation import SealCheck
from quip.net.actions import Action, Answer, CheckSeals, Close, Dial, GrantBudget, ImportBlocks, Log, ResetStream, Send
from quip.net.address import Address
from quip.net.chain_server import ChainServer
from quip.net.events import (
    Answered,
    BlocksImported,
    Closed,
    DialFailed,
    Event,
    HeadMoved,
    PolicyChanged,
    Received,
    Tick,
)
from quip.net.limits import MAX_UNSENT_TOTAL
from quip.net.link import Instant
from quip.net.overlay.overlay import Overlay
from quip.net.overlay_config import OverlayConfig
from quip.net.peers.trust_db import TrustDb
from quip.net.quic.endpoint import EndpointConfig, QuicEndpoint
from quip.networks.network import Network
from quip.node.chain_thread import ChainThread, Outcome
from quip.node.config.node_config import NodeConfig
from quip.node.mempool_service import MempoolService
from quip.node.network.initial_sync import Progress, progress_of
from quip.node.network.limited_log import LimitedLog
from quip.node.network.peer_resolver import PeerResolver
from quip.node.network.seal_pool import SealPool
from quip.node.network.serving_pool import ServingPool
from quip.node.network.stats import NetworkStats
from quip.node.process.clock import ClockWatch
from quip.node.process.failures import Failures
from quip.primitives.bounded_dict import BoundedDict

log = structlog.get_logger("quip.net")

TICK_S = 0.1  # the finest timeout of the overlay is a second
POLICY_S = 1.0  # how soon an edit of bans, pins or manual peers takes effect
TURN_S = 0.01  # how long events are handled before others have their turn
QUEUED_EVENTS = 2_048  # above this nobody else has a turn: no datagram is read before the queue is short again
ENOUGH_PEERS = 3  # with fewer, bootnodes are dialled too; peers tell each other of the rest
SEEN_BLOCKS = 1_024  # hashes with their sender and time of arrival, for the log and the metrics


@dataclass(frozen=True, slots=True)
class NetworkParts:
    """What the network of one node is made of."""

    config: NodeConfig
    rules: Network
    transport: EndpointConfig
    trust: TrustDb
    writer: ChainThread
    clock: ClockWatch
    public: Address | None
    """Where others can dial this node; port 0 is replaced by the real one."""
    has_made: Callable[[bytes], bool]
    """True for the hash of a block that this node's miners made."""
    mining: Callable[[], bool]
    counters: Callable[[], tuple[tuple[str, int], ...]]
    failures: Failures
    pool: MempoolService | None = None
    """None: neither fetches transactions nor tells of any."""


def bootnodes_of(config: NodeConfig, rules: Network) -> tuple[str, ...]:
    """Those that the operator gave (none, if he gave an empty list), else those of the shipped network."""
    return rules.bootnodes if config.bootnodes is None else config.bootnodes


@dataclass(frozen=True, slots=True)
class Seen:
    """Where and when a block was first seen."""

    connection: int
    monotonic_s: float


class NetworkDriver:
    """Owns transport, overlay and jobs. `start`, then `run`; all on one loop."""

    def __init__(self, parts: NetworkParts) -> None:
        self._parts = parts
        self._view = ChainReader(parts.writer.chain)
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._failure: BaseException | None = None
        self._seen: BoundedDict[bytes, Seen] = BoundedDict(SEEN_BLOCKS)
        known = parts.trust.addresses()
        self._knew_peers = bool(parts.trust.anchors() or known)
        self._met = bool(parts.trust.anchors()) or any(one.tried for one in known)
        self._bootnodes = bootnodes_of(parts.config, parts.rules)
        self._named: tuple[str, ...] = ()
        self._log = LimitedLog(clock=parts.clock.monotonic)
        self.figures = NetworkStats()

    async def start(self) -> None:
        """Open the socket. Raises UdpPortError."""
        parts = self._parts
        loop = self._loop = asyncio.get_running_loop()
        self._transport = QuicEndpoint(parts.transport, self.take, self._admits)
        await self._transport.start()
        self._names = PeerResolver(loop, self._reaches)
        self._name_peers()
        network = parts.config.network
        setup = OverlayConfig(
            node_id=parts.transport.identity.node_id,
            agent=f"quip/{quip.__version__}",
            public=self._public(),
            manual=lambda: self._names.addresses,
            heartbeat_interval_s=network.heartbeat_interval_s,
            heartbeat_timeout_s=network.heartbeat_timeout_s,
            mining=parts.mining,
            counters=parts.counters,
        )
        self._overlay = Overlay(setup, self._view, parts.trust, SystemRandom(), parts.pool)
        if parts.pool is not None:
            parts.pool.tell = lambda event: self._later(lambda: self.take(event))
        self._serving = ServingPool(ChainServer(self._view), self.take, parts.failures)
        self._seals = SealPool(parts.rules.spec, parts.rules.puzzle, self.take, parts.failures)
        self._unsubscribe = parts.writer.chain.subscribe(self._on_chain)
        self._refresh()

    @property
    def address(self) -> str:
        """Where it listens."""
        return str(Address(self._transport.host, self._transport.port))

    @property
    def node_id(self) -> bytes:
        """This node's own, 32 bytes."""
        return self._parts.transport.identity.node_id

    @property
    def has_met(self) -> bool:
        """True if a peer joined, now or in an earlier run."""
        return self._met

    def progress(self) -> Progress:
        """What the first sync is judged by. On the loop."""
        overlay = self._overlay
        expected = bool(overlay.awaited) or self._names.unresolved
        peers = overlay.peers(self._now())
        return progress_of(peers, overlay.sync_state, expected=expected, known=self._knew_peers)

    def seen(self, block_hash: bytes) -> Seen | None:
        """Who sent a block first, and when; None for one's own, and for those of a sync. From any thread."""
        return self._seen.get(block_hash)

    def take(self, event: Event) -> None:
        """Something happened. On the loop."""
        self._events.append(event)
        self._wake.set()

    async def run(self) -> None:
        """Handle events and tell the time until cancelled; then say goodbye. Call `start` first."""
        beating = asyncio.create_task(self.beat())
        beating.add_done_callback(self._ended)
        try:
            await self.work()
        finally:
            beating.cancel()
            await self.stop()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled():
            self._failure = self._failure or task.exception()
            self._wake.set()

    async def work(self) -> None:
        """Handle events until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._failure is not None:
                raise self._failure
            until = time.monotonic() + TURN_S
            while self._events:
                self._handle(self._events.popleft())
                if time.monotonic() > until and len(self._events) < QUEUED_EVENTS:
                    await asyncio.sleep(0)
                    until = time.monotonic() + TURN_S

    async def beat(self) -> None:
        """Tell the time until cancelled, and look whether the operator changed anything."""
        policy_s = 0.0
        while True:
            now_s = self._loop.time()
            if now_s >= policy_s:
                policy_s = now_s + POLICY_S
                self._look_at_policy()
            self._names.tick(now_s)
            self._refresh()
            self.take(Tick())
            await asyncio.sleep(TICK_S)

    async def stop(self) -> None:
        """Say goodbye, close everything. What is under way in the chain's thread is not waited for."""
        self._stopping = True
        self._unsubscribe()
        for action in self._overlay.stop(self._now()):
            self._carry_out(action)
        await self._transport.stop()
        self._seals.close()
        self._serving.close()

    def _handle(self, event: Event) -> None:
        if self._stopping:  # the overlay has said goodbye
            return
        if isinstance(event, DialFailed):
            self._names.lost(event.address)
        elif isinstance(event, Closed):
            self._serving.forget(event.connection)
        began_s = time.thread_time()
        for action in self._overlay.handle(event, self._now()):
            self._carry_out(action)
        if isinstance(event, Received):
            self._transport.charge(event.connection, time.thread_time() - began_s)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Send() | ResetStream() | Close() | Dial() | GrantBudget():
                self._transport.perform(action)
            case CheckSeals(connection=connection, checks=checks):
                if len(checks) == 1 and isinstance(checks[0], SealCheck):
                    self._note_arrival(checks[0].hash, checks[0].checked.header.number, connection)
                self._seals.submit(action)
            case ImportBlocks(job=job, blocks=blocks, admission=admission):
                done = self._parts.writer.submit(blocks, admission)
                done.add_done_callback(lambda found: self._imported(job, found))
            case Answer():
                self._answer(action)
            case Log(level=level, event=event, fields=fields):
                self._log.write(level, event, **dict(fields))

    def _imported(self, job: int, found: "Future[list[Outcome]]") -> None:
        self._later(lambda: self._take_import(job, found))

    def _take_import(self, job: int, found: "Future[list[Outcome]]") -> None:
        if found.cancelled():
            return
        if found.exception() is None:  # else the chain's thread has failed, and with it the node ends
            self.take(BlocksImported(job, tuple(found.result())))

    def _answer(self, question: Answer) -> None:
        connection = question.connection
        crowded = self._transport.unsent_bytes > MAX_UNSENT_TOTAL
        if crowded and (self._transport.unsent_to(connection) or self._serving.holds(connection)):
            self.take(Answered(connection, question.stream, None))  # who reads what he asked for gets it, one by one
        else:
            self._serving.submit(question)

    def _on_chain(self, event: ChainEvent) -> None:
        """In the chain's thread."""
        if isinstance(event, HeadChanged):
            moved = HeadMoved(event.old, event.new, event.depth, self._parts.has_made(event.new.hash))
            self._later(lambda: self.take(moved))

    def _later(self, call: Callable[[], None]) -> None:
        """From any thread: run it on the loop, unless the node stops."""
        if not self._stopping and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _note_arrival(self, block_hash: bytes, number: int, connection: int) -> None:
        if block_hash not in self._seen:
            self._seen[block_hash] = Seen(connection, time.monotonic())
            # Not limited: who makes us log it has paid with the work of a header's gate.
            log.debug("block received", number=number, hash=block_hash, peer=self.figures.address_of(connection))

    def _look_at_policy(self) -> None:
        trust, now = self._parts.trust, self._parts.clock.now()
        if trust.changed():
            self.take(PolicyChanged())
        self._name_peers()
        self.figures.note_bans(sum(ban.until_unix_s > now for ban in trust.bans()))

    def _name_peers(self) -> None:
        """Whom to dial in any case: the operator's peers, and the network's bootnodes while there is hardly anybody."""
        few = len(self.figures.now.peers) < ENOUGH_PEERS
        named = (*self._parts.config.peers, *self._parts.trust.manual(), *(self._bootnodes if few else ()))
        if named != self._named:
            self._named = named
            self._names.name(named)

    def _refresh(self) -> None:
        overlay = self._overlay
        head = self._view.head.header.number
        self.figures.refresh(overlay.peers(self._now()), overlay.sync_state, overlay.awaited, head)
        self._met = self._met or bool(self.figures.now.peers)

    def _admits(self, address: Address) -> bool:
        return self._overlay.admits(address, self._now())

    def _now(self) -> Instant:
        return Instant(self._parts.clock.monotonic(), self._parts.clock.now())

    def _public(self) -> Address | None:
        public = self._parts.public
        return Address(public.host, public.port or self._transport.port) if public else None

    def _reaches(self, address: Address) -> bool:
        """Can the socket send to that family? :: takes both."""
        host = self._parts.transport.host
        return host == "::" or (":" in host) == (":" in address.host)
