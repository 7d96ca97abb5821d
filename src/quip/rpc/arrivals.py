"""Transactions in the order in which they became executable: what filters and subscribers of the pool read.

Each reader remembers how far it has read; the log keeps the latest so many and forgets nobody's place.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from threading import Lock

from quip.consensus.types.transaction import SignedTransaction
from quip.rpc.news import News

REMEMBERED = 16_384  # who reads less often than that many come has missed some


class Arrivals:
    """A log with numbered entries. Any thread may write and read."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._entries: deque[SignedTransaction] = deque(maxlen=remembered)
        self._end = 0
        self._lock = Lock()
        self.news = News()

    @property
    def end(self) -> int:
        """The number of the next entry."""
        return self._end

    def add(self, transactions: Iterable[SignedTransaction]) -> None:
        """More have become executable."""
        with self._lock:
            for transaction in transactions:
                self._entries.append(transaction)
                self._end += 1
        self.news.tell()

    def since(self, number: int) -> tuple[list[SignedTransaction], int]:
        """The entries from that number on, as far as they are remembered, and the number behind them."""
        with self._lock:
            wanted = min(self._end - number, len(self._entries))
            return list(islice(self._entries, len(self._entries) - wanted, None)), self._end
