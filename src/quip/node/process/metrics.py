"""Prometheus metrics, in a registry of their own, served on `metrics_port` (off by default)."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quip.rpc.transport.access import LOOPBACK_ONLY, Access

IMPORT_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
DELAY_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """The node's figures; a fresh one holds zeros."""

    def __init__(self, version: str, chain: str) -> None:
        self.registry = CollectorRegistry()
        info = Gauge("quip_build_info", "What runs", ["version", "chain"], registry=self.registry)
        info.labels(version, chain).set(1)
        self.height = Gauge("quip_chain_height", "Number of the head block", registry=self.registry)
        self.head_time = Gauge("quip_chain_head_timestamp_seconds", "The head block's time", registry=self.registry)
        self.level = Gauge("quip_chain_level", "Level of the head block, log2 of its work", registry=self.registry)
        self.total_difficulty = Gauge("quip_chain_total_difficulty", "Work of the chain", registry=self.registry)
        self.blocks = Counter(
            "quip_blocks", "Blocks offered to the chain, by outcome", ["outcome"], registry=self.registry
        )
        self.reorgs = Counter("quip_reorgs", "Times the head moved to another branch", registry=self.registry)
        self.import_s = Histogram(
            "quip_block_import_seconds",
            "Time to verify and store a block",
            registry=self.registry,
            buckets=IMPORT_BUCKETS_S,
        )
        self.mining = Gauge("quip_mining", "1 while miners work", registry=self.registry)
        self.expected_block_s = Gauge(
            "quip_mining_expected_block_seconds",
            "Mean time to a block of this node at its measured speed; 0: unknown",
            registry=self.registry,
        )
        self.luck = Gauge(
            "quip_mining_luck_ratio",
            "Valid sets found over the last 100 blocks per set to be expected; 0: none was, or unknown",
            registry=self.registry,
        )
        self.miner = Gauge("quip_miner", "A miner's own counts", ["miner", "figure"], registry=self.registry)
        self.cancel_s = Histogram(
            "quip_work_cancel_seconds",
            "From a new head to the end of a worker's old work",
            registry=self.registry,
            buckets=DELAY_BUCKETS_S,
        )
        self.rpc = Counter(
            "quip_rpc_requests", "RPC calls, by method and outcome", ["method", "outcome"], registry=self.registry
        )
        self.failures = Counter(
            "quip_thread_failures", "Exceptions that nobody foresaw, by thread", ["thread"], registry=self.registry
        )
        self.network = NetworkMetrics(self.registry)

    def public(self) -> tuple[tuple[str, int], ...]:
        """Counts since the start that peers may know, by name."""
        found = []
        for metric in self.blocks.collect():
            for sample in metric.samples:
                if sample.name == "quip_blocks_total":
                    found.append((f"blocks {sample.labels['outcome']}", int(sample.value)))
        reorgs = self.registry.get_sample_value("quip_reorgs_total") or 0
        return (*sorted(found), ("reorgs", int(reorgs)))


class NetworkMetrics:
    """The figures of peers, sync and propagation."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.peers = Gauge("quip_peers", "Joined peers, by why they were connected", ["direction"], registry=registry)
        self.awaited = Gauge("quip_peers_awaited", "Peers that were named and are not joined", registry=registry)
        self.bytes = Gauge("quip_network_bytes", "Bytes of all peers since the start", ["way"], registry=registry)
        self.bans = Gauge("quip_bans", "Bans in force", registry=registry)
        self.syncing = Gauge("quip_syncing", "1 while blocks are fetched", registry=registry)
        self.target = Gauge("quip_sync_target_height", "Number of the head that is fetched", registry=registry)
        self.verified = Gauge("quip_sync_verified_seals", "Seals verified by syncs", registry=registry)
        self.imported = Gauge("quip_sync_imported_blocks", "Blocks imported by syncs", registry=registry)
        self.block_age_s = Histogram(
            "quip_block_age_seconds",
            "From a peer's block's own time to our head",
            registry=registry,
            buckets=DELAY_BUCKETS_S,
        )
        self.block_delay_s = Histogram(
            "quip_block_delay_seconds",
            "From a peer's block's arrival to our head",
            registry=registry,
            buckets=DELAY_BUCKETS_S,
        )


def application(metrics: Metrics, refresh: Callable[[], None], access: Access = LOOPBACK_ONLY) -> Starlette:
    """The web application with its one page, /metrics; `refresh` sets what nobody sets by itself."""

    def page(request: Request) -> Response:
        refusal = access.refusal(request)
        if refusal is not None:
            return refusal
        refresh()
        return Response(generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/metrics", page)])
