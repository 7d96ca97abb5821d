"""Wiring only: opens everything, connects it, runs one event loop with one task group, and closes it again.

run_node(config)    returns when the node was asked to stop; raises NodeError where it cannot run
"""

import asyncio
import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog

import quip
from quip.chain.errors import IncompleteStore
from quip.chain.events import ChainEvent, HeadChanged
from quip.node import startup
from quip.node.block_log import BlockLog
from quip.node.chain_thread import ChainThread
from quip.node.config.data_dir import DataFiles, files_of
from quip.node.config.node_config import NodeConfig
from quip.node.mining.block_producer import BlockProducer
from quip.node.mining.doppelganger import Doppelganger
from quip.node.mining.miners import Miners
from quip.node.network import opening
from quip.node.network.driver import NetworkDriver, NetworkParts
from quip.node.network.initial_sync import InitialSync, Readiness
from quip.node.process import logs, metrics
from quip.node.process.clock import CLOCK_HINT, ClockWatch
from quip.node.process.gc_tuning import GcTuning
from quip.node.process.listeners import Listeners, listening
from quip.node.process.running_nodes import announced
from quip.node.process.sd_notify import ServiceNotifier
from quip.node.process.version import client_version
from quip.node.startup import Rules
from quip.primitives.address import checksum_address
from quip.rpc.methods.table import table
from quip.rpc.transport import http
from quip.rpc.transport.dispatch import Dispatcher
from quip.rpc.view import NetworkView, NodeView, RpcView
from quip.storage.chain_store import RedbChainStore
from quip.storage.errors import StoreError
from quip.wallet.mining_identity.identity import MiningIdentity

log = structlog.get_logger("quip.node")

TICK_S = 1.0
RPC_THREADS = 4  # enough for local tools; each may hold one proof's baseline
GATE_S = 0.1  # how soon mining begins after the first sync


def run_node(config: NodeConfig) -> None:
    """Run a node until SIGTERM or Ctrl-C. Raises NodeError."""
    logs.configure(config.log_level, config.node_log, config.rpc.access_log)
    rules = startup.load_rules(config.genesis_config)
    files = files_of(config, rules.spec.name)
    with contextlib.ExitStack() as stack:
        stack.enter_context(startup.lock_directory(files))
        listeners = stack.enter_context(listening(config))
        transport = opening.open_transport(config, opening.listening_host(config), files)
        store, chain = startup.open_chain(files, rules)
        stack.callback(store.close)
        clock = ClockWatch()
        counts = metrics.Metrics(quip.__version__, rules.spec.name)
        writer = ChainThread(chain, clock, counts)
        stack.callback(writer.close)
        identity = startup.open_identity(files, rules.spec.chain_id, store, logs.key_progress)
        stack.callback(identity.close)
        beneficiary = startup.payee(config.payout, files, store, identity.miner_id)
        desk = BlockProducer(writer, clock, identity, beneficiary)
        Doppelganger(chain, identity, desk).look_back()
        chain.subscribe(Doppelganger(chain, identity, desk))
        miners = Miners(config, rules, desk, counts)
        trust = opening.open_trust(files.trust)
        stack.callback(trust.close)
        network = NetworkDriver(
            NetworkParts(
                config=config,
                rules=rules,
                transport=transport,
                trust=trust,
                writer=writer,
                clock=clock,
                public=opening.public_address(config),
                has_made=desk.has_made,
                mining=lambda: miners.running and desk.idle_because is None,
                counters=counts.public,
            )
        )
        parts = Parts(
            config=config,
            rules=rules,
            files=files,
            listeners=listeners,
            store=store,
            writer=writer,
            clock=clock,
            counts=counts,
            identity=identity,
            beneficiary=beneficiary,
            desk=desk,
            miners=miners,
            network=network,
        )
        Node(parts, stack).run()


@dataclass(frozen=True, slots=True)
class Parts:
    """What a node is made of."""

    config: NodeConfig
    rules: Rules
    files: DataFiles
    listeners: Listeners
    store: RedbChainStore
    writer: ChainThread
    clock: ClockWatch
    counts: metrics.Metrics
    identity: MiningIdentity
    beneficiary: bytes
    desk: BlockProducer
    miners: Miners
    network: NetworkDriver


