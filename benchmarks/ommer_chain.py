"""Chains of which every so many-th block shows an ommer."""

from quip.chain.events import Head
from quip.consensus.types.block import Block
from quip.consensus.types.ommer import Ommer
from sim.honest.chain_generator import ChainGenerator

APART = 5
"""So many blocks below the one that shows it a sibling leaves the chain: it is never the younger of the two."""
SHARES = {"no block": 0, "one block in 20": 20, "every block": 1}
"""Every how-many-th block shows an ommer; 0: none."""


def grown(generator: ChainGenerator, blocks: int, every: int) -> list[Block]:
    """A line of blocks, with siblings made for those that show one."""
    made: list[Block] = []
    line: list[Head] = []
    for number in range(1, blocks + 1):
        line.append(generator.chain.head)
        known = []
        if every and number % every == 0 and len(line) > APART:
            lost = generator.block(line[-APART])
            known = [Ommer(lost.header, lost.seal)]
        block = generator.block(line[-1], known)
        generator.accept(block)
        assert len(block.ommers) == len(known)
        made.append(block)
    return made
