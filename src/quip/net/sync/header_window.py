"""The headers on their way in: a run of verified headers above a verified block, and what is still missing to each.

A header enters after its gate and its rules were checked against the context carried from the one below, so the work
that it adds is known; whether it was done is known once its seal is verified. Nothing here is stored anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quip.consensus import rules
from quip.consensus.block_validation import (
    CheckedBody,
    CheckedHeader,
    CompleteBlock,
    OmmerSeal,
    Parent,
    SealedHeader,
    check_header,
    check_headers,
    complete,
)
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header


@dataclass(slots=True, eq=False)
class Slot:
    """One header, and what has come of its block."""

    checked: CheckedHeader
    source: int
    """The peer that sent the header."""
    sealed: SealedHeader | None = None
    body: CheckedBody | None = None
    body_source: int | None = None
    """The peer that sent the body; None: it is the empty one."""
    is_judging: bool = False
    """The seals of its ommers are with the native threads."""
    ommer_seals: tuple[OmmerSeal, ...] = ()
    """What is known of them."""
    gone: bool = False
    """No longer in the window: what still comes for it is not wanted."""

    @property
    def hash(self) -> bytes:
        """Of the block."""
        return self.checked.hash

    @property
    def header(self) -> Header:
        """Of the block."""
        return self.checked.header

    @property
    def context(self) -> BlockContext:
        """What the next header is checked against."""
        return self.checked.context

    @property
    def is_complete(self) -> bool:
        """True once nothing is missing."""
        return self.sealed is not None and self.body is not None and not self.is_judging

    @property
    def block(self) -> CompleteBlock:
        """The whole block. Raises ValueError while something is missing."""
        if self.sealed is None or self.body is None or self.is_judging:
            raise ValueError(f"block {self.header.number} is not complete")
        return complete(self.sealed, self.body, self.ommer_seals)


class HeaderWindow:
    """Slots above `start`, each the parent of the next. The caller bounds their number."""

    def __init__(self, spec: ChainSpec, start: Parent) -> None:
        self.start = start
        self.slots: list[Slot] = []
        self.sealed = 0
        """So many slots from the first on have a verified seal."""
        self.bodies_wanted = 0
        """So many slots from the first on have their body, or want it."""
        self.body_bytes = 0
        """Of the transactions in all slots."""
        self._spec = spec

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def tip(self) -> Parent:
        """The highest verified header."""
        return self.slots[-1].checked.as_parent if self.slots else self.start

    @property
    def sealed_tip(self) -> Parent:
        """The highest header whose work is proved, with every one below it."""
        return self.slots[self.sealed - 1].checked.as_parent if self.sealed else self.start

    def extend(self, header: Header, source: int, now: int) -> Slot:
        """Verify the next header at Unix time `now`; its parent is the tip. Raises a ConsensusError."""
        checked = check_header(self._spec, self.tip, header)
        rules.check_time(self._spec, header, now)
        slot = Slot(checked, source)
        self.slots.append(slot)
        return slot

    def extend_run(self, headers: Sequence[Header], source: int, now: int) -> list[Slot]:
        """Verify headers, the first on the tip, up to the first that is not good: that one `extend` judges."""
        slots = [Slot(checked, source) for checked in check_headers(self._spec, self.tip, headers, now)]
        self.slots.extend(slots)
        return slots

    def count_sealed(self) -> None:
        """Count the slots that became sealed."""
        slots, sealed = self.slots, self.sealed
        while sealed < len(slots) and slots[sealed].sealed is not None:
            sealed += 1
        self.sealed = sealed

    def put_body(self, slot: Slot, body: CheckedBody, source: int) -> None:
        """The slot's body came."""
        if not slot.gone and slot.body is None:
            slot.body, slot.body_source = body, source
            self.body_bytes += _size(slot)

    def cut(self, number: int, block_hash: bytes) -> bool:
        """Forget everything above a block. False, and nothing happens, if that block is not in the window."""
        kept = number - self.start.header.number
        if not 0 <= kept <= len(self.slots):
            return False
        if (self.slots[kept - 1].hash if kept else self.start.hash) != block_hash:
            return False
        self._drop(self.slots[kept:])
        del self.slots[kept:]
        self.sealed, self.bodies_wanted = min(self.sealed, kept), min(self.bodies_wanted, kept)
        return True

    def pop(self, count: int) -> list[Slot]:
        """Remove the lowest slots; the last of them becomes the start."""
        popped = self.slots[:count]
        self.body_bytes -= sum(map(_size, popped))
        del self.slots[:count]
        self.sealed, self.bodies_wanted = max(0, self.sealed - count), max(0, self.bodies_wanted - count)
        if popped:
            self.start = popped[-1].checked.as_parent
        return popped

    def close(self) -> None:
        """Forget everything."""
        self._drop(self.slots)
        self.slots, self.sealed, self.bodies_wanted = [], 0, 0

    def locator(self) -> list[bytes]:
        """Hashes from the tip down to the start, at doubling distances."""
        hashes, step, place = [], 1, len(self.slots) - 1
        while place >= 0:
            hashes.append(self.slots[place].hash)
            place -= step
            step *= 2
        return [*hashes, self.start.hash]

    def _drop(self, slots: list[Slot]) -> None:
        for slot in slots:
            slot.gone = True
        self.body_bytes -= sum(map(_size, slots))


def _size(slot: Slot) -> int:
    return sum(map(len, slot.body.body.transactions)) if slot.body else 0
