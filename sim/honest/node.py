"""One simulated node: the node's own parts, carried by a fake clock, network and disk.

It does what node/network/driver.py does with sockets and threads: hands events to the overlay and carries its actions
out.
Checks of seals and imports really happen, at the moment at which the modelled processor would have finished them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from quip.chain.chain import Chain
from quip.chain.events import ChainEvent, HeadChanged
from quip.chain.view import ChainReader
from quip.consensus.block_validation import Rules, check_seals
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from quip.consensus.work.units import work
from quip.ising.puzzle import Puzzle
from quip.net.actions import Action, Answer, CheckSeals, Close, Dial, GrantBudget, ImportBlocks, Log, ResetStream, Send
from quip.net.address import Address
from quip.net.chain_server import ChainServer
from quip.net.events import Answered, BlocksImported, Event, HeadMoved, SealsChecked, Tick
from quip.net.overlay.overlay import Overlay
from quip.net.overlay_config import OverlayConfig
from quip.node.chain_thread import ChainThread
from quip.node.mining.block_producer import BlockProducer
from quip.node.network.initial_sync import InitialSync, progress_of
from quip.node.process.metrics import Metrics
from sim.event_log import EventLog, summary
from sim.honest.history import import_all
from sim.honest.mempool import SimPool
from sim.honest.mining import SimMiner
from sim.world.clock import EventQueue, NodeClock
from sim.world.disk import NodeDisk
from sim.world.network import FakeNetwork

P = ParamSpec("P")
T = TypeVar("T")

TICK_S = 1.0
SEAL_CHECK_S = 0.004
"""What the modelled processor takes for one seal."""
IMPORT_S = 0.003
"""And for the import of one block."""
READING_S = 0.002


class AtOnce(Executor):
    """Runs what is submitted before `submit` returns."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result, already there; what `fn` raises goes straight through."""
        done: Future[T] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@dataclass(frozen=True, slots=True)
class World:
    """What all nodes share."""

    queue: EventQueue
    network: FakeNetwork
    log: EventLog
    spec: ChainSpec
    puzzle: Puzzle
    start_unix_s: int
    seed: int


@dataclass(frozen=True, slots=True)
class SimNodePlan:
    """What a node is before anything happens to it."""

    name: str
    number: int
    address: Address
    share: float
    """Of the hash rate; 0: it does not mine."""
    manual: tuple[Address, ...]

    @property
    def node_id(self) -> bytes:
        """As if its key had been hashed."""
        return bytes([self.number]) * 32


class _Life:
    """Everything of a node that a crash destroys."""

    def __init__(self, node: SimNode, number: int) -> None:
        world, plan = node.world, node.plan
        self.number = number
        self.busy_s = 0.0
        watch = node.clock.watch()
        self.watch = watch
        self.chain = Chain.open(world.spec, node.disk.open_store(), world.puzzle)
        self.thread = ChainThread(self.chain, watch, Metrics("sim", world.spec.name), AtOnce())
        identity = node.disk.open_identity()
        self.producer = BlockProducer(self.thread, watch, identity, plan.address.host.encode().rjust(20, b"\0"))
        self.first_sync = InitialSync(world.queue.now_s)
        self.knew_peers = bool(node.disk.peers.addresses() or node.disk.peers.anchors())
        self.producer.wait_for("the first sync")
        view = ChainReader(self.chain)
        self.chain_server = ChainServer(view)
        rng = random.Random(f"{world.seed}/{plan.name}/{number}")
        setup = OverlayConfig(
            agent="quip/sim",
            public=plan.address,
            node_id=plan.node_id,
            manual=lambda: plan.manual,
            mining=lambda: plan.share > 0,
        )
        self.mempool = SimPool(world.spec, lambda event: node.later(0.0, lambda: node.happened(event)))
        self.overlay = Overlay(setup, view, node.disk.peers, rng, self.mempool)
        self.miner: SimMiner | None = None
        if plan.share > 0:
            self.miner = SimMiner(node.later, rng, self.producer, world.puzzle, node.pace)


