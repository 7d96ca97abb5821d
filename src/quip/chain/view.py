"""The chain for readers in other threads: only what is committed, never a step in between.

Two calls may be answered from before and after a commit. Nothing is ever removed from the block tree, so a hash that
was found stays good; only what is canonical moves.
"""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.chain.errors import IncompleteStore
from quip.chain.events import Head
from quip.chain.ports import Part, StoredBlock
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header


class ChainReader:
    """Reads a chain beside the thread that changes it: `quip.net.ports.ChainView`. It keeps nothing itself."""

    def __init__(self, chain: Chain) -> None:
        genesis_hash = chain.tree.canonical_hash(0)
        if genesis_hash is None:
            raise IncompleteStore("no genesis block")
        self._chain = chain
        self._genesis_hash = genesis_hash

    @property
    def spec(self) -> ChainSpec:
        """The network's rules."""
        return self._chain.spec

    @property
    def head(self) -> Head:
        """The canonical chain's last block."""
        return self._chain.head

    @property
    def genesis_hash(self) -> bytes:
        """Hash of block 0."""
        return self._genesis_hash

    def header(self, block_hash: bytes) -> Header | None:
        """Of any verified block."""
        return self._chain.tree.header(block_hash)

    def context(self, block_hash: bytes) -> BlockContext | None:
        """Of any verified block."""
        return self._chain.tree.context(block_hash)

    def canonical(self, number: int) -> bytes | None:
        """Hash of the canonical block of that number."""
        return self._chain.tree.canonical_hash(number)

    def block(self, block_hash: bytes) -> StoredBlock | None:
        """Any verified block, whole."""
        return self._chain.tree.reads.block(block_hash)

    def encoded(self, part: Part, block_hash: bytes) -> bytes | None:
        """The RLP of a part of any verified block."""
        return self._chain.tree.reads.encoded(part, block_hash)

    def fork_number(self, block_hash: bytes) -> int | None:
        """Number of the canonical block that a verified block's branch leaves at (its own if canonical).

        Walks the branch: one read of the index per block of it.
        """
        tree = self._chain.tree
        while (header := tree.header(block_hash)) is not None:
            if tree.is_canonical(block_hash, header.number):
                return header.number
            block_hash = header.parent_hash
        return None

    def is_invalid(self, block_hash: bytes) -> bool:
        """True if the hash was judged invalid, and is still remembered."""
        return self._chain.is_invalid(block_hash)
