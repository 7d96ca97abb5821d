"""Is everything in a store there, and right? Reads all of it and changes nothing.

Checked: every row against its checksum; every header against its hash, its parent and its total difficulty; every
body against transactionsRoot, its receipts against receiptsRoot; the index from genesis to head, and the one of
transactions; tips; the miners' totals; the state that was
flushed last, from its root down; the flat state against the trie, and every diff against the roots on both its sides.
Given the chain spec also every context and what the miners earned.
Not checked here: whether blocks obey the law. That is what `reindex` does, by accepting them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from quip._native import store as native_store
from quip.chain.ports import MinerTotals, Part, TransactionPlace
from quip.consensus.execution.rewards import flat_rewards
from quip.consensus.proof_of_work.difficulty import child_context, genesis_context
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import IncludedOmmer
from quip.consensus.types.block import transactions_root
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.consensus.types.ommer import ommers_hash
from quip.consensus.types.receipt import receipts_root
from quip.primitives.hashes import keccak256
from quip.storage import records
from quip.storage.chain_store import RedbChainStore
from quip.storage.errors import StoreCorrupt

MAX_PROBLEMS = 1_000
"""Problems that are listed; a file with more is no better described by more."""
_PAGE = 1_000
_PREFIX = 2
"""Bytes of the prefixes at which a walk goes on behind keys that cannot be read."""

Progress = Callable[[str, int], object]
"""Called with what is being checked, and how many of it were."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check saw."""

    rows: int
    """Rows whose checksum was verified."""
    blocks: int
    nodes: int
    """Trie nodes of the state that was flushed last."""
    states: int
    """Blocks whose states were made from that one by the diffs, and have the roots that they should."""
    problems: tuple[str, ...]
    """What is broken, at most MAX_PROBLEMS; empty for a sound store."""


def db_check(path: Path, progress: Progress | None = None, spec: ChainSpec | None = None) -> CheckReport:
    """Check the store in a file. Raises StoreLocked, StoreVersion, OSError; damage of any kind is in the report."""
    report = progress or (lambda _what, _count: None)
    rows, problems = _check_rows(path, report)
    try:
        store = native_store.Store.salvage(path)
    except StoreCorrupt as error:
        return CheckReport(rows, 0, 0, 0, tuple(dict.fromkeys([*problems, str(error)])))
    try:
        checker = _Checker(store, problems, report, spec)
        checker.blocks()
        checker.index()
        nodes, states, broken = checker.states()
    finally:
        store.close()
    found = tuple(dict.fromkeys([*problems, *broken]))[:MAX_PROBLEMS]
    return CheckReport(rows, checker.count, nodes, states, found)


def _check_rows(path: Path, report: Progress) -> tuple[int, list[str]]:
    """Every row and page, as a node would meet them: (rows, problems)."""
    try:
        store = native_store.Store.open(path, read_only=True)
    except StoreCorrupt as error:
        return 0, [str(error)]
    try:
        return store.check(lambda count: report("rows", count))
    except StoreCorrupt as error:
        return 0, [str(error)]
    finally:
        store.close()


def all_keys(store: native_store.Store, table: str, unreadable: Callable[[str], object]) -> Iterator[bytes]:
    """The keys of a table that may be damaged: what cannot be reached is left out, and `unreadable` is told why.

    Behind keys that cannot be read it goes on at a later prefix: the next one, and further ahead with every failure.
    """
    start, skip = b"", 1
    while True:
        try:
            page = store.keys(table, start, _PAGE)
            if not page:
                return
            start, skip = page[-1] + b"\0", 1
        except StoreCorrupt as error:
            unreadable(str(error))
            page, start = _keys_one_by_one(store, table, start)
            prefix = int.from_bytes(start[:_PREFIX].ljust(_PREFIX, b"\0"), "big") + (1 if page else skip)
            skip = 2 if page else 2 * skip
            if prefix >= 1 << 8 * _PREFIX:
                yield from page
                return
            start = prefix.to_bytes(_PREFIX, "big")
        yield from page


def _keys_one_by_one(store: native_store.Store, table: str, start: bytes) -> tuple[list[bytes], bytes]:
    """The keys up to the first that cannot be read, and the place behind them."""
    keys: list[bytes] = []
    try:
        while page := store.keys(table, start, 1):
            keys.extend(page)
            start = page[0] + b"\0"
    except StoreCorrupt:
        pass
    return keys, start


