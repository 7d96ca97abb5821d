"""Blocks on demand: a transaction that is sent is in the head's block when its sender hears of it.

    RPC threads --submit, mine--> one thread: template, proof, seal, commit --> the caller goes on

Nothing is mined by time, unless an interval was set.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from typing import ParamSpec

import structlog

from quip.consensus.types.block import Block
from quip.node.core import NodeCore
from quip.node.developer.accounts import DeveloperAccounts
from quip.node.developer.block_maker import BlockMaker
from quip.node.developer.clock import DeveloperClock
from quip.node.mempool_service import MempoolService
from quip.node.mining.setup import MiningSetup
from quip.node.process.failures import WatchedPool
from quip.rpc.developer_view import DeveloperView
from quip.rpc.errors import CallFailed, RpcError
from quip.storage.errors import StoreError

log = structlog.get_logger("quip.mining")

PATIENCE_S = 10.0
"""So long a sender waits for its block; then it hears the hash alone."""
LOOK_S = 0.05
"""How soon an interval that was set is noticed."""
STOPPING = "the node stops"

Arguments = ParamSpec("Arguments")


class DeveloperChain:
    """Makes blocks when they are asked for. Every method may be called from any thread but its own."""

    def __init__(self, core: NodeCore, mining: MiningSetup, pool: MempoolService) -> None:
        self._core = core
        self._pool = pool
        self._submit_to_pool = pool.view().submit
        chain = core.writer.chain
        self.clock = DeveloperClock(
            core.clock.now, lambda: chain.head.header.timestamp, chain.spec.difficulty.future_limit
        )
        core.writer.block_time = self.clock.block_time
        self._maker = BlockMaker(core.writer, core.rules, mining)
        self._producer = mining.producer
        self._thread = WatchedPool(1, "developer", core.failures, (RpcError, StoreError))
        self._automine = True
        self._interval_ms = 0
        self._interval_changed = threading.Event()

    async def run(self) -> None:
        """Until cancelled: what was left in the pool is mined at once, then a block each interval, where one is set."""
        log.info("blocks are made on demand", hint="a developer's chain: its coins are worth nothing")
        try:
            if self._automine:
                with suppress(RpcError):  # the log says why
                    await asyncio.wrap_future(self._thread.submit(self._mine_executable))
            await self._every_interval()
        finally:
            self._producer.close()
            await asyncio.to_thread(self.close)

    async def _every_interval(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await asyncio.sleep(LOOK_S if not self._interval_ms else min(LOOK_S, max(due - loop.time(), 0)))
            if self._interval_changed.is_set():
                self._interval_changed.clear()
                due = loop.time() + self._interval_ms / 1000
            if self._interval_ms and loop.time() >= due:
                due = loop.time() + self._interval_ms / 1000
                with suppress(RpcError):  # the log says why; the next one may go
                    await asyncio.wrap_future(self._thread.submit(self._make))

    def close(self) -> None:
        """No more blocks."""
        self._thread.shutdown(cancel_futures=True)

    # --- what callers ask for

    def submit(self, encoded: bytes) -> bytes:
        """Takes a transaction, and makes the block that it is in, where it can be in one; its hash.

        Raises a PoolError; CallFailed where no block can be made.
        """
        transaction_hash = self._submit_to_pool(encoded)
        if self._automine:
            with suppress(NotInTime):
                self._ask(PATIENCE_S, self._mine_for, transaction_hash)
        return transaction_hash

    def view(self) -> DeveloperView:
        """All of it as the RPC's methods see it."""
        accounts = DeveloperAccounts()
        return DeveloperView(
            mine=self.mine,
            automine=lambda: self._automine,
            set_automine=self.set_automine,
            set_interval=self.set_interval,
            increase_time=self.clock.increase,
            set_next_timestamp=self.clock.set_next,
            drop=self._pool.drop,
            addresses=accounts.addresses,
            sign_transaction=accounts.sign_transaction,
            sign_message=accounts.sign_message,
            sign_typed_data=accounts.sign_typed_data,
        )

    def mine(self, blocks: int, interval_s: int) -> None:
        """So many blocks, each `interval_s` after the one before it."""
        self._ask(None, self._make_many, blocks, interval_s)

    def set_automine(self, on: bool) -> None:
        """Whether a block is made for each transaction; what waits is mined once it is."""
        self._automine = on
        if on:
            self._ask(PATIENCE_S, self._mine_executable)

    def set_interval(self, milliseconds: int) -> None:
        """A block each so many milliseconds; 0: none by time."""
        self._interval_ms = milliseconds
        self._interval_changed.set()

    def _ask(
        self,
        patience_s: float | None,
        job: Callable[Arguments, None],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> None:
        try:
            answer = self._thread.submit(job, *arguments, **named)
        except RuntimeError:
            raise CallFailed(STOPPING) from None
        try:
            answer.result(patience_s)
        except CancelledError:
            raise CallFailed(STOPPING) from None

    # --- in its own thread

    def _mine_for(self, transaction_hash: bytes) -> None:
        """Blocks until a transaction is in one; where it waits for another one, those that are executable."""
        while self._core.store.transaction(transaction_hash) is None and self._pool.is_executable(transaction_hash):
            if not self._make().transactions:
                return

    def _mine_executable(self) -> None:
        """Blocks until nothing more that is in the pool can be in one."""
        while self._pool.view().counts()[0] and self._make().transactions:
            pass

    def _make_many(self, blocks: int, interval_s: int) -> None:
        for number in range(blocks):
            if number and interval_s > 1:
                self.clock.set_next(self._core.writer.chain.head.header.timestamp + interval_s)
            self._make()

    def _make(self) -> Block:
        block = self._maker.make()
        self.clock.mined(block.header.timestamp)
        return block
