"""The one thread that changes the chain. Everybody else hands it blocks, or asks it for a template.

Verification is native and lets go of the interpreter, so the event loop stays free while a block is checked.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeAlias, TypeVar

import structlog

from quip.chain.batch import YOUNG_BRANCHES, Admission
from quip.chain.chain import Accepted, Chain, Status
from quip.chain.errors import IncompleteStore
from quip.chain.events import ChainEvent, HeadChanged
from quip.chain.template import Template
from quip.consensus.block_validation import CompleteBlock
from quip.consensus.errors.header import FutureBlock
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.block import Block
from quip.consensus.types.header import Header
from quip.consensus.types.transaction import SignedTransaction
from quip.node.errors import ThreadFailed
from quip.node.process.clock import CLOCK_HINT, ClockWatch
from quip.node.process.failures import described
from quip.node.process.metrics import Metrics
from quip.storage.errors import StoreError, StoreFull

log = structlog.get_logger("quip.chain")

TICK_S = 1.0
DEEP_REORG = 3  # blocks; two miners often find a block at once, three times in a row is worth a look

LEVEL_ONE = 1 << 16
FORESEEN = (StoreError, IncompleteStore)
"""What may come out of the thread where nothing is wrong with the program: the disk, or what lies on it."""
STALL_HINT = "free some space on the disk; the node goes on by itself"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

Outcome: TypeAlias = Accepted | ConsensusError | None
"""None: not taken through no fault of the block (the disk is full, the node stops)."""


@dataclass(frozen=True, slots=True)
class _Offer:
    """Blocks to be accepted together."""

    blocks: tuple[Block | CompleteBlock, ...]
    admission: Admission = YOUNG_BRANCHES


Candidates: TypeAlias = Callable[[Header], Sequence[SignedTransaction]]
"""Transactions for a block with a header like this one, the most wanted first."""


def no_candidates(header: Header) -> Sequence[SignedTransaction]:
    """None at all."""
    del header
    return ()


class ChainThread:
    """Serialises `accept`, `submit` and what `template` reads. All methods may be called from any thread but its own.

    `pool` runs one thing at a time, in order; by default a thread of its own.
    """

    def __init__(self, chain: Chain, clock: ClockWatch, metrics: Metrics, pool: Executor | None = None) -> None:
        self.chain = chain
        self.candidates: Candidates = no_candidates
        """Where a template's transactions come from."""
        self.block_time: Callable[[], int] = clock.now
        """Unix seconds that a template is stamped with, where its parent is older."""
        self._clock = clock
        self._metrics = metrics
        self._pool = pool or ThreadPoolExecutor(1, "chain")
        self._stalled: _Offer | None = None
        self._closing = False
        self._failure: BaseException | None = None
        chain.subscribe(self._on_event)
        self._show_head()

    @property
    def stalled(self) -> bool:
        """True while the disk is full: blocks are not taken, reads go on."""
        return self._stalled is not None

    async def run(self) -> None:
        """Once a second try again what came too early, or did not fit the disk. Once cancelled, no block is taken.

        Raises ThreadFailed once the thread met what nobody foresaw: whoever waits for its blocks would wait for ever.
        """
        try:
            while True:
                await asyncio.sleep(TICK_S)
                if self._failure is None:
                    await asyncio.wait([asyncio.wrap_future(self._do(self._tick))])
                if self._failure is not None:
                    raise ThreadFailed("chain", self._failure)
        finally:
            self.stop_taking()

    def accept(self, block: Block) -> Accepted | None:
        """Verify and store a block; None where it is refused (the log says why). Blocks until done."""
        (outcome,) = self._do(self._take, _Offer((block,))).result()
        return outcome if isinstance(outcome, Accepted) else None

    def submit(
        self, blocks: Sequence[Block | CompleteBlock], admission: Admission = YOUNG_BRANCHES
    ) -> Future[list[Outcome]]:
        """Accept blocks, in order, in one durable transaction, some time soon.

        The outcomes come in order; refusals are logged.
        """
        return self._do(self._take, _Offer(tuple(blocks), admission))

    def template(self, beneficiary: bytes, miner_id: bytes) -> Template:
        """The block to mine on the head now. Its transactions are tried in the caller's thread: blocks are accepted
        meanwhile."""
        draft = self._do(self.chain.draft, beneficiary, miner_id, self.block_time()).result()
        return draft.build(self.candidates(draft.setting.header))

    def tick(self) -> None:
        """Once a second: try again what came too early, or did not fit the disk."""
        self._do(self._tick).result()

    def stop_taking(self) -> None:
        """From now on blocks are not taken: what is queued ends at once."""
        self._closing = True

    def close(self) -> None:
        """Finish what is under way and stop the thread."""
        self._pool.shutdown()

    def _do(
        self, job: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        done = self._pool.submit(job, *args, **kwargs)
        done.add_done_callback(self._look)
        return done

    def _look(self, done: Future[Any]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None and not isinstance(error, FORESEEN) and self._failure is None:
            self._failure = error
            log.critical("the chain's thread failed", reason=described(error), exc_info=error)

    def _tick(self) -> None:
        waiting, self._stalled = self._stalled, None
        if waiting is not None:
            self._take(waiting, retry=True)
            if self._stalled is None:
                log.info("the disk has room again")
        if self._stalled is None and (due := self.chain.due(self._clock.now())):
            self._take(_Offer(tuple(due)))  # one offer: if the disk is full, all of them are tried again

    def _take(self, offer: _Offer, retry: bool = False) -> list[Outcome]:
        nothing: list[Outcome] = [None] * len(offer.blocks)
        if self._closing:
            return nothing
        started = time.monotonic()
        try:
            outcomes = self.chain.accept_many(offer.blocks, self._clock.now(), offer.admission)
        except StoreFull as error:
            self._stalled = self._stalled or offer
            if not retry:
                self._refused("disk full", offer.blocks[0], error, STALL_HINT)
            return nothing
        except (StoreError, IncompleteStore) as error:
            self._refused("store", offer.blocks[0], error, "stop the node and run: quip db check")
            return nothing
        each_s = (time.monotonic() - started) / max(len(outcomes), 1)
        for block, outcome in zip(offer.blocks, outcomes, strict=True):
            self._count(block, outcome, each_s)
        return list(outcomes)

    def _count(self, block: Block | CompleteBlock, outcome: Accepted | ConsensusError, each_s: float) -> None:
        if isinstance(outcome, FutureBlock):
            self._refused("future", block, outcome, CLOCK_HINT)
        elif isinstance(outcome, ConsensusError):
            self._refused("invalid", block, outcome)
        else:
            self._metrics.blocks.labels(outcome.status.value).inc()
            if outcome.status is not Status.KNOWN:
                self._metrics.import_s.observe(each_s)

    def _refused(self, outcome: str, block: Block | CompleteBlock, error: Exception, hint: str | None = None) -> None:
        self._metrics.blocks.labels(outcome).inc()
        more = {} if hint is None else {"hint": hint}
        log.warning("block refused", number=block.header.number, rule=type(error).__name__, reason=str(error), **more)

    def _on_event(self, event: ChainEvent) -> None:
        if not isinstance(event, HeadChanged):
            return
        self._show_head()
        if event.depth:
            self._metrics.reorgs.inc()
            level = logging.INFO if event.depth < DEEP_REORG else logging.WARNING
            log.log(level, "the chain moved to another branch", left=event.depth, head=event.new.hash)

    def _show_head(self) -> None:
        head = self.chain.head
        self._metrics.height.set(head.header.number)
        self._metrics.head_time.set(head.header.timestamp)
        self._metrics.total_difficulty.set(head.context.total_difficulty)
        self._metrics.level.set(self.chain.requirements(head.header.timestamp + 1).level / LEVEL_ONE)