class _Checker:
    """Goes through the blocks and the index, and collects what is wrong."""

    def __init__(
        self, store: native_store.Store, problems: list[str], progress: Progress, spec: ChainSpec | None
    ) -> None:
        self.problems = problems
        self.count = 0
        self._store = store
        self._chain = RedbChainStore(store)
        self._progress = progress
        self._spec = spec
        self._parents: set[bytes] = set()
        self._childless: set[bytes] = set()

    def blocks(self) -> None:
        """Every stored block by itself, and against its parent."""
        for block_hash in all_keys(self._store, records.HEADERS, self._wrong):
            self.count += 1
            self._progress("blocks", self.count)
            try:
                self._block(block_hash)
            except StoreCorrupt as error:
                self.problems.append(str(error))
        self._childless -= self._parents
        for block_hash in self._childless.symmetric_difference(all_keys(self._store, records.TIPS, self._wrong)):
            self._wrong(f"block 0x{block_hash.hex()}: a tip without being listed, or listed without being one")

    def index(self) -> None:
        """The canonical chain from the head down to genesis, and what was counted along it."""
        try:
            self._walk_index()
        except StoreCorrupt as error:
            self.problems.append(str(error))

    def states(self) -> tuple[int, int, list[str]]:
        """Every state that is kept: (trie nodes, blocks, what is wrong)."""
        try:
            states = self._chain.states
            head, stored = self._chain.head(), states.head
            if stored is not None and stored[1] != head:
                self._wrong(f"the flat state is that of block 0x{stored[1].hex()}, which is not the head")
            return states.check()
        except StoreCorrupt as error:
            return 0, 0, [str(error)]

    def _state_of(self, block_hash: bytes, header: Header) -> None:
        row = self._store.get(records.STATE_BLOCKS, records.block_key(header.number, block_hash))
        if row is not None and row != header.parent_hash + header.state_root:
            self._wrong(f"block 0x{block_hash.hex()}: another state is kept for it than its header names")

    def _wrong(self, what: str) -> None:
        self.problems.append(what)

    def _block(self, block_hash: bytes) -> None:
        block = self._chain.block(block_hash)
        if block is None:
            return
        header = block.header
        self._state_of(block_hash, header)
        self._childless.add(block_hash)
        if header.hash != block_hash:
            self._wrong(f"block 0x{block_hash.hex()}: the header has another hash")
        if transactions_root(block.transactions) != header.transactions_root:
            self._wrong(f"block 0x{block_hash.hex()}: the transactions do not match transactionsRoot")
        if self._receipts_root(block_hash) != header.receipts_root:
            self._wrong(f"block 0x{block_hash.hex()}: the receipts do not match receiptsRoot")
        if ommers_hash(ommer.included.header for ommer in block.ommers) != header.ommers_hash:
            self._wrong(f"block 0x{block_hash.hex()}: the ommers do not match ommersHash")
        if self._spec and self._spec.ommers.limit and header.number and block.rewards is None:
            self._wrong(f"block 0x{block_hash.hex()}: what it paid is missing")
        for ommer in block.ommers:
            self._ommer(ommer.included)
        if header.number > 0:
            self._parents.add(header.parent_hash)
            self._against_parent(block_hash, header, block.context)
        elif self._spec and block.context != genesis_context(self._spec):
            self._wrong(f"block 0x{block_hash.hex()}: the context is not that of the spec's genesis block")

    def _receipts_root(self, block_hash: bytes) -> bytes | None:
        try:
            return receipts_root(self._chain.encoded(Part.RECEIPTS, block_hash) or b"")
        except ValueError:
            return None

    def _against_parent(self, block_hash: bytes, header: Header, context: BlockContext) -> None:
        parent = self._chain.header(header.parent_hash)
        below = self._chain.context(header.parent_hash)
        if parent is None or below is None or parent.number + 1 != header.number:
            self._wrong(f"block 0x{block_hash.hex()}: its parent 0x{header.parent_hash.hex()} is missing or misplaced")
        elif below.total_difficulty + header.difficulty != context.total_difficulty:
            self._wrong(f"block 0x{block_hash.hex()}: the total difficulty is not the parent's plus its own")
        elif self._spec and context != child_context(self._spec.difficulty, parent, below, header):
            self._wrong(f"block 0x{block_hash.hex()}: the context does not follow from its parent's")

    def _ommer(self, ommer: IncludedOmmer) -> None:
        if ommer.header.hash != ommer.hash:
            self._wrong(f"ommer 0x{ommer.hash.hex()}: the header has another hash")
        parent = self._chain.ommers.header(ommer.header.parent_hash)
        below = self._chain.context(ommer.header.parent_hash)
        if parent is None or below is None:
            self._wrong(f"ommer 0x{ommer.hash.hex()}: its parent 0x{ommer.header.parent_hash.hex()} is missing")
        elif self._spec and ommer.context != child_context(self._spec.difficulty, parent, below, ommer.header):
            self._wrong(f"ommer 0x{ommer.hash.hex()}: the context does not follow from its parent's")

    def _walk_index(self) -> None:
        head = self._chain.head()
        if head is None:
            if self.count:
                self._wrong("there are blocks, but no head")
            return
        entries = sum(1 for _ in all_keys(self._store, records.CANONICAL, self._wrong))
        totals: dict[bytes, MinerTotals] = {}
        transactions = 0
        header = self._chain.header(head)
        number = entries - 1
        oldest = (self._chain.states.oldest or (0, b""))[0]
        while header is not None:
            if header.number != number or self._chain.canonical(number) != head:
                self._wrong(f"the index does not name block 0x{head.hex()} at number {header.number}")
                return
            if number >= oldest and not self._has_state(header):
                self._wrong(f"the state of block 0x{head.hex()} is missing")
            if number == 0:
                break
            transactions += self._transactions(head, header)
            self._count(totals, head, header)
            head, number = header.parent_hash, number - 1
            header = self._chain.header(head)
        indexed = sum(1 for _ in all_keys(self._store, records.TRANSACTIONS, self._wrong))
        if indexed != transactions:
            self._wrong(f"{indexed} transactions are indexed, {transactions} are on the canonical chain")
        self._end_of_walk(header, head, totals)

    def _transactions(self, block_hash: bytes, header: Header) -> int:
        """How many a canonical block has, each of which the index should name."""
        if header.transactions_root == EMPTY_TRIE_ROOT:
            return 0
        block = self._chain.block(block_hash)
        hashes = [keccak256(transaction) for transaction in (block.transactions if block else ())]
        for index, transaction_hash in enumerate(hashes):
            if self._chain.transaction(transaction_hash) != TransactionPlace(block_hash, index):
                self._wrong(f"the index does not name transaction 0x{transaction_hash.hex()}")
        return len(hashes)

    def _has_state(self, header: Header) -> bool:
        return self._store.get(records.STATE_BLOCKS, records.block_key(header.number, header.hash)) is not None

    def _count(self, totals: dict[bytes, MinerTotals], block_hash: bytes, header: Header) -> None:
        _add(totals, header.miner_id, 1, 0)
        context = self._chain.context(block_hash)
        if self._spec and context:
            paid = self._chain.rewards(block_hash) or flat_rewards(self._spec, header, context)
            for payment in paid.payments:
                _add(totals, payment.miner_id, 0, payment.amount)

    def _end_of_walk(self, genesis: Header | None, last: bytes, totals: dict[bytes, MinerTotals]) -> None:
        if genesis is None:
            self._wrong(f"block 0x{last.hex()} of the canonical chain is missing")
            return
        if self._store.get(records.META, records.GENESIS) != last:
            self._wrong(f"the canonical chain begins with 0x{last.hex()}, not with the store's genesis block")
        miners = [one if self._spec else replace(one, earned=0) for one in self._chain.miners]
        stored = {one.miner_id: one for one in miners if not one.is_empty}
        if stored != totals:
            self._wrong("the miners' totals are not those of the canonical blocks")


def _add(totals: dict[bytes, MinerTotals], miner_id: bytes, blocks: int, earned: int) -> None:
    before = totals.get(miner_id, MinerTotals(miner_id, 0, 0))
    totals[miner_id] = MinerTotals(miner_id, before.blocks + blocks, before.earned + earned)
