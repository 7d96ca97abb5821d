"""Blocks that a next one may show as ommers: what this node knows of the last `window` + 1 numbers, by hash.

Canonical blocks are among them, because a reorganisation makes siblings of them; what is lawful is asked of the law.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from quip.chain.ancestries import Ancestries
from quip.chain.errors import IncompleteStore
from quip.chain.ports import StoredBlock
from quip.chain.tree import BlockTree
from quip.consensus.errors.ommer import OmmerError
from quip.consensus.ommers import check_ommers
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import Ancestry
from quip.consensus.types.block import MAX_OMMERS_SIZE
from quip.consensus.types.header import MINER_ID_SIZE, Header
from quip.consensus.types.ommer import Ommer
from quip.primitives import rlp

_PREFIX = 4
"""Bytes of the prefix of a list of ommers."""


class Siblings:
    """Hashes of known headers with a verified seal, by number."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._by_number: dict[int, set[bytes]] = {}
        self._top = 0
        self.version = 0
        """Grows with every hash that is new here."""

    def add(self, number: int, block_hash: bytes) -> None:
        """A stored block, or the ommer of one; what is too old is forgotten."""
        if number < self._top - self._window:
            return
        known = self._by_number.setdefault(number, set())
        if block_hash in known:
            return
        known.add(block_hash)
        self.version += 1
        while self._top < number:
            self._top += 1
            self._by_number.pop(self._top - self._window - 1, None)

    def read(self, tree: BlockTree, tips: Iterable[bytes], head: Header) -> None:
        """Everything that the store has of these numbers."""
        self._top = max(self._top, head.number)
        lowest = max(1, head.number - self._window)
        seen: set[bytes] = set()
        for tip in tips:
            block_hash = tip
            header = _header(tree, block_hash)
            while header.number >= lowest and block_hash not in seen:
                seen.add(block_hash)
                self.add(header.number, block_hash)
                for ommer in tree.reads.ommers.of(block_hash) if header.ommer_count else ():
                    self.add(ommer.header.number, ommer.hash)
                block_hash = header.parent_hash
                header = _header(tree, block_hash)

    def known(self, lowest: int, highest: int) -> Iterator[bytes]:
        """Hashes of these numbers, ascending: the oldest first, and so parents before children."""
        for number in range(lowest, highest + 1):
            yield from sorted(self._by_number.get(number, ()))


def _header(tree: BlockTree, block_hash: bytes) -> Header:
    """The header alone: a start does not read hundreds of contexts."""
    header = tree.header(block_hash)
    if header is None:
        raise IncompleteStore(f"block 0x{block_hash.hex()} is missing")
    return header


def lawful_ommers(
    spec: ChainSpec, ancestry: Ancestry, draft: Header, controller: int, known: Iterable[Ommer]
) -> tuple[Ommer, ...]:
    """As many of the known ones as a child of the ancestry's tip may show, the first of them first.

    `draft`: the child, of which only number and timestamp matter.
    """
    chosen: list[Ommer] = []
    size = 0
    for ommer in known:
        if len(chosen) == spec.ommers.limit:
            break
        headers = [*(one.header for one in chosen), ommer.header]
        size_with = size + len(rlp.encode(ommer.item()))
        if size_with + _PREFIX > MAX_OMMERS_SIZE:
            continue
        try:
            check_ommers(spec, ancestry, with_count(draft, len(headers)), controller, headers)
        except OmmerError:
            continue
        chosen.append(ommer)
        size = size_with
    return tuple(chosen)


def with_count(draft: Header, count: int) -> Header:
    """The draft of a block with so many ommers."""
    extra = draft.extra_data
    return replace(draft, extra_data=extra[:MINER_ID_SIZE] + bytes([count]) + extra[MINER_ID_SIZE + 1 :])


class OmmerPool:
    """What the next block of any tip may show, and what it is judged against. For the chain's own thread."""

    def __init__(self, spec: ChainSpec, tree: BlockTree, tips: Sequence[bytes], head: Header) -> None:
        self.ancestries = Ancestries(spec.ommers.window)
        self._spec = spec
        self._tree = tree
        self._siblings = Siblings(spec.ommers.window)
        if spec.ommers.limit:
            self._siblings.read(tree, tips, head)

    @property
    def version(self) -> int:
        """Grows with every header that a block may have to show. Any thread may ask."""
        return self._siblings.version

    def note(self, blocks: Iterable[StoredBlock]) -> None:
        """Blocks that are stored now."""
        if not self._spec.ommers.limit:
            return
        for block in blocks:
            self._siblings.add(block.header.number, block.header.hash)
            for ommer in block.ommers:
                self._siblings.add(ommer.included.header.number, ommer.included.hash)

    def ancestry(self, tip: bytes) -> Ancestry | None:
        """The chain up to a block of the tree; None where the spec has no ommers."""
        return self.ancestries.of(self._tree, tip) if self._spec.ommers.limit else None

    def known(self, tip: bytes) -> Iterator[Ommer]:
        """What is known and neither on a tip's chain nor shown by it, the oldest first; the law says what is lawful."""
        ancestry = self.ancestry(tip)
        if ancestry is None:
            return
        highest = ancestry.tip.header.number
        for block_hash in self._siblings.known(max(1, highest + 1 - ancestry.window), highest):
            if ancestry.ancestor(block_hash) is None and ancestry.ommer(block_hash) is None:
                ommer = self._tree.reads.ommers.get(block_hash)
                if ommer is not None:
                    yield ommer
