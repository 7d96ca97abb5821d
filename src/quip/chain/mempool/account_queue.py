"""The transactions of one sender, by nonce: an executable head, and what waits behind a gap or for funds."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from quip.chain.mempool.pooled import PooledTransaction
from quip.chain.mempool.ports import SenderState


class AccountQueue:
    """At most one transaction a nonce. After every change `settle` says what has become executable."""

    def __init__(self, address: bytes, state: SenderState) -> None:
        self.address = address
        self.state = state
        self.ready = 0
        """How many are executable: the first so many."""
        self.weight = 0
        self.cost = 0
        """Wei that all of them may cost."""
        self.short = False
        """What comes next is not paid for: a payment to the sender would make it executable."""
        self._nonces: list[int] = []
        self._by_nonce: dict[int, PooledTransaction] = {}

    def __len__(self) -> int:
        return len(self._nonces)

    def __iter__(self) -> Iterator[PooledTransaction]:
        """By nonce."""
        return (self._by_nonce[nonce] for nonce in self._nonces)

    @property
    def queued(self) -> int:
        """How many are not executable."""
        return len(self._nonces) - self.ready

    def get(self, nonce: int) -> PooledTransaction | None:
        """The one with that nonce."""
        return self._by_nonce.get(nonce)

    def executable(self) -> tuple[PooledTransaction, ...]:
        """In order; a copy, which later changes leave alone."""
        return tuple(self._by_nonce[nonce] for nonce in self._nonces[: self.ready])

    def halves(self) -> tuple[tuple[PooledTransaction, ...], tuple[PooledTransaction, ...]]:
        """(executable, others), each by nonce. From any thread."""
        held = sorted(self._by_nonce.values(), key=lambda transaction: transaction.nonce)
        ready = tuple(transaction for transaction in held if transaction.ready)
        return ready, tuple(transaction for transaction in held if not transaction.ready)

    def from_nonce(self, nonce: int) -> list[PooledTransaction]:
        """That one and all later ones."""
        return [self._by_nonce[later] for later in self._nonces[bisect_left(self._nonces, nonce) :]]

    def first_gap(self) -> int:
        """The lowest nonce from the account's own on that no transaction has."""
        nonce = self.state.nonce + self.ready
        while nonce in self._by_nonce:
            nonce += 1
        return nonce

    def put(self, transaction: PooledTransaction) -> None:
        """Add one; no other has its nonce."""
        insort(self._nonces, transaction.nonce)
        self._by_nonce[transaction.nonce] = transaction
        self.weight += transaction.weight
        self.cost += transaction.cost

    def remove(self, transaction: PooledTransaction) -> None:
        """It leaves."""
        index = bisect_left(self._nonces, transaction.nonce)
        del self._nonces[index], self._by_nonce[transaction.nonce]
        self.weight -= transaction.weight
        self.cost -= transaction.cost
        self.ready -= index < self.ready

    def settle(self) -> list[PooledTransaction]:
        """Say anew which are executable; those of which that is news."""
        changed: list[PooledTransaction] = []
        left, nonce, self.short = self.state.balance, self.state.nonce, False
        count, executable = 0, True
        for transaction in self:
            if executable:
                left -= transaction.cost
                executable = transaction.nonce == nonce and left >= 0
                self.short = not executable and transaction.nonce == nonce
                nonce, count = nonce + 1, count + executable
            if transaction.ready is not executable:
                transaction.ready = executable
                changed.append(transaction)
        self.ready = count
        return changed
