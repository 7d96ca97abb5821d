"""Values of the law that no check has made: for tests of what is done with them, and of nothing else."""

from quip.consensus import block_validation as law
from quip.consensus.proof_of_work.difficulty import Requirements, genesis_context
from quip.consensus.types.block import Block, BlockBody
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.types.seal import Seal
from support.chains import network_spec

NOTHING_REQUIRED = Requirements(number=0, level=0, work=1, margin=0, controller=0, offset=0, overdue=0)


def checked_header(header: Header, context: BlockContext | None = None) -> law.CheckedHeader:
    """As if gate and rules held."""
    context = context or genesis_context(network_spec())
    return law.CheckedHeader(header.hash, header, context, NOTHING_REQUIRED, bytes(32), law._THE_LAW)


def sealed_header(checked: law.CheckedHeader, seal: Seal) -> law.SealedHeader:
    """As if the seal were good."""
    return law.SealedHeader(checked, seal, law._THE_LAW)


def good_seal(wanted: law.SealCheck | law.OmmerClaim) -> law.SealVerdict:
    """As if the seal were good, of a block or of an ommer."""
    if isinstance(wanted, law.OmmerClaim):
        return law.OmmerSeal(wanted, None, law._THE_LAW)
    return sealed_header(wanted.checked, wanted.seal)


def checked_body(header: Header, transactions: tuple[bytes, ...]) -> law.CheckedBody:
    """As if they were the header's."""
    return law.CheckedBody(header.hash, BlockBody(transactions), law._THE_LAW)


def complete_block(block: Block, context: BlockContext | None = None) -> law.CompleteBlock:
    """As if all of it had been looked at."""
    assert block.seal is not None
    sealed = sealed_header(checked_header(block.header, context), block.seal)
    return law.CompleteBlock(sealed, checked_body(block.header, block.transactions), (), law._THE_LAW)
