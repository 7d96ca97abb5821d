"""Mining as a service: lets it begin after the first sync, follows the head, and ends it."""

import asyncio
import time
from collections.abc import Callable

import structlog

from quip.chain.chain import Chain
from quip.chain.events import ChainEvent, HeadChanged
from quip.node.mining.setup import MiningSetup
from quip.node.network.initial_sync import InitialSync, Progress, Readiness

log = structlog.get_logger("quip.mining")

OBSERVE_S = 1.0
GATE_S = 0.1  # how soon mining begins after the first sync


class MiningService:
    """Runs the miners where the node shall mine; keeps the first sync's gate in any case."""

    def __init__(self, setup: MiningSetup, chain: Chain, progress: Callable[[], Progress], auto_mine: bool) -> None:
        self._producer = setup.producer
        self._miners = setup.miners
        self._chain = chain
        self._progress = progress
        self._auto_mine = auto_mine

    async def run(self) -> None:
        """Until cancelled; returns when the miners' threads have ended."""
        self._producer.wait_for(Readiness.WAIT_FOR_PEERS.value)
        unsubscribe = self._chain.subscribe(self._on_event)
        gate = asyncio.create_task(self._first_sync())
        if self._auto_mine:
            self._miners.start()
        else:
            log.info("not mining", hint="--auto-mine starts it")
        try:
            while True:
                await asyncio.sleep(OBSERVE_S)
                self._miners.observe()
                if gate.done():
                    gate.result()
        finally:
            gate.cancel()
            self._producer.close()
            await asyncio.to_thread(self._miners.stop)
            unsubscribe()

    async def _first_sync(self) -> None:
        """Let mining begin once the first sync since the start is over."""
        first = InitialSync(time.monotonic())
        while not (verdict := first.judge(time.monotonic(), self._progress())).over:
            self._producer.wait_for(verdict.value)
            await asyncio.sleep(GATE_S)
        self._producer.wait_for(None)
        head = self._chain.head.header.number
        if verdict in (Readiness.UNANSWERED, Readiness.FRUITLESS):
            log.warning(
                "not synced", reason=verdict.value, head=head, hint="check --peer; quip peers shows who is there"
            )
        else:
            log.info("synced", head=head, fetched=first.fetched, because=verdict.value)

    def _on_event(self, event: ChainEvent) -> None:
        """In the chain's thread."""
        if isinstance(event, HeadChanged):
            self._miners.new_head()
            self._miners.block_passed(max(event.new.header.number - event.old.header.number, 0))
            if not self._producer.has_made(event.new.hash):
                self._miners.lost_race()
