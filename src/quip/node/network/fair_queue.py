"""What waits to be worked on, by connection: connections take turns, so that none starves another."""

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """A queue of queues. Who puts much in waits longer himself; who puts in one thing waits one turn of all others.

    >>> queue: FairQueue[str] = FairQueue()
    >>> for connection, item in ((1, "a"), (1, "b"), (2, "c")):
    ...     queue.put(connection, item)
    >>> queue.take(), queue.take(), queue.take()
    ('a', 'c', 'b')
    """

    def __init__(self) -> None:
        self._waiting: dict[int, deque[Item]] = {}
        """The first connection's turn is next."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, connection: int, item: Item) -> None:
        """Behind what this connection has put in before."""
        self._waiting.setdefault(connection, deque()).append(item)

    def put_first(self, connection: int, item: Item) -> None:
        """Before what this connection has put in before: the rest of something that was taken and is not done."""
        self._waiting.setdefault(connection, deque()).appendleft(item)

    def take(self) -> Item:
        """The first item of the connection whose turn it is. Raises LookupError where nothing waits."""
        if not self._waiting:
            raise LookupError("nothing waits")
        connection = next(iter(self._waiting))
        items = self._waiting.pop(connection)
        item = items.popleft()
        if items:
            self._waiting[connection] = items  # behind everybody else
        return item

    def holds(self, connection: int) -> bool:
        """True while something of that connection waits."""
        return connection in self._waiting

    def forget(self, connection: int) -> None:
        """Drop what waits for that connection."""
        self._waiting.pop(connection, None)

    def clear(self) -> None:
        """Drop everything."""
        self._waiting.clear()