class SimNode:
    """One honest node. `boot` first; `crash` and `boot` as often as the faults say."""

    def __init__(self, world: World, plan: SimNodePlan, disk: NodeDisk) -> None:
        self.world = world
        self.plan = plan
        self.disk = disk
        self.name = plan.name
        self.address = plan.address
        self.node_id = plan.node_id
        self.clock = NodeClock(world.queue, world.start_unix_s)
        self.crashes = 0
        self.counts: Counter[str] = Counter()
        """What befell it, for the oracle."""
        self._frozen_until_s = 0.0
        self._lives = 0
        self._life: _Life | None = None

    @property
    def up(self) -> bool:
        """Whether it runs."""
        return self._life is not None

    @property
    def chain(self) -> Chain:
        """Its chain; only while it is up."""
        return self._alive().chain

    @property
    def overlay(self) -> Overlay:
        """Its network machine; only while it is up."""
        return self._alive().overlay

    @property
    def mempool(self) -> SimPool:
        """Its transaction pool; only while it is up."""
        return self._alive().mempool

    def pace(self) -> float:
        """Seconds between its own blocks, on average, at the work in force now."""
        rules = self.world.spec.difficulty
        needed = self.chain.requirements(int(self.clock.wall_s())).work
        return rules.target_block_time * needed / work(rules.start) / self.plan.share

    def boot(self) -> None:
        """Start, with whatever is on the disk."""
        self._lives += 1
        self._life = life = _Life(self, self._lives)
        life.chain.subscribe(self._on_chain)
        if life.miner is not None:
            life.miner.start()
        self.world.network.attach(self)
        self.world.log.add(self.name, f"boots at block {life.chain.head.header.number}")
        self.later(TICK_S * random.Random(self.plan.number).random(), self._tick)

    def prepare(self, blocks: tuple[Block, ...]) -> None:
        """Lay a history on its disk, before it first boots."""
        import_all(Chain.open(self.world.spec, self.disk.open_store(), self.world.puzzle), blocks)
        self.disk.close()

    def crash(self, keep_seed: int) -> None:
        """Die without a word."""
        life = self._alive()
        self.world.log.add(self.name, "crashes")
        self.crashes += 1
        if life.miner is not None:
            life.miner.stop()
        self.world.network.detach(self)
        self.disk.crash(keep_seed)
        self._life = None

    def freeze(self, until_s: float) -> None:
        """Stand still until a time, as a suspended machine does; what arrives meanwhile waits."""
        self._frozen_until_s = until_s

    def shut_down(self) -> None:
        """The end of the run."""
        self.stop_mining()
        self.world.network.detach(self)
        self.disk.close()
        self._life = None

    def stop_mining(self) -> None:
        """No more blocks from here."""
        if self._life is not None and self._life.miner is not None:
            self._life.miner.stop()

    def happened(self, event: Event) -> None:
        """An event for the overlay."""
        self._check_power()
        life = self._life
        if life is None:
            return
        if self.world.queue.now_s < self._frozen_until_s:
            self.counts["frozen"] += 1
            self.later(0.0, lambda: self.happened(event))
            return
        self.world.log.add(self.name, summary(event))
        for action in life.overlay.handle(event, self.clock.instant()):
            self.world.log.add(self.name, summary(action))
            self._perform(life, action)

    def admits(self, address: Address) -> bool:
        """What the overlay says."""
        return self.overlay.admits(address, self.clock.instant())

    def _perform(self, life: _Life, action: Action) -> None:
        match action:
            case Dial() | Send() | ResetStream() | Close():
                self.world.network.perform(self, action)
            case CheckSeals():
                self._work(life, SEAL_CHECK_S * len(action.checks), lambda: self._checked(action))
            case ImportBlocks():
                self._work(life, IMPORT_S * len(action.blocks), lambda: self._imported(life, action))
            case Answer():
                self.later(READING_S, lambda: self._answered(life, action))
            case Log() | GrantBudget():
                pass

    def _checked(self, action: CheckSeals) -> None:
        rules = Rules(self.world.spec, self.world.puzzle)
        verdicts = check_seals(rules, action.checks)
        self.happened(SealsChecked(action.job, tuple(verdicts)))

    def _imported(self, life: _Life, action: ImportBlocks) -> None:
        done = life.thread.submit(action.blocks, action.admission)
        self._check_power()
        if self._life is life:
            self.happened(BlocksImported(action.job, tuple(done.result())))

    def _answered(self, life: _Life, action: Answer) -> None:
        self.happened(Answered(action.connection, action.stream, life.chain_server.answer(action.request)))

    def _on_chain(self, event: ChainEvent) -> None:
        life = self._life
        if not isinstance(event, HeadChanged) or life is None:
            return
        if life.miner is not None:
            life.miner.new_head()
        mined = life.producer.has_made(event.new.hash)
        self._count(event, mined)
        moved = HeadMoved(event.old, event.new, event.depth, mined)
        self.later(0.0, lambda: self.happened(moved))

    def _count(self, event: HeadChanged, mined: bool) -> None:
        self.counts["deepest reorganisation"] = max(self.counts["deepest reorganisation"], event.depth)
        true_now = self.world.start_unix_s + self.world.queue.now_s
        if mined and event.new.header.timestamp > true_now + self.world.spec.difficulty.future_limit:
            self.counts["blocks ahead"] += 1
        self.counts["mined"] += mined

    def _tick(self) -> None:
        life = self._alive()
        life.watch.look()
        life.thread.tick()
        self.counts["stalled"] += life.thread.stalled
        self._check_power()
        if self._life is life:
            self.happened(Tick())
            self._check_first_sync(life)
            self.later(TICK_S, self._tick)

    def _check_first_sync(self, life: _Life) -> None:
        """May it mine yet? The node's own rule."""
        overlay = life.overlay
        peers = overlay.peers(self.clock.instant())
        progress = progress_of(peers, overlay.sync_state, expected=bool(overlay.awaited), known=life.knew_peers)
        verdict = life.first_sync.judge(self.world.queue.now_s, progress)
        life.producer.wait_for(None if verdict.over else verdict.value)

    def _check_power(self) -> None:
        """A store that lost its power in the middle of a commit: the machine is off."""
        if self._life is not None and not self.disk.has_power:
            self.crash(0)

    def _work(self, life: _Life, seconds: float, done: Callable[[], None]) -> None:
        """One processor does one thing after the other."""
        life.busy_s = max(life.busy_s, self.world.queue.now_s) + seconds
        self.later(life.busy_s - self.world.queue.now_s, done)

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """In a while, unless it crashes before; while it is frozen nothing is done."""
        life = self._life

        def if_alive() -> None:
            self._check_power()
            if self._life is life and self.world.queue.now_s < self._frozen_until_s:
                self.counts["frozen"] += 1
                self.world.queue.at(self._frozen_until_s, if_alive)
            elif self._life is life:
                call()

        self.world.queue.after(delay_s, if_alive)

    def _alive(self) -> _Life:
        if self._life is None:
            raise RuntimeError(f"{self.name} is down")
        return self._life
