"""Parts of blocks (seals, or bodies) that are wanted, and of whom they were asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from quip.net.sync.header_window import Slot


@dataclass(frozen=True, slots=True)
class PartRequest:
    """One request for a range of parts."""

    peer: int
    slots: list[Slot]
    when_s: float
    doubled: bool = False
    """It took long, so the slots were given to others too."""


class PartQueue:
    """What is wanted of one kind, the lowest block first. Nothing is asked twice at a time."""

    def __init__(self, has: Callable[[Slot], bool]) -> None:
        """`has`: whether the part of a slot is there already."""
        self.has = has
        self.in_flight = 0
        """Slots that were asked for; those that take long no longer count."""
        self._wanted: deque[Slot] = deque()
        self._asked: dict[int, PartRequest] = {}

    @property
    def waiting(self) -> bool:
        """True if something is wanted that nobody was asked for."""
        while self._wanted and not self._is_missing(self._wanted[0]):
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
        back = [slot for slot in slots if self._is_missing(slot)]
        if back:
            self._wanted = deque(sorted([*back, *self._wanted], key=lambda slot: slot.header.number))

    def next(self, count: int, highest: int) -> list[Slot]:
        """Takes the lowest wanted slots, at most `count` and none above number `highest`."""
        chosen: list[Slot] = []
        while len(chosen) < count and self.waiting and self.lowest <= highest:
            chosen.append(self._wanted.popleft())
        return chosen

    def ask(self, ticket: int, asked: PartRequest) -> None:
        """Remember a request."""
        self._asked[ticket] = asked
        self.in_flight += len(asked.slots)

    def answered(self, ticket: int) -> PartRequest | None:
        """The request that a ticket belongs to, once."""
        asked = self._asked.pop(ticket, None)
        if asked is not None and not asked.doubled:
            self.in_flight -= len(asked.slots)
        return asked

    def lost(self, ticket: int) -> bool:
        """A request came to nothing; False if it is none of these."""
        asked = self.answered(ticket)
        if asked is not None and not asked.doubled:
            self.again(asked.slots)
        return asked is not None

    def double(self, before_s: float) -> None:
        """Want again what was asked before that time and has not come: another peer may be quicker."""
        for ticket, asked in self._asked.items():
            if asked.when_s < before_s and not asked.doubled:
                self._asked[ticket] = replace(asked, doubled=True)
                self.in_flight -= len(asked.slots)
                self.again(asked.slots)

    def gone(self, peer: int) -> None:
        """A peer will not answer any more."""
        for ticket in [ticket for ticket, asked in self._asked.items() if asked.peer == peer]:
            self.lost(ticket)

    def _is_missing(self, slot: Slot) -> bool:
        return not slot.gone and not self.has(slot)
