"""What ommers cost at the import: blocks accepted in batches, none, one in twenty and all of which show one.

python -m benchmarks.benchmark_ommers [blocks]
"""

import sys
import tempfile
import time
from pathlib import Path

from quip._native import store as native_store
from quip.chain.chain import Chain
from quip.chain.events import Head
from quip.consensus.block_validation import CompleteBlock, Parent, Rules, check_body, check_header, check_seal, complete
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.types.block import Block
from quip.consensus.types.ommer import Ommer
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import load_spec
from quip.storage.chain_store import for_network
from quip.wallet.mining_identity.identity import MiningIdentity
from sim.honest.chain_generator import ChainGenerator

BLOCKS = 400
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


def judged(puzzle: Puzzle, genesis: Parent, blocks: list[Block]) -> list[CompleteBlock]:
    """As a sync hands them over: headers, seals and bodies are judged."""
    law, parent, found = Rules(SPEC, puzzle), genesis, list[CompleteBlock]()
    for block in blocks:
        checked = check_header(SPEC, parent, block.header)
        found.append(complete(check_seal(law, checked, block.seal), check_body(checked, block.body)))
        parent = checked.as_parent
    return found


def imported_s(puzzle: Puzzle, blocks: list[Block], folder: Path) -> float:
    """CPU seconds of the imports, in batches as a sync's, ommers' seals included."""
    store = native_store.Store.open(str(folder / "store.redb"))
    chain = Chain.open(SPEC, for_network(store, SPEC.chain_id), puzzle)
    complete_blocks = judged(puzzle, Parent(chain.head.hash, chain.head.header, chain.head.context), blocks)
    now, began = blocks[-1].header.timestamp, time.process_time()
    for first in range(0, len(blocks), BATCH):
        chain.accept_many(complete_blocks[first : first + BATCH], now)
    seconds = time.process_time() - began
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
            seconds = imported_s(puzzle, made, folder)
            rows.append(f"| {what} | {1e6 * seconds / blocks:.0f} |")
    lines = [
        f"## Ommers, test network, {blocks} blocks", "",
        "CPU of the import alone, in batches of 64; headers and the blocks' own seals were judged before.", "",
        "| shows an ommer | us a block |", "|---|---|", *rows,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section(int(sys.argv[1]) if len(sys.argv) > 1 else BLOCKS))
