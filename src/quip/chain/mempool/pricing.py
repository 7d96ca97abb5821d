"""Which transaction is worth more: replacement, who leaves a full pool first, and the order for a block."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from quip.chain.mempool.limits import PRICE_BUMP_PERCENT
from quip.chain.mempool.pooled import PooledTransaction

Rank: TypeAlias = tuple[bool, int, int]
"""(executable, effective tip, minus arrival): the lowest leaves first."""
_STALE_FACTOR = 2
_STALE_AT_LEAST = 1_024


def outbids(new: PooledTransaction, old: PooledTransaction) -> bool:
    """Whether one may replace another: both fees are higher, by PRICE_BUMP_PERCENT (rounded down, as geth does)."""
    return all(
        offer > before and offer >= before * (100 + PRICE_BUMP_PERCENT) // 100
        for offer, before in ((new.max_fee, old.max_fee), (new.max_tip, old.max_tip))
    )


def rank(transaction: PooledTransaction, base_fee: int, *, ready: bool) -> Rank:
    """Its place among those that may have to leave."""
    return ready, transaction.effective_tip(base_fee), -transaction.order


class EvictionOrder:
    """The pool's transactions, the first to leave first. A heap in which outdated entries are passed over.

    Made when it is first asked, and anew for another base fee: as long as there is room nobody asks.
    """

    def __init__(self, held: Mapping[bytes, PooledTransaction]) -> None:
        self._held = held
        self._base_fee = 0
        self._heap: list[tuple[Rank, PooledTransaction]] | None = None

    def changed(self, transaction: PooledTransaction) -> None:
        """It came, or is executable now, or is not any more."""
        if self._heap is None:
            return
        if len(self._heap) > _STALE_FACTOR * len(self._held) + _STALE_AT_LEAST:
            self._heap = None
            return
        heapq.heappush(self._heap, (rank(transaction, self._base_fee, ready=transaction.ready), transaction))

    def lowest(self, base_fee: int) -> tuple[Rank, PooledTransaction] | None:
        """The first to leave; it stays."""
        if self._heap is None or self._base_fee != base_fee:
            self._base_fee = base_fee
            held = self._held.values()
            self._heap = [(rank(transaction, base_fee, ready=transaction.ready), transaction) for transaction in held]
            heapq.heapify(self._heap)
        while self._heap:
            (ready, _, _), transaction = entry = self._heap[0]
            if self._held.get(transaction.hash) is transaction and transaction.ready == ready:
                return entry
            heapq.heappop(self._heap)
        return None

    def take(self, base_fee: int) -> tuple[Rank, PooledTransaction] | None:
        """The first to leave, out of the order; `changed` puts it back."""
        entry = self.lowest(base_fee)
        if entry is not None and self._heap:
            heapq.heappop(self._heap)
        return entry


def best_first(
    queues: Iterable[tuple[PooledTransaction, ...]], base_fee: int, gas_limit: int
) -> Iterator[PooledTransaction]:
    """Transactions for a block, the highest effective tip first, each sender's by nonce. `queues`: per sender what is
    executable. A sender's first that the base fee is too high for, or whose gas no block has, ends its queue.
    """
    heap = []
    for queue in queues:
        if queue and _fits(queue[0], base_fee, gas_limit):
            first = queue[0]
            heap.append((-first.effective_tip(base_fee), first.order, 0, queue))
    heapq.heapify(heap)
    while heap:
        _, _, index, queue = heap[0]
        yield queue[index]
        index += 1
        if index < len(queue) and _fits(queue[index], base_fee, gas_limit):
            following = queue[index]
            heapq.heapreplace(heap, (-following.effective_tip(base_fee), following.order, index, queue))
        else:
            heapq.heappop(heap)


def _fits(transaction: PooledTransaction, base_fee: int, gas_limit: int) -> bool:
    return transaction.max_fee >= base_fee and transaction.gas_limit <= gas_limit
