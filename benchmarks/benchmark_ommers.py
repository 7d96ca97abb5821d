"""What ommers cost at the import: blocks accepted in batches, none, one in twenty and all of which show one.

Once with the seals of the ommers verified by the import itself, and once with them verified before, as sync and gossip
have the seal threads do it.

python -m benchmarks.benchmark_ommers [blocks]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from quip._native import store as native_store
from quip.chain.chain import Chain
from quip.chain.events import Head
from quip.consensus.block_validation import (
    CompleteBlock,
    OmmerSeal,
    Parent,
    Rules,
    check_body,
    check_header,
    check_seal,
    check_seals,
    claims_of,
    complete,
)
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.types.block import Block
from quip.consensus.types.ommer import Ommer
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import load_spec
from quip.storage.chain_store import for_network
from quip.wallet.mining_identity.identity import MiningIdentity
from sim.honest.chain_generator import ChainGenerator

BLOCKS = 400
REPEATS = 3
BATCH = 64
APART = 5
"""So many blocks below the one that shows it a sibling leaves the chain: it is never the younger of the two."""
SPEC = load_spec("test")
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


def judged(puzzle: Puzzle, genesis: Parent, blocks: list[Block], *, seals: bool) -> list[CompleteBlock]:
    """As a sync hands them over: headers, seals and bodies are judged; `seals`: those of ommers too."""
    law, parent, found = Rules(SPEC, puzzle), genesis, list[CompleteBlock]()
    for block in blocks:
        checked = check_header(SPEC, parent, block.header)
        verdicts = check_seals(law, claims_of(SPEC, block.ommers)) if seals else []
        known = [verdict for verdict in verdicts if isinstance(verdict, OmmerSeal)]
        found.append(complete(check_seal(law, checked, block.seal), check_body(checked, block.body), known))
        parent = checked.as_parent
    return found


def imported_s(puzzle: Puzzle, blocks: list[Block], file: Path, *, seals: bool) -> float:
    """CPU seconds of the importing thread, in batches as a sync's. `seals`: those of ommers were verified before."""
    store = native_store.Store.open(str(file))
    chain = Chain.open(SPEC, for_network(store, SPEC.chain_id), puzzle)
    genesis = Parent(chain.head.hash, chain.head.header, chain.head.context)
    complete_blocks = judged(puzzle, genesis, blocks, seals=seals)
    now, began = blocks[-1].header.timestamp, time.thread_time()
    for first in range(0, len(blocks), BATCH):
        chain.accept_many(complete_blocks[first : first + BATCH], now)
    seconds = time.thread_time() - began
    assert chain.head.hash == blocks[-1].header.hash
    store.close()
    return seconds


def section(blocks: int = BLOCKS) -> str:
    """The section of docs/benchmarks.md."""
    puzzle = Puzzle(puzzle_rules(SPEC.puzzle))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for what, every in SHARES.items():
            folder = Path(name) / what.replace(" ", "-")
            folder.mkdir()
            memory = Chain.open(SPEC, for_network(native_store.Store.in_memory(), SPEC.chain_id), puzzle)
            with MiningIdentity.open(folder / "keys", SPEC.chain_id, folder / "records") as identity:
                made = grown(ChainGenerator(memory, puzzle, [identity], 1), blocks, every)
            figures = [
                statistics.median(
                    imported_s(puzzle, made, folder / f"{place}-{seals}.redb", seals=seals) for place in range(REPEATS)
                )
                for seals in (False, True)
            ]
            rows.append(f"| {what} | " + " | ".join(f"{1e6 * seconds / blocks:.0f}" for seconds in figures) + " |")
    lines = [
        f"## Ommers, test network, {blocks} blocks", "",
        "CPU of the importing thread in us a block, median of three runs, in batches of 64; headers and the blocks'",
        "own seals were judged before. The seal threads verify the ommers' seals; before, the import did.", "",
        "| shows an ommer | their seals verified by the import | by the seal threads |", "|---|---|---|", *rows,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section(int(sys.argv[1]) if len(sys.argv) > 1 else BLOCKS))
