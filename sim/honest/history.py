"""What was before a run begins: the spec of the simulated network, and blocks that all or some nodes have already."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from quip._native import store
from quip.chain.chain import Chain
from quip.consensus.block_validation import CompleteBlock, Parent, Rules, check_body, check_header, check_seal, complete
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import load_spec
from quip.storage.chain_store import for_network
from sim.honest.chain_generator import ChainGenerator
from sim.world.disk import CHAIN_ID, NodeDisk, memory_directory

BLOCK_TIME_S = 5
FUTURE_LIMIT_S = 15
WINDOW = 12
"""Blocks for which siblings may be shown."""
ANCESTORS = (10, 11)
"""Numbers of the miners of the shared past."""
STRANGERS = (12, 13)
"""Those of the branch: other keys, so that no leaf signs twice."""
LONGEST = 90
"""Blocks of history at most."""
_JUDGED: dict[bytes, CompleteBlock] = {}
FORK = 8
"""The block at which the long branch leaves."""


@cache
def simulated_spec() -> ChainSpec:
    """The `test` network's rules with a longer block time, a shorter window for ommers (so that runs settle something)
    and the public network's future limit."""
    spec = load_spec("test")
    difficulty = replace(
        spec.difficulty,
        target_block_time=BLOCK_TIME_S,
        half_life=40 * BLOCK_TIME_S,
        future_limit=FUTURE_LIMIT_S,
    )
    return replace(spec, difficulty=difficulty, ommers=replace(spec.ommers, window=WINDOW))


@cache
def simulated_puzzle() -> Puzzle:
    """Its puzzle."""
    return Puzzle(puzzle_rules(simulated_spec().puzzle))


def scratch_chain() -> Chain:
    """An empty chain in memory."""
    return Chain.open(simulated_spec(), for_network(store.Store.in_memory(), CHAIN_ID), simulated_puzzle())


@cache
def past() -> tuple[Block, ...]:
    """The history that nodes share; a run takes as much of it as its scenario says."""
    return _grown((), LONGEST, ANCESTORS)


@cache
def branch() -> tuple[Block, ...]:
    """Another history of about that length; both share the first FORK blocks."""
    return _grown(past()[:FORK], LONGEST - FORK, STRANGERS)


def import_all(chain: Chain, blocks: tuple[Block, ...]) -> None:
    """Give a chain blocks of the shared histories; each is judged once, however many chains take it."""
    if not blocks:
        return
    parent_hash = blocks[0].header.parent_hash
    parent = Parent(parent_hash, *chain.tree.known(parent_hash))
    judged = []
    for block in blocks:
        judged.append(_judged(block, parent))
        parent = judged[-1].checked.as_parent
    chain.accept_many(judged, blocks[-1].header.timestamp)


def _judged(block: Block, parent: Parent) -> CompleteBlock:
    block_hash = block.header.hash
    if block_hash not in _JUDGED:
        rules = Rules(simulated_spec(), simulated_puzzle())
        checked = check_header(rules.spec, parent, block.header)
        sealed = check_seal(rules, checked, block.seal)
        _JUDGED[block_hash] = complete(sealed, check_body(checked, block.body))
    return _JUDGED[block_hash]


def _grown(before: tuple[Block, ...], blocks: int, miners: tuple[int, ...]) -> tuple[Block, ...]:
    chain = scratch_chain()
    import_all(chain, before)
    with memory_directory() as place:
        disks = [NodeDisk(place, number) for number in miners]
        signers = [disk.open_identity() for disk in disks]
        for _ in ChainGenerator(chain, simulated_puzzle(), signers, miners[0]).extend(blocks):
            pass
        for disk in disks:
            disk.close()
    found = [chain.block_by_number(number) for number in range(1, chain.head.header.number + 1)]
    return tuple(one.block for one in found if one is not None)
