"""What the node itself answers of the RPC's questions: how it fares, whom it talks to, what it would mine."""

import os
import time
from dataclasses import replace
from typing import Any

from quip.chain.events import HeadChanged
from quip.node.core import NodeCore
from quip.node.developer.developer_chain import DeveloperChain
from quip.node.mempool_service import MempoolService
from quip.node.mining.setup import MiningSetup
from quip.node.network.alone import ALONE, ALONE_HINT, is_alone
from quip.node.network.driver import NetworkDriver
from quip.node.process.version import client_version, developer_version
from quip.primitives.address import checksum_address
from quip.rpc.encoding import data
from quip.rpc.news import News
from quip.rpc.view import NetworkView, NodeView


class NodeStatus:
    """Reads; any thread may ask."""

    def __init__(self, core: NodeCore, mining: MiningSetup, network: NetworkDriver, pool: MempoolService) -> None:
        self._pool = pool
        self._core = core
        self._mining = mining
        self._network = network
        self._started_s = time.monotonic()

    def view(self, developer: DeveloperChain | None) -> NodeView:
        """The node's side of the RPC; `developer`: where blocks are made on demand."""
        core, mining, figures = self._core, self._mining, self._network.figures
        news = News()
        core.writer.chain.subscribe(lambda event: news.tell() if isinstance(event, HeadChanged) else None)
        pool = self._pool.view()
        return NodeView(
            version=developer_version() if developer else client_version(),
            now=developer.clock.block_time if developer else core.clock.now,
            buried=core.writer.chain.tag,
            pending=lambda: core.writer.template(mining.beneficiary, mining.identity.miner_id),
            status=self.status,
            miners=mining.miners.objects,
            news=news,
            pool=replace(pool, submit=developer.submit) if developer else pool,
            developer=developer.view() if developer else None,
            network=NetworkView(
                listening=lambda: True,
                peers=figures.peer_objects,
                syncing=lambda: figures.syncing_object(core.writer.chain.head.header.number),
            ),
        )

    def status(self) -> dict[str, Any]:
        """The node's part of quip_getStatus."""
        core, mining = self._core, self._mining
        idle = mining.idle_because
        return {
            "running": True,
            "pid": os.getpid(),
            "uptime": round(time.monotonic() - self._started_s, 1),
            "nodeName": core.config.node_name,
            "dataDir": str(core.files.root.resolve()),
            "mining": idle is None,
            **self._idle(idle),
            "warnings": self._warnings(),
            **mining.miners.outlook(),
            "minerId": data(mining.identity.miner_id),
            "signaturesLeft": mining.identity.remaining,
            "payout": checksum_address(mining.beneficiary),
            "failures": core.failures.objects(),
            "nodeId": data(self._network.node_id),
            "listen": self._network.address,
        }

    def _idle(self, reason: str | None) -> dict[str, str | None]:
        if reason is None:
            return {"idleBecause": None, "idleHint": None}
        details = dict(self._mining.producer.idle_details)
        hint = details.pop("hint", None)
        said = "".join(f"; {name.replace('_', ' ')}: {value}" for name, value in details.items())
        return {"idleBecause": reason + said, "idleHint": hint}

    def _warnings(self) -> list[str]:
        """What an operator has to know, though the node goes on."""
        alone = self._mining.miners.running and is_alone(self._core.rules, self._network)
        return [f"{ALONE}; {ALONE_HINT}"] if alone else []

    def measure(self) -> None:
        """Set the metrics that are not counted as they happen."""
        self._mining.miners.measure()
        self._network.figures.measure(self._core.metrics.network)
