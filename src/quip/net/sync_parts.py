"""Parts of blocks (seals, or bodies) that are wanted, and of whom they were asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from quip.net.sync_window import Slot


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a range of parts."""

    peer: int
    slots: list[Slot]
    when_s: float


class Parts:
    """What is wanted of one kind, the lowest block first. Nothing is asked twice at a time."""

    def __init__(self) -> None:
        self.in_flight = 0
        """Slots that were asked for."""
        self._wanted: deque[Slot] = deque()
        self._asked: dict[int, Asked] = {}

    @property
    def waiting(self) -> bool:
        """True if something is wanted that nobody was asked for."""
        while self._wanted and self._wanted[0].gone:
            self._wanted.popleft()
        return bool(self._wanted)

    @property
    def pending(self) -> bool:
        """True if something is wanted or asked for."""
        return bool(self._asked) or self.waiting

    @property
    def lowest(self) -> int:
        """Number of the first block that is waiting; something must be."""
        return self._wanted[0].header.number

    def want(self, slots: Iterable[Slot]) -> None:
        """More slots, above all others."""
        self._wanted.extend(slots)

    def again(self, slots: Iterable[Slot]) -> None:
        """Slots whose part did not come, or was no good."""
        back = [slot for slot in slots if not slot.gone]
        if back:
            self._wanted = deque(sorted([*back, *self._wanted], key=lambda slot: slot.header.number))

    def next(self, count: int, highest: int) -> list[Slot]:
        """Takes the lowest wanted slots, at most `count` and none above number `highest`."""
        chosen: list[Slot] = []
        while len(chosen) < count and self.waiting and self.lowest <= highest:
            chosen.append(self._wanted.popleft())
        return chosen

    def ask(self, ticket: int, asked: Asked) -> None:
        """Remember a request."""
        self._asked[ticket] = asked
        self.in_flight += len(asked.slots)

    def answered(self, ticket: int) -> Asked | None:
        """The request that a ticket belongs to, once."""
        asked = self._asked.pop(ticket, None)
        if asked is not None:
            self.in_flight -= len(asked.slots)
        return asked

    def gone(self, peer: int) -> None:
        """A peer will not answer any more."""
        for ticket in [ticket for ticket, asked in self._asked.items() if asked.peer == peer]:
            asked = self.answered(ticket)
            if asked is not None:
                self.again(asked.slots)
