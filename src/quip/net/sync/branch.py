"""The branch that is being downloaded: its leader, its window of headers, and whether it outweighs the head.

A branch that fills the window without outweighing the head is weighed first (`presync`) and fetched a second time.
What this file does not do: it asks nobody and verifies nothing; the stages of a download do.
"""

from __future__ import annotations

from quip.consensus.block_validation import Parent
from quip.net import limits
from quip.net.sync.context import SyncContext
from quip.net.sync.header_window import HeaderWindow
from quip.net.sync.presync import Presync


class Branch:
    """What the stages of one download share."""

    def __init__(self, context: SyncContext, leader: int, presynced: Presync | None) -> None:
        self.leader: int | None = leader
        """The peer that sends the headers."""
        self.window: HeaderWindow | None = None
        """None until the first headers came."""
        self.presynced = presynced
        """Checkpoints of a branch that was weighed and outweighs the head: this is its second pass."""
        self._context = context
        self._presync: Presync | None = None
        """A first pass that is under way."""
        self._base = context.view.genesis_hash
        """The stored block that the window began on."""
        self._fork: bytes | None = None

    @property
    def is_first_pass(self) -> bool:
        """True while the branch is only weighed."""
        return self._presync is not None

    @property
    def sealed_total(self) -> int:
        """Verified work from genesis to the highest block whose seal, with all below it, is good."""
        return 0 if self.window is None else self.window.sealed_tip.context.total_difficulty

    def begin(self, start: Parent) -> None:
        """The headers that come next are those above a stored block; what the window held is forgotten."""
        if self.window is not None:
            self.window.close()
        self.window = HeaderWindow(self._context.view.spec, start)
        self._presync = None
        if self.presynced is not None and self.presynced.fork.hash != start.hash:
            self.presynced = None
        self._base, self._fork = start.hash, None

    def begin_above(self, start: Parent) -> None:
        """The window is empty, and a block on top of it is stored already."""
        assert self.window is not None
        self.window.start = start
        self._base, self._fork = start.hash, None

    def compare_presync(self, number: int, block_hash: bytes) -> None:
        """A header came: on another branch than the one that was weighed, which has to show its own work."""
        if self.presynced is not None and self.presynced.differs(number, block_hash):
            self.presynced = None

    def fork(self) -> bytes | None:
        """Hash of the canonical block at which the branch leaves."""
        if self._fork is None:
            number = self._context.view.fork_number(self._base)
            self._fork = None if number is None else self._context.view.canonical(number)
        return self._fork

    def has_room(self) -> bool:
        """True if the window can take the headers of one more answer."""
        return self.window is None or self._fits(len(self.window))

    def is_heavier(self) -> bool:
        """True if the sealed part of the branch, or the whole branch on a first pass, outweighs the head."""
        head_total = self._context.view.head.context.total_difficulty
        if self.presynced is not None and self.presynced.total_difficulty > head_total:
            return True
        return self._presync is None and self.sealed_total > head_total

    def weigh(self, *, importing: bool) -> bool:
        """The first pass over a branch that is too long for the window. True if it ended just now: headers anew."""
        window = self.window
        assert window is not None
        window.count_sealed()
        if self._presync is None:
            if self._fits(window.sealed) or self.is_heavier() or importing:
                return False
            self._presync = Presync(window.start, self._context.sizes.spacing, limits.SYNC_CHECKPOINTS)
        sealed = window.pop(window.sealed)
        self._presync.add(sealed)
        for slot in sealed:
            slot.gone = True
        if self._presync.total_difficulty <= self._context.view.head.context.total_difficulty:
            return False
        self.presynced = self._presync
        self.begin(self.presynced.fork)
        return True

    def importable(self) -> int:
        """How many slots, from the first on, may be imported if their parts are there: on a second pass, up to a
        checkpoint of the first."""
        assert self.window is not None
        if self.presynced is None:
            return len(self.window)
        return self.presynced.bound(self.window.slots, full=not self._fits(len(self.window)))

    def _fits(self, slots: int) -> bool:
        return slots + self._context.sizes.headers <= self._context.sizes.window
