"""The part of a chain that ommers and rewards of the next block depend on: its last `window` + 2 blocks.

A pure function of the chain. Kept from block to block, because a walk down the chain for every block is too dear.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header


@dataclass(frozen=True, slots=True)
class IncludedOmmer:
    """A lawful ommer, as later blocks ask of it."""

    hash: bytes
    header: Header
    context: BlockContext
    """As if it were a block."""
    fork_controller: int
    """c(k + 1) on the including chain, k being the number of the highest of its ancestors that is on that chain."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A block below the one that is judged."""

    hash: bytes
    header: Header
    context: BlockContext
    ommers: tuple[IncludedOmmer, ...]


class Ancestry:
    """Blocks number - window - 1 to number of a chain (or genesis to number), whose tip has that number. Immutable."""

    __slots__ = ("_by_hash", "_contested", "_ommers", "blocks", "counted", "window")

    def __init__(self, window: int, blocks: Sequence[Ancestor], counted: int) -> None:
        """`blocks`: the oldest first, the last is the tip; `counted`: u of the block `window` + 1 below the tip."""
        self.window = window
        self.blocks = tuple(blocks[-window - 2 :])
        self.counted = counted
        self._by_hash = {block.hash: block for block in self.blocks}
        self._ommers: dict[bytes, IncludedOmmer] = {}
        self._contested: dict[int, int] = {}
        self._note(ommer for block in self.blocks for ommer in block.ommers)

    @property
    def tip(self) -> Ancestor:
        """The parent of the block that is judged."""
        return self.blocks[-1]

    @property
    def settled_number(self) -> int:
        """Number of the block that the next one settles: no later block can contest it. Below 1: none."""
        return self.tip.header.number - self.window

    def extended(self, block: Ancestor, counted: int) -> Ancestry:
        """One block further."""
        longer = object.__new__(Ancestry)
        longer.window = self.window
        longer.counted = counted
        longer.blocks = (*self.blocks, block)[-self.window - 2 :]
        longer._by_hash = self._by_hash | {block.hash: block}
        longer._ommers, longer._contested = self._ommers, self._contested
        if block.ommers:
            longer._ommers, longer._contested = self._ommers.copy(), self._contested.copy()
            longer._note(block.ommers)
        if len(self.blocks) == len(longer.blocks):
            longer._forget(self.blocks[0])
        return longer

    def ancestor(self, block_hash: bytes) -> Ancestor | None:
        """The block of that hash, if it is among these."""
        return self._by_hash.get(block_hash)

    def at(self, number: int) -> Ancestor:
        """The block of a number. Raises IndexError below the oldest."""
        place = number - self.blocks[0].header.number
        if place < 0:
            raise IndexError(number)
        return self.blocks[place]

    def ommer(self, block_hash: bytes) -> IncludedOmmer | None:
        """An ommer that one of these blocks includes."""
        return self._ommers.get(block_hash)

    def is_contested(self, number: int) -> bool:
        """True if one of these blocks includes an ommer of that number."""
        return number in self._contested

    def _note(self, ommers: Iterable[IncludedOmmer]) -> None:
        for ommer in ommers:
            self._ommers[ommer.hash] = ommer
            number = ommer.header.number
            self._contested[number] = self._contested.get(number, 0) + 1

    def _forget(self, block: Ancestor) -> None:
        """The oldest block is out of sight, and what it included."""
        del self._by_hash[block.hash]
        if not block.ommers:
            return
        self._ommers, self._contested = self._ommers.copy(), self._contested.copy()
        for ommer in block.ommers:
            del self._ommers[ommer.hash]
            number = ommer.header.number
            self._contested[number] -= 1
            if not self._contested[number]:
                del self._contested[number]
