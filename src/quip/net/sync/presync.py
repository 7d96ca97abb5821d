"""A branch too long for the window, weighed in bounded memory: only its checkpoints stay.

The first pass verifies headers and seals and keeps the fork point, every so-many-th hash and the last context. Once the
work exceeds the head's, the second pass fetches everything again for the import. It is bound to the first: nothing is
imported below a checkpoint before the headers lead to that checkpoint's hash.
"""

from __future__ import annotations

from collections.abc import Sequence

from quip.consensus.block_validation import Parent
from quip.net.sync.header_window import Slot


class Presync:
    """One branch and its checkpoints. Their distance doubles whenever there are too many."""

    def __init__(self, fork: Parent, spacing: int, limit: int) -> None:
        self.fork = fork
        """The stored block from which the branch is verified."""
        self.tip = fork
        self._spacing = spacing
        self._limit = limit
        self._points: dict[int, bytes] = {}

    @property
    def total_difficulty(self) -> int:
        """Verified work from genesis to the last block."""
        return self.tip.context.total_difficulty

    def add(self, slots: Sequence[Slot]) -> None:
        """The next slots of the branch, their seals verified."""
        for slot in slots:
            if (slot.header.number - self.fork.header.number) % self._spacing == 0:
                self._points[slot.header.number] = slot.hash
        if slots:
            self.tip = slots[-1].checked.as_parent
        while len(self._points) > self._limit:
            self._spacing *= 2
            base = self.fork.header.number
            self._points = {
                number: point for number, point in self._points.items() if (number - base) % self._spacing == 0
            }

    def differs(self, number: int, block_hash: bytes) -> bool:
        """True if the branch had another block of this number at a checkpoint."""
        if number == self.tip.header.number:
            return block_hash != self.tip.hash
        return self._points.get(number, block_hash) != block_hash

    def bound(self, slots: Sequence[Slot], full: bool) -> int:
        """How many slots, from the first on, lead to a checkpoint; all of them above the tip.

        `full`: the window cannot grow any further, so a checkpoint beyond it cannot be waited for (branches of more
        than `limit` windows).
        """
        if not slots or full or slots[0].header.number > self.tip.header.number:
            return len(slots)
        for place in range(len(slots) - 1, -1, -1):
            number = slots[place].header.number
            if number == self.tip.header.number or number in self._points:
                return len(slots) if number == self.tip.header.number else place + 1
        return 0
