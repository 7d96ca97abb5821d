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
REMEMBERED_BYTES = 32 << 20  # of their encodings: they may have left the pool long ago


class Arrivals:
    """A log with numbered entries. Any thread may write and read."""

    def __init__(self, remembered: int = REMEMBERED, remembered_bytes: int = REMEMBERED_BYTES) -> None:
        self._limits = remembered, remembered_bytes
        self._entries: deque[SignedTransaction] = deque()
        self._bytes = 0
        self._end = 0
        self._lock = Lock()
        self.news = News()

    @property
    def end(self) -> int:
        """The number of the next entry."""
        return self._end

    def add(self, transactions: Iterable[SignedTransaction]) -> None:
        """More have become executable."""
        most, most_bytes = self._limits
        with self._lock:
            for transaction in transactions:
                self._entries.append(transaction)
                self._bytes += len(transaction.encoded)
                self._end += 1
            while self._entries and (len(self._entries) > most or self._bytes > most_bytes):
                self._bytes -= len(self._entries.popleft().encoded)
        self.news.tell()

    def since(self, number: int, most_bytes: int = REMEMBERED_BYTES) -> tuple[list[SignedTransaction], int]:
        """The entries from that number on, as far as they are remembered, and the number behind them. Of more than
        `most_bytes` of encodings, the first (one at least)."""
        with self._lock:
            start = max(number, self._end - len(self._entries))
            found: list[SignedTransaction] = []
            for one in islice(self._entries, start - self._end + len(self._entries), None):
                most_bytes -= len(one.encoded)
                if found and most_bytes < 0:
                    break
                found.append(one)
            return found, start + len(found)
