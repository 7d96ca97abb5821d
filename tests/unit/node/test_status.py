"""A node whose threads meet what nobody foresaw: each shows in the status, and none is taken for alive."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from quip.net.actions import Answer, CheckSeals
from quip.net.wire.messages import BlockRequest
from quip.node import startup
from quip.node.config import node_config
from quip.node.config.data_dir import DataFiles
from quip.node.core import NodeCore, open_core
from quip.node.errors import ThreadFailed
from quip.node.mempool_service import MempoolService
from quip.node.mining.setup import MiningSetup, open_mining
from quip.node.network import opening, seal_pool
from quip.node.network.driver import NetworkDriver
from quip.node.process.listeners import listening
from quip.node.rpc_service import RpcService
from quip.node.status import NodeStatus
from quip.rpc.methods.table import PRIVATE

DEADLINE_S = 60


class Node:
    """Everything of a node but its signals."""

    def __init__(self, core: NodeCore, mining: MiningSetup, network: NetworkDriver, status: NodeStatus) -> None:
        self.core = core
        self.mining = mining
        self.network = network
        self.status = status
        self.rpc: RpcService

    def failed(self) -> dict[str, str]:
        """Reasons by thread, as quip_getStatus shows them."""
        return {one["thread"]: one["reason"] for one in self.status.status()["failures"]}

    def counted(self, thread: str) -> float | None:
        return self.core.metrics.registry.get_sample_value("quip_thread_failures_total", {"thread": thread})


@asynccontextmanager
async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Node]:
    monkeypatch.setenv("HOME", str(tmp_path))
    flags = {"listen": "127.0.0.1", "port": 0, "data_dir": tmp_path / "data", "rpc_port": 0, "peer": ["node.example:1"]}
    config = node_config.load({"global": flags, "cpu": {"num_cpus": 1}}, None)
    rules, files = startup.load_rules("test"), DataFiles(tmp_path / "data")
    with contextlib.ExitStack() as stack:
        stack.enter_context(startup.lock_directory(files))
        listeners = stack.enter_context(listening(config))
        transport = opening.open_transport(config, "127.0.0.1", files)
        core = open_core(config, rules, files, stack)
        mining = open_mining(core, None, stack)
        pool = MempoolService(core)
        stack.callback(pool.close)
        network = opening.open_network(core, transport, mining, pool, stack)
        status = NodeStatus(core, mining, network, pool)
        rpc = RpcService(core, status.view(None), listeners)
        await network.start()
        running = asyncio.create_task(network.run())
        await asyncio.sleep(0)
        try:
            node = Node(core, mining, network, status)
            node.rpc = rpc
            yield node
        finally:
            mining.miners.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)


def broken(*_: object, **__: object) -> Any:
    raise RuntimeError("a mistake of ours")


async def test_each_thread_that_fails_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as node:
        assert node.status.status()["failures"] == []
        reason = "RuntimeError: a mistake of ours"

        monkeypatch.setattr(node.network._names, "_look_up", broken)
        node.network._names._due_s = 0.0
        await until(lambda: node.failed().get("names") == reason)

        monkeypatch.setattr(node.network._serving._server, "answer", broken)
        node.network._answer(Answer(1, 4, BlockRequest(node.core.writer.chain.head.hash)))
        await until(lambda: node.failed().get("reading") == reason)

        monkeypatch.setattr(seal_pool, "check_all", broken)
        check: Any = object()
        monkeypatch.setattr(node.network._seals, "_report", lambda checked: None)
        node.network._seals.submit(CheckSeals(1, 1, (check,)))
        await until(lambda: node.failed().get("seals") == reason)

        node.rpc._pool.submit(broken)
        await until(lambda: node.failed().get("rpc") == reason)

        asyncio.get_running_loop().set_exception_handler(node.core.failures.on_loop)
        asyncio.get_running_loop().call_soon(broken)
        await until(lambda: node.failed().get("loop") == reason)

        for thread in ("names", "reading", "seals", "rpc", "loop"):
            assert (node.counted(thread) or 0) >= 1
        assert "quip_thread_failures_total" in page(node)


async def test_a_miner_that_dies_does_not_mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as node:
        assert node.status.status()["idleBecause"] == "mining is off"
        assert PRIVATE["quip_getStatus"] <= node.status.status().keys()
        monkeypatch.setattr(node.core.writer, "accept", broken)
        node.mining.miners.start()
        await until(lambda: not node.status.status()["mining"])
        found = node.status.status()
        assert found["idleBecause"] == "no miner works (CPU-1: RuntimeError: a mistake of ours)"
        await until(lambda: "CPU-1.0" in node.failed())
        (miner,) = node.mining.miners.objects()
        assert miner["trouble"] == "RuntimeError: a mistake of ours"
        assert "quip_mining 0.0" in page(node)


async def test_without_its_chains_thread_a_node_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as node:
        monkeypatch.setattr(node.core.writer.chain, "draft", broken)
        with pytest.raises(RuntimeError):
            node.core.writer.template(b"\1" * 20, b"\2" * 20)
        assert node.failed() == {"chain": "RuntimeError: a mistake of ours"}
        with pytest.raises(ThreadFailed, match="a mistake of ours"):
            await asyncio.wait_for(node.core.writer.run(), DEADLINE_S)


def page(node: Node) -> str:
    """What /metrics shows."""
    from prometheus_client import generate_latest

    node.status.measure()
    return generate_latest(node.core.metrics.registry).decode()
