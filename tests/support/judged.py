"""Blocks that went through the checks of headers, seals and bodies, one by one, as what comes from the network does."""

from collections.abc import Sequence

from quip.chain.chain import Chain
from quip.consensus.block_validation import (
    CheckedHeader,
    CompleteBlock,
    Parent,
    Rules,
    check_body,
    check_header,
    check_seal,
    complete,
)
from quip.consensus.types.block import Block
from support.chains import puzzle_of


def rules_of(chain: Chain) -> Rules:
    """What the chain judges by."""
    return Rules(chain.spec, puzzle_of(chain.spec))


def judged(chain: Chain, blocks: Sequence[Block]) -> list[CompleteBlock]:
    """A line of blocks on one that the chain has. Raises a ConsensusError."""
    found: list[CompleteBlock] = []
    for block in blocks:
        parent_hash = block.header.parent_hash
        parent = found[-1].checked.as_parent if found else Parent(parent_hash, *chain.tree.known(parent_hash))
        checked = check_header(chain.spec, parent, block.header)
        sealed = check_seal(rules_of(chain), checked, block.seal)
        found.append(complete(sealed, check_body(checked, block.body)))
    return found


def checked_headers(chain: Chain) -> list[CheckedHeader]:
    """Of all canonical blocks but genesis."""
    stored = [chain.block_by_number(number) for number in range(1, chain.head.header.number + 1)]
    genesis = chain.block_by_number(0)
    assert genesis is not None
    parent, found = Parent(genesis.header.hash, genesis.header, genesis.context), list[CheckedHeader]()
    for block in stored:
        assert block is not None
        found.append(check_header(chain.spec, parent, block.header))
        parent = found[-1].as_parent
    return found
