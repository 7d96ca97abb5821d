"""The one thread that changes the chain. Everybody else hands it blocks, or asks it for a template.

Verification is native and lets go of the interpreter, so the event loop stays free while a block is checked.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import structlog

from quip.chain.chain import Accepted, Chain, Status
from quip.chain.errors import IncompleteStore
from quip.chain.events import ChainEvent, HeadChanged
from quip.chain.template import Template
from quip.consensus.block import Block
from quip.consensus.errors import ConsensusError, FutureBlock
from quip.node.clock import CLOCK_HINT, ClockWatch
from quip.node.metrics import Metrics
from quip.storage.errors import StoreError, StoreFull

log = structlog.get_logger("quip.chain")

LEVEL_ONE = 1 << 16
STALL_HINT = "free some space on the disk; the node goes on by itself"


class ChainThread:
    """Serialises `accept` and `template`. All methods may be called from any thread but its own."""

    def __init__(self, chain: Chain, clock: ClockWatch, metrics: Metrics) -> None:
        self.chain = chain
        self._clock = clock
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(1, "chain")
        self._stalled: Block | None = None
        chain.subscribe(self._on_event)
        self._show_head()

    @property
    def stalled(self) -> bool:
        """True while the disk is full: blocks are not taken, reads go on."""
        return self._stalled is not None

    def accept(self, block: Block) -> Accepted | None:
        """Verify and store a block; None where it is refused (the log says why). Blocks until done."""
        return self._pool.submit(self._accept, block).result()

    def template(self, beneficiary: bytes, miner_id: bytes) -> Template:
        """The block to mine on the head now."""
        return self._pool.submit(self.chain.template, beneficiary, miner_id, self._clock.now()).result()

    def tick(self) -> None:
        """Once a second: try again what came too early, or did not fit the disk."""
        self._pool.submit(self._tick).result()

    def close(self) -> None:
        """Finish what is under way and stop the thread."""
        self._pool.shutdown()

    def _tick(self) -> None:
        waiting, self._stalled = self._stalled, None
        if waiting is not None and self._accept(waiting, retry=True) is not None:
            log.info("the disk has room again")
        for block in self.chain.future.due(self._clock.now()):
            self._accept(block)

    def _accept(self, block: Block, retry: bool = False) -> Accepted | None:
        started = time.monotonic()
        try:
            accepted = self.chain.accept(block, self._clock.now())
        except FutureBlock as error:
            self._refused("future", block, error, CLOCK_HINT)
        except ConsensusError as error:
            self._refused("invalid", block, error)
        except StoreFull as error:
            self._stalled = block
            if not retry:
                self._refused("disk full", block, error, STALL_HINT)
        except (StoreError, IncompleteStore) as error:
            self._refused("store", block, error, "stop the node and run: quip db check")
        else:
            self._metrics.blocks.labels(accepted.status.value).inc()
            if accepted.status is not Status.KNOWN:
                self._metrics.import_s.observe(time.monotonic() - started)
            return accepted
        return None

    def _refused(self, outcome: str, block: Block, error: Exception, hint: str | None = None) -> None:
        self._metrics.blocks.labels(outcome).inc()
        more = {} if hint is None else {"hint": hint}
        log.warning("block refused", number=block.header.number, rule=type(error).__name__, reason=str(error), **more)

    def _on_event(self, event: ChainEvent) -> None:
        if not isinstance(event, HeadChanged):
            return
        self._show_head()
        if event.depth:
            self._metrics.reorgs.inc()
            log.warning("the chain moved to another branch", left=event.depth, head=event.new.hash)

    def _show_head(self) -> None:
        head = self.chain.head
        self._metrics.height.set(head.header.number)
        self._metrics.head_time.set(head.header.timestamp)
        self._metrics.total_difficulty.set(head.context.total_difficulty)
        self._metrics.level.set(self.chain.requirements(head.header.timestamp + 1).level / LEVEL_ONE)
