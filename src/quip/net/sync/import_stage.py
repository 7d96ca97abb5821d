"""Last stage of a download: whole blocks of a heavier branch go to the chain, in batches."""

from __future__ import annotations

from collections.abc import Sequence

from quip.chain.batch import Admission
from quip.chain.chain import Accepted
from quip.consensus.errors.ommer import BadOmmerSeal
from quip.consensus.errors.root import Spoils
from quip.net import limits
from quip.net.actions import ImportBlocks
from quip.net.events import ImportOutcome
from quip.net.link import Instant
from quip.net.sync.branch import Branch
from quip.net.sync.context import End, ReportFault, SyncContext
from quip.net.sync.header_window import HeaderWindow, Slot
from quip.net.sync.part_stage import PartStage


class ImportStage:
    """Blocks on their way to the chain's thread."""

    def __init__(
        self, context: SyncContext, branch: Branch, parts: PartStage, report: ReportFault, now: Instant
    ) -> None:
        self._context = context
        self._branch = branch
        self._parts = parts
        self._report = report
        self._importing: dict[int, list[Slot]] = {}
        self._ordered_s = now.monotonic_s
        """When blocks were last handed to the chain."""

    @property
    def importing(self) -> bool:
        """True while blocks are with the chain's thread."""
        return bool(self._importing)

    def order(self, now: Instant) -> None:
        """Whole batches, as long as they fill: each is a durable transaction, and costs two syncs of the disk."""
        window = self._branch.window
        assert window is not None
        if not self._branch.is_heavier():
            return
        while len(self._importing) < limits.SYNC_IMPORTS:
            ready = window.slots[: min(window.sealed, window.bodies_wanted, self._context.sizes.batch)]
            complete = next((place for place, slot in enumerate(ready) if not slot.is_complete), len(ready))
            count = min(complete, self._branch.importable())
            if not count or (count < self._context.sizes.batch and self._fills(window, now)):
                return
            self._ordered_s = now.monotonic_s
            job = next(self._context.tickets)
            slots = self._importing[job] = window.pop(count)
            blocks = tuple(slot.block for slot in slots)
            self._context.orders.append(ImportBlocks(job, blocks, Admission(self._branch.fork())))

    def imported(self, job: int, outcomes: Sequence[ImportOutcome], now: Instant) -> End | None:
        """The chain's verdict: why the download cannot go on, or None. A job that is not of it is ignored."""
        slots = self._importing.pop(job, [])
        for slot, outcome in zip(slots, outcomes, strict=bool(slots)):
            if isinstance(outcome, Accepted):
                self._context.imported += 1
                self._context.imported_s = now.monotonic_s
                continue
            if outcome is not None and outcome.spoils is Spoils.HASH:
                self._report(slot.source, outcome)
            elif isinstance(outcome, BadOmmerSeal) and slot.body_source is not None:
                self._report(slot.body_source, outcome)
            return End.STORE if outcome is None else End.FAILED
        return None

    def _fills(self, window: HeaderWindow, now: Instant) -> bool:
        """True while more blocks are about to be ready, there is room for them, and the last batch is not long ago."""
        if self._branch.leader is None or window.body_bytes >= limits.SYNC_BODY_BYTES:
            return False
        return self._parts.under_way and now.monotonic_s - self._ordered_s < limits.SYNC_IMPORT_S
