"""The ancestries of recent tips, for whatever builds on them.

The next block's follows from its parent's in microseconds; one that is not here is read from the store: `window` + 2
headers and contexts.
"""

from __future__ import annotations

from quip.chain.errors import IncompleteStore
from quip.chain.limits import CACHED_ANCESTRIES
from quip.chain.tree import BlockTree
from quip.consensus.execution.rewards import Rewards, flat_rewards
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import Ancestor, Ancestry
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.primitives.bounded_dict import BoundedDict


class Ancestries:
    """By the hash of their tip."""

    def __init__(self, window: int, below: Ancestries | None = None) -> None:
        """`below`: those of the chain before what is staged; read, not written."""
        self._window = window
        self._below = below
        self._recent: BoundedDict[bytes, Ancestry] = BoundedDict(CACHED_ANCESTRIES)

    def of(self, tree: BlockTree, tip: bytes) -> Ancestry:
        """The chain up to a block of the tree. Raises IncompleteStore."""
        found = self._known(tip)
        if found is None:
            found = self._recent[tip] = _read(tree, self._window, tip)
        return found

    def remember(self, ancestry: Ancestry) -> None:
        """That of a new block."""
        self._recent[ancestry.tip.hash] = ancestry

    def adopt(self, staged: Ancestries) -> None:
        """What was staged is in the store now."""
        for ancestry in staged._recent.values():
            self.remember(ancestry)

    def _known(self, tip: bytes) -> Ancestry | None:
        return self._recent.get(tip) or (self._below._known(tip) if self._below else None)


def rewards_of(spec: ChainSpec, tree: BlockTree, block_hash: bytes, header: Header, context: BlockContext) -> Rewards:
    """What a block of the tree paid. Raises IncompleteStore."""
    if not spec.ommers.limit or header.number == 0:
        return flat_rewards(spec, header, context)
    found = tree.reads.rewards(block_hash)
    if found is None:
        raise IncompleteStore(f"what block 0x{block_hash.hex()} paid is missing")
    return found


def _read(tree: BlockTree, window: int, tip: bytes) -> Ancestry:
    blocks: list[Ancestor] = []
    block_hash = tip
    for _ in range(window + 2):
        header, context = tree.known(block_hash)
        ommers = tree.reads.ommers.of(block_hash) if header.ommer_count else ()
        blocks.append(Ancestor(block_hash, header, context, ommers))
        if header.number == 0:
            break
        block_hash = header.parent_hash
    found = tree.reads.rewards(tip) if blocks[0].header.number else Rewards(())
    if found is None:
        raise IncompleteStore(f"what block 0x{tip.hex()} paid is missing")
    return Ancestry(window, blocks[::-1], found.counted_streak)
