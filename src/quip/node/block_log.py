"""What people read of the chain's growth: a line for each new block, and while a sync runs one every few seconds."""

import asyncio
import time
from typing import Protocol

import structlog

from quip.chain.chain import Chain
from quip.chain.events import ChainEvent, HeadChanged
from quip.node.network.driver import Seen
from quip.node.network.stats import NetworkStats
from quip.node.process.metrics import NetworkMetrics

log = structlog.get_logger("quip.node")

LOOK_S = 1.0
PROGRESS_S = 5.0  # between two lines while a sync runs


class SyncProgress(Protocol):
    """What the lines need to know of the network (NetworkDriver)."""

    figures: NetworkStats

    def seen(self, block_hash: bytes) -> Seen | None:
        """Who sent a block first, and when."""


class BlockLog:
    """`tell` in the chain's thread, `look` once a second on the loop; `run` does both."""

    def __init__(self, network: SyncProgress, counts: NetworkMetrics, miner_id: bytes, chain: Chain) -> None:
        self._network = network
        self._counts = counts
        self._miner_id = miner_id
        self._chain = chain
        self._told_s: float | None = None
        self._syncing = False
        self._imported = 0
        self._reported_s = 0.0
        self._reported = 0

    async def run(self) -> None:
        """Until cancelled."""
        unsubscribe = self._chain.subscribe(self._on_event)
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                self.look(time.monotonic(), self._chain.head.header.number)
        finally:
            unsubscribe()

    def _on_event(self, event: ChainEvent) -> None:
        if isinstance(event, HeadChanged):
            self.tell(event)

    def tell(self, event: HeadChanged) -> None:
        """The head moved. Blocks that a sync brings by the batch are left to `look`."""
        header = event.new.header
        steps = header.number - event.old.header.number
        if steps > 1 and not event.depth:
            return
        fields: dict[str, object] = {}
        now_s, before_s = time.monotonic(), self._told_s
        self._told_s = now_s
        if steps == 1 and header.number > 1:  # genesis was never mined
            if before_s is not None:
                fields["after_s"] = round(now_s - before_s, 1)
            fields["stamped_after_s"] = header.timestamp - event.old.header.timestamp
        if event.depth:
            fields["depth"] = event.depth
        seen = self._network.seen(event.new.hash)
        if seen is not None:
            fields["peer"] = self._network.figures.address_of(seen.connection) or "gone"
            self._counts.block_delay_s.observe(time.monotonic() - seen.monotonic_s)
            self._counts.block_age_s.observe(max(0.0, time.time() - header.timestamp))
        mine = header.miner_id == self._miner_id
        log.info(
            "block",
            number=header.number,
            hash=event.new.hash,
            **fields,
            work=header.difficulty,
            miner="this node" if mine else "0x" + header.miner_id.hex(),
        )

    def look(self, now_s: float, head: int) -> None:
        """How a sync fares. `now_s`: monotonic; `head`: number of the own head."""
        sync = self._network.figures.now.sync
        syncing = sync is not None and sync.syncing and sync.target is not None
        if syncing and not self._syncing:
            self._reported_s, self._reported = now_s, head
        elif not syncing:
            imported = sync.imported if sync is not None else 0
            if imported > self._imported + 1:  # a single one has a line of its own
                log.info("sync ended", head=head, fetched=imported - self._imported)
            self._imported = imported
        elif now_s - self._reported_s >= PROGRESS_S and sync is not None and sync.target is not None:
            speed = (head - self._reported) / (now_s - self._reported_s)
            self._reported_s, self._reported = now_s, head
            log.info(
                "syncing",
                head=head,
                target=sync.target.number,
                seals=sync.verified,
                blocks_per_s=round(speed, 1),
                peers=len(self._network.figures.now.peers),
            )
        self._syncing = syncing
