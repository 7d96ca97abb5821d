"""Wiring only: opens everything in order, lists the services, runs them on one event loop, and closes everything again.

run_node(config)    returns when the node was asked to stop; raises NodeError where it cannot run
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import structlog

import quip
from quip.chain.errors import IncompleteStore
from quip.node import startup
from quip.node.block_log import BlockLog
from quip.node.config.data_dir import files_of
from quip.node.config.node_config import NodeConfig
from quip.node.core import NodeCore, open_core
from quip.node.developer.developer_chain import DeveloperChain
from quip.node.directory_check import check_private, warn_of_losses
from quip.node.mempool_service import MempoolService
from quip.node.metrics_service import MetricsService
from quip.node.mining.mining_service import MiningService
from quip.node.mining.setup import MiningSetup, open_mining
from quip.node.network import opening
from quip.node.network.driver import NetworkDriver
from quip.node.process import logs, signals
from quip.node.process.clock_service import ClockService
from quip.node.process.failures import Failures
from quip.node.process.gc_tuning import GcTuning
from quip.node.process.listeners import listening
from quip.node.process.running_nodes import announced
from quip.node.process.sd_notify import ServiceNotifier
from quip.node.rpc_service import RpcService
from quip.node.service import Service, run_services
from quip.node.status import NodeStatus
from quip.primitives.address import checksum_address
from quip.storage.errors import StoreError

log = structlog.get_logger("quip.node")


def run_node(config: NodeConfig) -> None:
    """Run a node until SIGTERM or Ctrl-C. Raises NodeError; LocalError where the UDP port is taken."""
    logs.configure(config.log_level, config.node_log, config.rpc.access_log)
    rules = startup.load_rules(config.genesis_config)
    files = files_of(config, rules.spec.name)
    with contextlib.ExitStack() as stack:
        stack.enter_context(startup.lock_directory(files))
        check_private(files)
        warn_of_losses(files, own_wallet=config.payout is None)
        listeners = stack.enter_context(listening(config))
        transport = opening.open_transport(config, opening.listening_host(config), files)
        core = open_core(config, rules, files, stack)
        mining = open_mining(core, config.payout, stack)
        pool = MempoolService(core)
        stack.callback(pool.close)
        developer = DeveloperChain(core, mining, pool) if config.mine_on_demand else None
        network = opening.open_network(core, transport, mining, pool, stack)
        status = NodeStatus(core, mining, network, pool)
        rpc = RpcService(core, status.view(developer), listeners)
        with startup.explained(files.root):
            stack.enter_context(announced(files.root, rpc.url))

        def greet() -> None:
            _greet(core, mining, network, rpc)

        listed: list[Service] = [rpc, pool]
        if listeners.metrics is not None:
            listed.append(MetricsService(core.metrics, status.measure, listeners.metrics, listeners.metrics_access))
        listed += services(core, mining, network, developer)
        try:
            asyncio.run(_serve(core.failures, network, listed, greet))
        except (StoreError, IncompleteStore):
            with startup.explained(files.root):
                raise
        log.info("stopped", head=core.writer.chain.head.header.number)


def services(
    core: NodeCore, mining: MiningSetup, network: NetworkDriver, developer: DeveloperChain | None
) -> list[Service]:
    """What runs beside the RPC and the metrics, in the order of their start; they stop the other way round."""
    return [
        network,
        BlockLog(network, core.metrics.network, mining.identity.miner_id, core.writer.chain),
        developer or MiningService(mining, core, network),
        core.writer,
        ClockService(core.clock, core.time, mining.miners.new_head),
        GcTuning(),
        ServiceNotifier(),
    ]


async def _serve(
    failures: Failures, network: NetworkDriver, listed: Sequence[Service], greet: Callable[[], None]
) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(failures.on_loop)
    signals.handle(asyncio.get_running_loop(), stop.set, logs.reopen)
    await network.start()
    greet()
    await run_services(listed, stop)


def _greet(core: NodeCore, mining: MiningSetup, network: NetworkDriver, rpc: RpcService) -> None:
    spec = core.rules.spec
    log.info(
        "node",
        version=quip.__version__,
        chain=spec.name,
        chain_id=spec.chain_id,
        head=core.writer.chain.head.header.number,
        data_dir=str(core.files.root),
    )
    log.info("rpc", url=rpc.url)
    log.info("network", listen=network.address, node_id=network.node_id, peers=len(core.config.peers))
    log.info("identity", miner_id=mining.identity.miner_id, payout=checksum_address(mining.beneficiary))
