"""Go back to a block: the canonical block of a number becomes the head, and every block above that number is gone.

For what the chain's own rules cannot undo: blocks that a wrong clock stamped with a far future, or a branch that was
mined alone. It works on a copy beside the old file; only then does the copy take the old one's name, and the old file
is kept under another one. A crash on the way leaves the old file as it was.

What stays: side branches up to that number, and everything outside the store. The mining identity above all: which
one-time keys it has used must never be forgotten, whatever becomes of the blocks that they signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from quip._native import store as native_store
from quip.chain.ports import MinerTotals
from quip.consensus.execution.rewards import flat_rewards
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.primitives.hashes import keccak256
from quip.storage import records
from quip.storage.chain_store import RedbChainStore
from quip.storage.check import Progress
from quip.storage.errors import StoreError, corrupt
from quip.storage.replacement import copy_durably, keep_aside, replace_durably
from quip.storage.state import ARCHIVE

_PAGE = 1_000
"""Blocks removed in one transaction."""


class CannotRewind(StoreError):
    """The number is none that the chain can go back to."""

    def __init__(self, number: int, head: int, oldest: int = 0) -> None:
        self.number = number
        self.head = head
        self.oldest = oldest
        """The oldest block whose state is kept."""
        reason = f"its head is block {head}" + (f", and states are kept from block {oldest} on" if oldest else "")
        super().__init__(f"the chain cannot go back to block {number}: {reason}")


@dataclass(frozen=True, slots=True)
class RewindReport:
    """What going back did."""

    head: bytes
    """Hash of the block that is the head now."""
    removed: int
    """Blocks that left the chain."""
    side_blocks: int
    """Blocks of side branches that are gone too."""
    backup: Path
    """Where the old file is kept."""


def rewind(path: Path, spec: ChainSpec, number: int, progress: Progress | None = None) -> RewindReport:
    """Make the canonical block `number` the head of the store in `path`. The caller holds the data directory's lock.

    Raises CannotRewind, StoreCorrupt, StoreFull, OSError; the old file is then as it was.
    """
    with closing(native_store.Store.open(path, read_only=True)) as old:
        head = _head_to_be(old, number)
    draft = path.with_name(path.name + ".rewound")
    try:
        copy_durably(path, draft)
        with closing(native_store.Store.open(draft)) as store:
            work = _Rewind(store, spec, number, progress or (lambda _what, _count: None))
            work.run(head)
        backup = keep_aside(path, "before-rewind")
        replace_durably(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return RewindReport(head, work.removed, work.side_blocks, backup)


def _head_to_be(store: native_store.Store, number: int) -> bytes:
    chain = RedbChainStore(store)
    head = chain.head()
    header = None if head is None else chain.header(head)
    if header is None:
        raise CannotRewind(number, 0)
    wanted = chain.canonical(number) if 0 <= number < header.number else None
    oldest = (chain.states.oldest or (0, b""))[0]
    if wanted is None or number < oldest:
        raise CannotRewind(number, header.number, oldest)
    return wanted


class _Rewind:
    """One run over a copy that nobody else sees: any order of its transactions will do."""

    def __init__(self, store: native_store.Store, spec: ChainSpec, number: int, progress: Progress) -> None:
        self.removed = 0
        self._deleted = 0
        self._store = store
        self._blocks = RedbChainStore(store, ARCHIVE)
        self._spec = spec
        self._number = number
        self._progress = progress

    def run(self, head: bytes) -> None:
        """Move the head, then remove what is above it."""
        self._blocks.states.rewind(self._number, head)
        self._move_head(head)
        tips: list[bytes] = []
        for page in _pages_of_keys(self._store, records.HEADERS):
            above = []
            for block_hash in page:
                header = self._blocks.header(block_hash)
                if header is None:
                    raise corrupt(records.HEADERS, block_hash, "the header is missing")
                if header.number > self._number:
                    above.append(block_hash)
                elif header.number == self._number:
                    tips.append(block_hash)  # whatever stood on it is gone
            self._remove(above)
            self._progress("blocks", self._deleted)
        self._remove_ommers()
        self._store.commit([(records.TIPS, tip, records.number_key(self._number)) for tip in tips], [])

    @property
    def side_blocks(self) -> int:
        """Of the removed blocks those that were on no canonical number."""
        return self._deleted - self.removed

    def _move_head(self, head: bytes) -> None:
        """The index, what the miners of the removed blocks earned, and the head's name."""
        totals: dict[bytes, MinerTotals] = {}
        entries: list[tuple[str, bytes]] = []
        number = self._number
        while (block_hash := self._blocks.canonical(number := number + 1)) is not None:
            header, context = self._blocks.header(block_hash), self._blocks.context(block_hash)
            if header is None or context is None:
                raise corrupt(records.HEADERS, block_hash, "the header or context is missing")
            paid = self._blocks.rewards(block_hash) or flat_rewards(self._spec, header, context)
            self._subtract(totals, header.miner_id, 1, 0)
            for payment in paid.payments:
                self._subtract(totals, payment.miner_id, 0, payment.amount)
            entries.append((records.CANONICAL, records.number_key(number)))
            entries += [(records.TRANSACTIONS, keccak256(one)) for one in self._transactions(block_hash, header)]
            self.removed += 1
        gone = [(records.MINERS, miner) for miner, left in totals.items() if left.is_empty]
        puts = [
            (records.MINERS, miner, records.encode_totals(left)) for miner, left in totals.items() if not left.is_empty
        ]
        self._store.commit([*puts, (records.META, records.HEAD, head)], [*entries, *gone])

    def _transactions(self, block_hash: bytes, header: Header) -> tuple[bytes, ...]:
        block = None if header.transactions_root == EMPTY_TRIE_ROOT else self._blocks.block(block_hash)
        return block.transactions if block else ()

    def _remove_ommers(self) -> None:
        """Of removed blocks; whatever a block shows is below it, so no block that stays shows one of these."""
        tables = (records.OMMERS, records.SEALS, records.CONTEXTS)
        for page in _pages_of_keys(self._store, records.OMMERS):
            above = [ommer for ommer in page if self._number_of_ommer(ommer) > self._number]
            self._store.commit([], [(table, ommer) for ommer in above for table in tables])

    def _number_of_ommer(self, block_hash: bytes) -> int:
        header = self._blocks.ommers.header(block_hash)
        if header is None:
            raise corrupt(records.OMMERS, block_hash, "the header is missing")
        return header.number

    def _subtract(self, totals: dict[bytes, MinerTotals], miner: bytes, blocks: int, earned: int) -> None:
        before = totals.get(miner) or self._blocks.miner(miner)
        if before is None:
            raise corrupt(records.MINERS, miner, "a miner of a canonical block has no totals")
        totals[miner] = MinerTotals(miner, before.blocks - blocks, before.earned - earned)

    def _remove(self, blocks: list[bytes]) -> None:
        tables = (
            records.HEADERS,
            records.BODIES,
            records.SEALS,
            records.CONTEXTS,
            records.TIPS,
            records.REWARDS,
            records.RECEIPTS,
        )
        self._store.commit([], [(table, block_hash) for block_hash in blocks for table in tables])
        self._deleted += len(blocks)


def _pages_of_keys(store: native_store.Store, table: str) -> Iterator[list[bytes]]:
    start = b""
    while page := store.keys(table, start, _PAGE):
        yield page
        start = page[-1] + b"\0"
