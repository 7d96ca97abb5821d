"""Rebuild a store from the blocks that are still whole in an old one.

Every block is verified and accepted again, as if it came from a peer, into a fresh file beside the old one; only then
does the fresh file take the old one's name. A crash on the way leaves the old file as it was. If anything was lost, the
old file is kept under another name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from quip._native import store as native_store
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.block import Block
from quip.storage import records
from quip.storage.chain_store import RedbChainStore, open_chain_store
from quip.storage.check import Progress, all_keys
from quip.storage.errors import StoreCorrupt, WrongNetwork
from quip.storage.pruning import is_archive, prune
from quip.storage.replacement import keep_aside, replace_durably
from quip.storage.state import ARCHIVE

MAX_LOSSES = 1_000
"""Losses that are listed."""

OpenChain = Callable[[RedbChainStore], Callable[[Block], object]]
"""Opens the chain on a fresh store (which writes the genesis block) and returns the call that accepts a block, however
old its branch is (`chain.batch.STORED_BEFORE`)."""


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """What a rebuild did."""

    accepted: int
    """Blocks accepted again, without genesis."""
    lost: tuple[str, ...]
    """What could not be read, linked or accepted, in words: at most MAX_LOSSES."""
    lost_blocks: int | None
    """How many blocks those were; None where they cannot be counted, because not even their names are readable."""
    backup: Path | None
    """Where the old file is kept; None if nothing was lost."""


@dataclass(frozen=True, slots=True)
class _Link:
    """What decides on a block's place in the order."""

    parent: bytes
    number: int
    difficulty: int


def reindex(
    path: Path, chain_id: int, open_chain: OpenChain, progress: Progress | None = None, *, archive: bool = False
) -> ReindexReport:
    """Rebuild the store in `path`; an archive stays one, and `archive` makes one of it. The caller holds the data
    directory's lock.

    Of a file that cannot be read at all nothing is left but genesis: the rest has to come from peers.
    Raises WrongNetwork, StoreLocked, StoreFull and whatever `open_chain` raises; the old file is then as it was.
    """
    fresh_path = path.with_name(path.name + ".rebuilt")
    fresh_path.unlink(missing_ok=True)
    old, lost = _salvaged(path)
    unreadable = bool(lost)
    keep_all = archive or is_archive(old)
    rebuild: _Rebuild | None = None
    try:
        _check_network(old, chain_id)
        fresh = open_chain_store(fresh_path, chain_id, ARCHIVE)  # old side branches need old states
        try:
            rebuild = _Rebuild(old, open_chain(fresh), progress or (lambda _what, _count: None))
            rebuild.run()
        finally:
            fresh.close()
            if rebuild is None or not rebuild.finished:
                fresh_path.unlink()
    finally:
        old.close()
    if not keep_all:
        prune(fresh_path)
    lost.extend(rebuild.lost)
    count = None if unreadable or rebuild.uncounted else rebuild.lost_blocks
    backup = keep_aside(path, "damaged") if lost else None
    replace_durably(fresh_path, path)
    return ReindexReport(rebuild.accepted, tuple(lost[:MAX_LOSSES]), count, backup)


def _salvaged(path: Path) -> tuple[native_store.Store, list[str]]:
    """What can be read of the old file, and what is lost with the rest."""
    try:
        return native_store.Store.salvage(path), []
    except StoreCorrupt as error:
        return native_store.Store.in_memory(), [f"everything: {error}"]


def _check_network(old: native_store.Store, chain_id: int) -> None:
    try:
        stored = old.get(records.META, records.CHAIN_ID)
    except StoreCorrupt:
        return
    if stored is not None and int.from_bytes(stored, "big") != chain_id:
        raise WrongNetwork(int.from_bytes(stored, "big"), chain_id)


class _Rebuild:
    """One run through the old blocks."""

    def __init__(self, old: native_store.Store, accept: Callable[[Block], object], progress: Progress) -> None:
        self.accepted = 0
        self.lost: list[str] = []
        self.lost_blocks = 0
        self.uncounted = False
        self.finished = False
        self._old = old
        self._blocks = RedbChainStore(old)
        self._accept = accept
        self._progress = progress
        self._links: dict[bytes, _Link] = {}

    def run(self) -> None:
        """Accept every readable block."""
        self._read_links()
        for block_hash in self._ordered():
            stored = self._blocks.block(block_hash)
            if stored is None or stored.header.number == 0:
                continue
            try:
                self._accept(stored.block)
            except ConsensusError as error:
                self._lose(block_hash, f"refused: {error}")
            else:
                self.accepted += 1
                self._progress("blocks", self.accepted)
        self.finished = True

    def _lose(self, block_hash: bytes, why: str) -> None:
        self.lost.append(f"block 0x{block_hash.hex()}: {why}")
        self.lost_blocks += 1

    def _lose_some(self, why: str) -> None:
        """Blocks that cannot even be named."""
        self.uncounted = True
        loss = f"blocks that cannot be found: {why}"
        if loss not in self.lost[-1:]:
            self.lost.append(loss)

    def _read_links(self) -> None:
        for block_hash in all_keys(self._old, records.HEADERS, self._lose_some):
            try:
                stored = self._blocks.block(block_hash)
            except StoreCorrupt as error:
                self._lose(block_hash, str(error))
                continue
            if stored is None or stored.header.hash != block_hash:
                self._lose(block_hash, "the header is missing or has another hash")
                continue
            header = stored.header
            self._links[block_hash] = _Link(header.parent_hash, header.number, header.difficulty)
            self._progress("headers", len(self._links))

    def _connected(self) -> dict[bytes, int]:
        """Total difficulty of every block that is linked to genesis; the others are lost."""
        total: dict[bytes, int] = {}
        for block_hash, link in sorted(self._links.items(), key=lambda item: item[1].number):
            if link.number == 0:
                total[block_hash] = 0
            elif link.parent in total:
                total[block_hash] = total[link.parent] + link.difficulty
            else:
                self._lose(block_hash, "a block below it is lost")
        return total

    def _ordered(self) -> Iterator[bytes]:
        """The canonical chain, then all other blocks by their work: so that the head never leaves the canonical chain,
        and ties end as they did. Whoever accepts them asks for no depth: what was taken once is taken again."""
        total = self._connected()
        if not total:
            self.lost.append("every block: genesis cannot be read")
            self.uncounted = True
        canonical = self._canonical(total)
        yield from canonical
        yield from sorted(total.keys() - set(canonical), key=lambda side: (total[side], side))

    def _canonical(self, total: dict[bytes, int]) -> list[bytes]:
        """From genesis to the old head or, where that is lost, to the block with the most work."""
        if not total:
            return []
        try:
            tip = self._blocks.head()
        except StoreCorrupt as error:
            self.lost.append(f"the name of the head: {error}")
            tip = None
        if tip not in total:
            tip = max(total, key=lambda block_hash: (total[block_hash], block_hash))
        chain = [tip]
        while self._links[chain[-1]].number > 0:
            chain.append(self._links[chain[-1]].parent)
        return chain[::-1]