class Node:
    """One running node."""

    def __init__(self, parts: Parts, stack: contextlib.ExitStack) -> None:
        self._parts = parts
        self._started = time.monotonic()
        self._stop = asyncio.Event()
        self._collector = GcTuning(self._started)
        self._blocks = BlockLog(parts.network, parts.counts.network, parts.identity.miner_id)
        pool = stack.enter_context(contextlib.closing(_RpcPool()))
        self._rpc = http.LocalServer(self._rpc_application(pool), parts.listeners.rpc)
        self._servers = [self._rpc]
        if parts.listeners.metrics is not None:
            exposed = metrics.application(parts.counts, self._measure)
            self._servers.append(http.LocalServer(exposed, parts.listeners.metrics))
        with startup.explained(parts.files.root):
            stack.enter_context(announced(parts.files.root, self._rpc.url))

    def run(self) -> None:
        """Run until told to stop. Raises NodeError where the store fails, LocalError where the UDP port is taken."""
        failure: BaseException | None = None
        try:
            asyncio.run(self._serve())
        except* (StoreError, IncompleteStore) as group:
            failure = group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        if failure is not None:
            with startup.explained(self._parts.files.root):
                raise failure
        log.info("stopped", head=self._parts.writer.chain.head.header.number)

    async def _serve(self) -> None:
        parts = self._parts
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        notifier = ServiceNotifier()
        unsubscribe = parts.writer.chain.subscribe(self._on_event)
        await parts.network.start()
        self._greet()
        self._collector.settle()
        async with asyncio.TaskGroup() as tasks:
            for one in self._servers:
                tasks.create_task(one.run_until_stopped())
            parts.desk.wait_for(Readiness.WAIT_FOR_PEERS.value)
            jobs = (self._tick(), self._first_sync(), _watchdog(notifier), parts.network.work(), parts.network.beat())
            chores = [tasks.create_task(job) for job in jobs]
            if parts.config.auto_mine:
                parts.miners.start()
            notifier.send("READY=1")
            try:
                await self._stop.wait()
            finally:
                notifier.send("STOPPING=1")
                log.info("stopping")
                parts.desk.close()
                parts.writer.stop_taking()
                await asyncio.to_thread(parts.miners.stop)
                unsubscribe()
                await parts.network.stop()
                for chore in chores:
                    chore.cancel()
                for one in self._servers:
                    one.stop()

    async def _tick(self) -> None:
        parts = self._parts
        while True:
            await asyncio.sleep(TICK_S)
            jump = parts.clock.look()
            if jump is not None:
                log.warning(str(jump), hint=CLOCK_HINT)
                parts.miners.new_head()
            await asyncio.to_thread(parts.writer.tick)
            parts.miners.observe()
            self._collector.tick(time.monotonic())
            self._blocks.look(time.monotonic(), parts.writer.chain.head.header.number)

    async def _first_sync(self) -> None:
        """Let mining begin once the first sync since the start is over."""
        parts = self._parts
        first = InitialSync(time.monotonic())
        while not (verdict := first.look(time.monotonic(), parts.network.progress())).over:
            parts.desk.wait_for(verdict.value)
            await asyncio.sleep(GATE_S)
        parts.desk.wait_for(None)
        head = parts.writer.chain.head.header.number
        if verdict in (Readiness.UNANSWERED, Readiness.FRUITLESS):
            log.warning(
                "not synced", reason=verdict.value, head=head, hint="check --peer; quip peers shows who is there"
            )
        else:
            log.info("synced", head=head, because=verdict.value)

    def _on_event(self, event: ChainEvent) -> None:
        if isinstance(event, HeadChanged):
            self._parts.miners.new_head()
            if not self._parts.desk.has_made(event.new.hash):
                self._parts.miners.lost_race()
            self._blocks.tell(event)

    def _greet(self) -> None:
        parts = self._parts
        head = parts.writer.chain.head
        log.info(
            "node",
            version=quip.__version__,
            chain=parts.rules.spec.name,
            chain_id=parts.rules.spec.chain_id,
            head=head.header.number,
            data_dir=str(parts.files.root),
        )
        log.info("rpc", url=self._rpc.url)
        for one in self._servers[1:]:
            log.info("metrics", url=one.url + "/metrics")
        log.info("network", listen=parts.network.address, node_id=parts.network.node_id, peers=len(parts.config.peers))
        log.info("identity", miner_id=parts.identity.miner_id, payout=checksum_address(parts.beneficiary))
        if not parts.config.auto_mine:
            log.info("not mining", hint="--auto-mine starts it")

    def _rpc_application(self, pool: ThreadPoolExecutor) -> Any:
        parts = self._parts
        view = RpcView(parts.rules.spec, parts.rules.spec_json, parts.rules.puzzle, parts.store, self._view())
        limits = parts.config.rpc
        dispatcher = Dispatcher(
            table(view),
            pool,
            limits.batch_limit,
            lambda method, outcome: parts.counts.rpc.labels(method, outcome).inc(),
        )
        return http.application(dispatcher, limits.body_limit_bytes)

    def _measure(self) -> None:
        self._parts.miners.measure()
        self._parts.network.figures.measure(self._parts.counts.network)

    def _view(self) -> NodeView:
        parts = self._parts
        figures = parts.network.figures
        return NodeView(
            version=client_version(),
            now=parts.clock.now,
            buried=parts.writer.chain.tag,
            pending=lambda: parts.writer.template(parts.beneficiary, parts.identity.miner_id).header,
            status=self._status,
            miners=parts.miners.objects,
            network=NetworkView(
                listening=lambda: True,
                peers=figures.peer_objects,
                syncing=lambda: figures.syncing_object(parts.writer.chain.head.header.number),
            ),
        )

    def _status(self) -> dict[str, Any]:
        parts = self._parts
        return {
            "running": True,
            "pid": os.getpid(),
            "uptime": round(time.monotonic() - self._started, 1),
            "nodeName": parts.config.node_name,
            "dataDir": str(parts.files.root.resolve()),
            "mining": parts.miners.running and parts.desk.idle_because is None,
            "idleBecause": parts.desk.idle_because if parts.miners.running else "mining is off",
            "minerId": "0x" + parts.identity.miner_id.hex(),
            "signaturesLeft": parts.identity.remaining,
            "payout": checksum_address(parts.beneficiary),
            "nodeId": "0x" + parts.network.node_id.hex(),
            "listen": parts.network.address,
        }


class _RpcPool(ThreadPoolExecutor):
    """The threads that answer RPC calls; closing it drops what has not begun."""

    def __init__(self) -> None:
        super().__init__(RPC_THREADS, "rpc")

    def close(self) -> None:
        self.shutdown(cancel_futures=True)


async def _watchdog(notifier: ServiceNotifier) -> None:
    while notifier.watchdog_s is not None:
        notifier.send("WATCHDOG=1")
        await asyncio.sleep(notifier.watchdog_s)
