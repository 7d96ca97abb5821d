"""The tags `safe` and `finalized`: how much work lies on a block, in words that RPC clients know.

Labels, not promises: fork choice knows nothing of them.
"""

from __future__ import annotations

from quip.chain.errors import IncompleteStore
from quip.chain.events import Head
from quip.chain.tree import BlockTree
from quip.consensus.proof_of_work.fork_choice import FINALIZED_BLOCKS, SAFE_BLOCKS, is_buried

TAGS = {"safe": SAFE_BLOCKS, "finalized": FINALIZED_BLOCKS}


def tagged(tree: BlockTree, head: Head, tag: str) -> bytes:
    """Hash of the highest canonical block under enough work; genesis if there is none. Raises KeyError."""
    blocks = TAGS[tag]
    for number in range(head.header.number - 1, 0, -1):
        block_hash = tree.canonical_hash(number)
        if block_hash is None:
            break
        _, context = tree.known(block_hash)
        if is_buried(head.context.total_difficulty, context.total_difficulty, context.controller, blocks):
            return block_hash
    genesis = tree.canonical_hash(0)
    if genesis is None:
        raise IncompleteStore("no genesis block")
    return genesis
