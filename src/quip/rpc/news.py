"""That there is something new: another head, or transactions in the pool. What it is, each listener reads itself."""

from collections.abc import Callable
from threading import Lock


class News:
    """Any thread may tell, listen, or stop listening. A listener must return at once."""

    def __init__(self) -> None:
        self._listeners: dict[int, Callable[[], None]] = {}
        self._made = 0
        self._lock = Lock()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call it at every news, in the thread that tells. Returns the call that ends it."""
        with self._lock:
            self._made += 1
            number = self._made
            self._listeners[number] = listener
        return lambda: self._forget(number)

    def tell(self) -> None:
        """There is something new."""
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener()

    def _forget(self, number: int) -> None:
        with self._lock:
            self._listeners.pop(number, None)
