"""What ommers cost at the import, and in a sync of which no block, one in twenty and every block shows one.

The import: blocks accepted in batches, once with the seals of the ommers verified by the import itself, and once with
them verified before, as sync and gossip have the seal threads do it.

python -m benchmarks.benchmark_ommers [blocks]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report
from benchmarks.benchmark_sync import Subject, Synced, made_chain, running, synced
from benchmarks.ommer_chain import SHARES, grown
from quip._native import store as native_store
from quip.chain.chain import Chain
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
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import load_spec
from quip.storage.chain_store import for_network
from quip.wallet.mining_identity.identity import MiningIdentity
from sim.honest.chain_generator import ChainGenerator

BLOCKS = 400
SYNC_BLOCKS = 1_000
REPEATS = 3
BATCH = 64
SPEC = load_spec("test")


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


def synced_lines() -> list[str]:
    """Sync over the real protocol: medians of REPEATS runs, in turns."""
    subjects = {what: Subject(what, "test", SPEC, SYNC_BLOCKS, every) for what, every in SHARES.items()}
    found: dict[str, list[Synced]] = {what: [] for what in subjects}
    for round_number in range(REPEATS):
        for what, subject in subjects.items():
            source_dir = made_chain(subject)
            with tempfile.TemporaryDirectory() as folder, running(subject, source_dir) as source:
                source.reach(subject.blocks)
                found[what].append(synced(subject, source, Path(folder) / f"fresh-{round_number}"))
    rows = []
    for what, runs in found.items():
        threads = [statistics.median(figures) for figures in zip(*(run.threads_us for run in runs), strict=True)]
        rows.append([
            what, f"{statistics.median(run.blocks_per_s for run in runs):.0f}",
            f"{statistics.median(run.loop_us for run in runs):.0f}", ", ".join(f"{figure:.0f}" for figure in threads),
        ])  # fmt: skip
    head = ["shows an ommer", "blocks/s", "loop, us a block", "other threads, us a block"]
    return [
        "", f"With ommers, test network, {SYNC_BLOCKS} blocks, medians of {REPEATS} runs in turns; CPU of the",
        "fresh node's threads (the chain's, two that verify seals):", "", report.table(head, rows), "",
        f"{SYNC_BLOCKS} blocks take well under a second: compare rates to within a quarter, and threads' times, which",
        "the system counts in hundredths of a second, not at all but for the most loaded.", "",
    ]  # fmt: skip


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
        *synced_lines(),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section(int(sys.argv[1]) if len(sys.argv) > 1 else BLOCKS))
