"""Is a single block worth its room? Asked of every block that comes by itself, wherever it comes in."""

from __future__ import annotations

from quip.chain.events import Head
from quip.chain.limits import MAX_BRANCH_DEPTH, SIDE_BLOCK_WORTH
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.work.units import work


def is_worth_storing(spec: ChainSpec, head: Head, header: Header, context: BlockContext) -> bool:
    """True for a block that is lighter than the head by less than SIDE_BLOCK_WORTH blocks, or that a child of the head
    might show as an ommer."""
    room = SIDE_BLOCK_WORTH * work(head.context.controller)
    return context.total_difficulty > head.context.total_difficulty - room or is_recent(spec, head, header)


def is_recent(spec: ChainSpec, head: Head, header: Header) -> bool:
    """True if number and difficulty would allow a child of the head to show the block as an ommer."""
    if not spec.ommers.limit or header.number < head.header.number + 1 - spec.ommers.window:
        return False
    return spec.ommers.chain_factor * header.difficulty >= work(head.context.next_controller)


def branch_depth(spec: ChainSpec) -> int:
    """How far below the head a single block may leave the canonical chain: as far as ommers may, at least."""
    return max(MAX_BRANCH_DEPTH, spec.ommers.window if spec.ommers.limit else 0)
