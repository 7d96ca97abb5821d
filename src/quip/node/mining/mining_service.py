"""Mining as a service: lets it begin after the first sync, follows the head, and ends it."""

import asyncio
import time
from typing import Protocol

import structlog

from quip.chain.events import ChainEvent, HeadChanged
from quip.networks.shipped import DEFAULT_NETWORK
from quip.node.core import NodeCore
from quip.node.mining.setup import MiningSetup
from quip.node.network.alone import (
    ALONE,
    ALONE_HINT,
    OLD_GENESIS,
    OLD_GENESIS_HINT,
    Acquaintance,
    is_alone,
    is_old,
)
from quip.node.network.initial_sync import InitialSync, Progress, Readiness
from quip.node.process.clock import as_duration, utc
from quip.node.process.clock_memory import far_ahead

log = structlog.get_logger("quip.mining")

OBSERVE_S = 1.0
GATE_S = 0.1  # how soon mining begins after the first sync


class MiningNetwork(Acquaintance, Protocol):
    """The network, as mining waits for it (NetworkDriver)."""

    def progress(self) -> Progress:
        """What the first sync is judged by."""


class MiningService:
    """Runs the miners where the node shall mine; keeps the first sync's gate in any case."""

    def __init__(self, setup: MiningSetup, core: NodeCore, network: MiningNetwork) -> None:
        self._producer = setup.producer
        self._miners = setup.miners
        self._core = core
        self._chain = core.writer.chain
        self._network = network
        self._auto_mine = core.config.auto_mine
        self._told_alone = False
        self._began_empty = self._chain.head.header.number == 0

    async def run(self) -> None:
        """Until cancelled; returns when the miners' threads have ended."""
        self._producer.wait_for(Readiness.WAIT_FOR_PEERS.value)
        unsubscribe = self._chain.subscribe(self._on_event)
        gate = asyncio.create_task(self._first_sync())
        if self._auto_mine:
            if self._core.rules.spec.name != DEFAULT_NETWORK:
                log.info("the coins of this network are worth nothing", network=self._core.rules.spec.name)
            self._miners.start()
        else:
            log.info("not mining", hint="--auto-mine starts it")
        try:
            while True:
                await asyncio.sleep(OBSERVE_S)
                self._miners.observe()
                if self._miners.running and self._producer.idle_because is None:
                    self._warn_if_alone()
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
        while not (verdict := first.judge(time.monotonic(), self._network.progress())).over:
            self._producer.wait_for(verdict.value)
            await asyncio.sleep(GATE_S)
        if self._auto_mine:
            self._check_clock()
        self._producer.wait_for(None)
        head = self._chain.head.header.number
        if verdict in (Readiness.UNANSWERED, Readiness.FRUITLESS):
            log.warning(
                "not synced", reason=verdict.value, head=head, hint="check --peer; quip peers shows who is there"
            )
        else:
            log.info("synced", head=head, fetched=first.fetched, because=verdict.value)

    def _check_clock(self) -> None:
        """Before the first block: a clock years off makes blocks that the right one will refuse for years.

        What peers have sent by now counts, as their blocks are the head. Genesis does not: its time is of no clock.
        """
        head = self._chain.head.header
        now, remembered = self._core.clock.now(), self._core.time.newest
        known = far_ahead(now, head.timestamp if head.number else None, remembered)
        if known is not None:
            log.warning(
                "the clock is far ahead of all that is known here: if it is wrong, stop now",
                clock=utc(now),
                newest_known=utc(known),
                gap=as_duration(now - known),
                hint="check the date: blocks with a wrong one go only by quip db rewind. If it is right, all is well",
            )

    def _warn_if_alone(self) -> None:
        if not self._told_alone and is_alone(self._core.rules, self._network):
            self._told_alone = True
            log.warning(ALONE, hint=ALONE_HINT)
            if self._began_empty and is_old(self._core.rules, self._core.clock.now()):
                genesis = utc(self._core.rules.spec.genesis.timestamp)
                log.warning(OLD_GENESIS, genesis=genesis, hint=OLD_GENESIS_HINT)

    def _on_event(self, event: ChainEvent) -> None:
        """In the chain's thread."""
        if isinstance(event, HeadChanged):
            self._miners.new_head()
            self._miners.block_passed(max(event.new.header.number - event.old.header.number, 0))
            if not self._producer.has_made(event.new.hash):
                self._miners.lost_race()
