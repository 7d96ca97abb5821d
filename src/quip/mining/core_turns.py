"""More workers than cores: they take turns, first come first served, so that no miner starves."""

import threading
from collections import deque


class CoreTurns:
    """A context that at most `cores` threads are inside of.

    A plain semaphore will not do: who leaves it and comes back at once overtakes those that wait.
    """

    def __init__(self, cores: int) -> None:
        self._mutex = threading.Lock()
        self._free = cores
        self._waiting: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._mutex:
            if self._free:
                self._free -= 1
                return
            turn = threading.Event()
            self._waiting.append(turn)
        turn.wait()

    def __exit__(self, *_: object) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()  # the core goes to who has waited longest
            else:
                self._free += 1
