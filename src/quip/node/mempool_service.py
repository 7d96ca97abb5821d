"""The transaction pool of a node: one thread changes it; network, miners and RPC reach it through here.

    RPC, network --bytes--> pool's thread -> what has become executable -> network's loop, subscribers
    chain's thread --events--> pool's thread: what left the chain comes back, what joined it leaves
    miners <--candidates-- pool's thread

What is in the pool survives a restart (storage.mempool_journal); losing the journal loses nothing that was promised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from itertools import islice
from typing import ParamSpec, TypeVar

import structlog

from quip.chain.errors import IncompleteStore
from quip.chain.events import ChainEvent, Connected, Disconnected, HeadChanged
from quip.chain.mempool.errors import PoolError, Unlawful
from quip.chain.mempool.pool import Pool
from quip.chain.mempool.pooled import PooledTransaction
from quip.chain.mempool.ports import HeadChange, HeadState, HeadView
from quip.consensus.execution.gas import MIN_TRANSACTION_GAS
from quip.consensus.types.block import MAX_BODY_SIZE
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.consensus.types.transaction import SignedTransaction
from quip.net.events import Event, TransactionInvalid, TransactionsReady
from quip.net.wire.messages import TransactionClaim
from quip.node.core import NodeCore
from quip.node.process.failures import WatchedPool
from quip.primitives.hashes import keccak256
from quip.rpc.arrivals import Arrivals
from quip.rpc.view import PoolView, Queues
from quip.storage.errors import StoreError
from quip.storage.mempool_journal import MempoolJournal

log = structlog.get_logger("quip.mempool")

LOOK_S = 1.0
CANDIDATE_BLOCKS = 2
"""Candidates are at most as many, and have at most as many bytes, as so many blocks hold: some turn out to be unlawful.
The gas that they may use says nothing: who asks for much and uses little must not keep others out."""
REPLAYED_AT_ONCE = 1_000
"""Transactions of the journal that are looked at together."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class MempoolService:
    """Implements `quip.net.ports.TransactionPool`. Every method may be called from any thread but the pool's."""

    def __init__(self, core: NodeCore) -> None:
        self._core = core
        self._chain = core.writer.chain
        self._pool = Pool(core.rules.spec, self._state_at(self._chain.head.header))
        self._journal = MempoolJournal(core.files.mempool)
        self._thread = WatchedPool(1, "mempool", core.failures, (StoreError, IncompleteStore))
        self._left: list[bytes] = []
        self._entered: list[bytes] = []
        self.tell: Callable[[Event], None] = lambda event: None
        """Takes the network's events, from any thread."""
        self._arrivals = Arrivals()
        self._closed = False
        self._thread.submit(self._replay)
        core.writer.candidates = self.candidates
        self._unsubscribe = self._chain.subscribe(self._on_chain)

    async def run(self) -> None:
        """Once a second the journal follows the pool, until cancelled; and at the end."""
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                await asyncio.wrap_future(self._thread.submit(self._settle))
        finally:
            await asyncio.to_thread(self.close)

    def close(self) -> None:
        """No more changes; what is held is on disk. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        self._thread.submit(self._settle)
        self._thread.shutdown()
        self._journal.close()

    # --- the network's side

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        """Whether an announced transaction should be fetched."""
        return self._pool.wants(kind, size, transaction_hash)

    def get(self, transaction_hash: bytes) -> bytes | None:
        """EIP-2718 bytes of a transaction of the pool."""
        found = self._pool.get(transaction_hash)
        return None if found is None else found.signed.encoded

    def inventory(self) -> Iterable[TransactionClaim]:
        """All that may be announced."""
        return [_claim(one) for one in self._pool.inventory()]

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        """Fetched from a peer; looked at some time soon."""
        with suppress(RuntimeError):  # the node stops
            self._thread.submit(self._offered, peer, transactions)

    # --- the miners' side

    def candidates(self, header: Header) -> list[SignedTransaction]:
        """For a block with a header like this one, the best first. Waits for the pool's thread."""
        try:
            return self._ask(self._candidates, header)
        except RuntimeError:  # the node stops
            return []

    # --- the user's side

    def drop(self, transaction_hash: bytes | None) -> int:
        """Let go of a transaction by its hash, or of all; how many there were."""
        return self._ask(self._dropped, transaction_hash)

    def is_executable(self, transaction_hash: bytes) -> bool:
        """Is it in the pool, and can be in the next block as far as nonces and funds go?"""
        found = self._ask(self._pool.get, transaction_hash)
        return found is not None and found.ready

    def view(self) -> PoolView:
        """The pool as the RPC's methods see it."""
        return PoolView(
            submit=self._submit,
            get=self._signed,
            next_nonce=lambda address: self._ask(self._pool.next_nonce, address),
            counts=lambda: self._ask(lambda: self._pool.counts),
            content=lambda: self._ask(self._content),
            arrivals=self._arrivals,
        )

    def _submit(self, encoded: bytes) -> bytes:
        (found,) = self._ask(self._submitted, encoded)
        if isinstance(found, PoolError):
            raise found
        return found.hash

    def _signed(self, transaction_hash: bytes) -> SignedTransaction | None:
        found = self._pool.get(transaction_hash)
        return None if found is None else found.signed

    def _content(self) -> Queues:
        held = self._pool.content()
        return {
            address: ([one.signed for one in pending], [one.signed for one in queued])
            for address, (pending, queued) in held.items()
        }

    def _ask(self, question: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        answer: Future[Result] = self._thread.submit(question, *args, **kwargs)
        return answer.result()

    # --- in the chain's thread

    def _on_chain(self, event: ChainEvent) -> None:
        if isinstance(event, Disconnected):
            self._left.append(event.hash)
        elif isinstance(event, Connected):
            self._entered.append(event.hash)
        elif isinstance(event, HeadChanged):
            left, self._left, entered, self._entered = self._left, [], self._entered, []
            with suppress(RuntimeError):  # the node stops
                self._thread.submit(self._head_changed, event.new.header, left, entered)

    # --- in the pool's thread

    def _replay(self) -> None:
        """What the last run held. One that cannot be let in any more is left out."""
        waiting: list[bytes] = []
        found = 0
        try:
            for encoded in self._journal.replay():
                waiting.append(encoded)
                if len(waiting) >= REPLAYED_AT_ONCE:
                    self._pool.add(waiting)
                    waiting.clear()
                found += 1
            self._pool.add(waiting)
            self._pool.drain()
            self._journal.rewrite(one.signed.encoded for one in self._held())
        except OSError as error:
            log.warning("the pool's journal cannot be used", reason=error.strerror, hint="free some space on the disk")
        if found:
            log.info("transactions of the last run", held=len(self._pool), read=found)

    def _offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        for encoded, found in zip(transactions, self._pool.add(transactions), strict=True):
            if isinstance(found, Unlawful):
                self.tell(TransactionInvalid(peer, keccak256(encoded), str(found)))
        self._settle()

    def _submitted(self, encoded: bytes) -> list[PooledTransaction | PoolError]:
        found = self._pool.add([encoded])
        self._settle()
        return found

    def _dropped(self, wanted: bytes | None) -> int:
        hashes = [one.hash for one in list(self._held())] if wanted is None else [wanted]
        found = sum(self._pool.drop(one) for one in hashes)
        self._settle()
        return found

    def _candidates(self, header: Header) -> list[SignedTransaction]:
        most = CANDIDATE_BLOCKS * header.gas_limit // MIN_TRANSACTION_GAS
        room = CANDIDATE_BLOCKS * MAX_BODY_SIZE
        found: list[SignedTransaction] = []
        for transaction in islice(self._pool.best(header.base_fee_per_gas), most):
            room -= transaction.size
            if room < 0:
                break
            found.append(transaction.signed)
        return found

    def _head_changed(self, head: Header, left: list[bytes], entered: list[bytes]) -> None:
        connected, disconnected = map(self._transactions, entered), map(self._transactions, left)
        self._pool.head_changed(HeadChange(self._state_at(head), tuple(connected), tuple(disconnected)))
        self._settle()

    def _settle(self) -> None:
        """Whoever is to hear of it is told what happened; the journal follows."""
        changes = self._pool.drain()
        if changes.ready:
            self.tell(TransactionsReady(tuple(_claim(one) for one in changes.ready)))
            self._arrivals.add(one.signed for one in changes.ready)
        if not changes.added and not changes.removed:
            return
        added = [one.signed.encoded for one in changes.added]
        removed = [one.signed.encoded for one, _ in changes.removed]
        try:
            self._journal.follow(added, removed, lambda: (one.signed.encoded for one in self._held()))
        except OSError as error:
            log.warning("the pool's journal cannot be written", reason=error.strerror)

    def _held(self) -> Iterable[PooledTransaction]:
        for pending, queued in self._pool.content().values():
            yield from pending
            yield from queued

    def _state_at(self, head: Header) -> HeadState:
        state = self._core.store.state(head.state_root)
        return HeadView(head, state.account, state.code)

    def _transactions(self, block_hash: bytes) -> tuple[bytes, ...]:
        header = self._core.store.header(block_hash)
        if header is None or header.transactions_root == EMPTY_TRIE_ROOT:
            return ()
        block = self._core.store.block(block_hash)
        return block.transactions if block else ()


def _claim(transaction: PooledTransaction) -> TransactionClaim:
    return transaction.kind, transaction.size, transaction.hash
