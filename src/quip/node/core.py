"""What every service of a node stands on."""

import contextlib
from dataclasses import dataclass

import quip
from quip.networks.network import Network
from quip.node import startup
from quip.node.chain_thread import FORESEEN, ChainThread
from quip.node.config.data_dir import DataFiles
from quip.node.config.node_config import NodeConfig
from quip.node.process.clock import ClockWatch
from quip.node.process.clock_memory import ClockMemory
from quip.node.process.failures import Failures, WatchedPool
from quip.node.process.metrics import Metrics
from quip.storage.chain_store import RedbChainStore


@dataclass(frozen=True, slots=True)
class NodeCore:
    """Configuration, rules, chain and clock of one node, and where its figures are counted."""

    config: NodeConfig
    rules: Network
    files: DataFiles
    store: RedbChainStore
    writer: ChainThread
    clock: ClockWatch
    metrics: Metrics
    failures: Failures
    time: ClockMemory


def open_core(config: NodeConfig, rules: Network, files: DataFiles, stack: contextlib.ExitStack) -> NodeCore:
    """Open the chain; `stack` closes it. Raises DataDirError."""
    store, chain = startup.open_chain(files, rules, config.archive)
    stack.callback(store.close)
    clock = ClockWatch()
    metrics = Metrics(quip.__version__, rules.spec.name)
    failures = Failures(lambda thread: metrics.failures.labels(thread).inc())
    stack.enter_context(failures.watching_threads())
    writer = ChainThread(chain, clock, metrics, WatchedPool(1, "chain", failures, FORESEEN))
    stack.callback(writer.close)
    return NodeCore(config, rules, files, store, writer, clock, metrics, failures, ClockMemory(files.clock))
