"""The chain on the test network: blocks made, blocks imported into a store on disk, blocks verified again from genesis.

python -m benchmarks.benchmark_chain [blocks]
"""

import sys
import tempfile
from pathlib import Path

from benchmarks import report
from quip._native import store as native_store
from quip.chain.chain import Chain
from quip.consensus.block_validation import Parent, Rules, check_header, check_seal
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.types.block import Block
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import load_spec
from quip.storage.chain_store import for_network
from quip.wallet.mining_identity.identity import MiningIdentity
from sim.honest.chain_generator import ChainGenerator

BLOCKS = 500
SPEC = load_spec("test")


def seals_per_second(chain: Chain, puzzle: Puzzle, blocks: list[Block]) -> float:
    """Blocks whose header rules and whole seal (gate, signatures, energies, baseline) one core checks in a second."""
    law = Rules(SPEC, puzzle)
    genesis = chain.block_by_number(0)
    assert genesis is not None

    def check() -> None:
        parent = Parent(genesis.header.hash, genesis.header, genesis.context)
        for block in blocks:
            checked = check_header(SPEC, parent, block.header)
            check_seal(law, checked, block.seal)
            parent = checked.as_parent

    return len(blocks) / report.medians([check], 3)[0]


def section(blocks: int = BLOCKS) -> str:
    """The section of docs/benchmarks.md."""
    puzzle = Puzzle(puzzle_rules(SPEC.puzzle))
    made: list[Block] = []
    with tempfile.TemporaryDirectory() as folder:
        parent = Path(folder)
        memory = Chain.open(SPEC, for_network(native_store.Store.in_memory(), SPEC.chain_id), puzzle)
        with MiningIdentity.open(parent / "keys", SPEC.chain_id, parent / "records") as identity:
            generator = ChainGenerator(memory, puzzle, [identity], 1)
            seconds = report.timed(lambda: [None for _ in generator.extend(blocks)])
        for number in range(1, blocks + 1):
            stored = memory.block_by_number(number)
            assert stored is not None
            made.append(stored.block)
        store = native_store.Store.open(str(parent / "store.redb"))
        chain = Chain.open(SPEC, for_network(store, SPEC.chain_id), puzzle)
        now = made[-1].header.timestamp
        imported = report.timed(lambda: [chain.accept(block, now) for block in made])
        assert chain.head.hash == memory.head.hash
        size = (parent / "store.redb").stat().st_size
        verified = seals_per_second(chain, puzzle, made)
        store.close()
    lines = [
        f"## Chain, test network, {blocks} blocks", "",
        f"* made by the generator (journal on disk, accepted in memory): {blocks / seconds:.0f} blocks/s",
        f"* accepted into a store on disk, one durable transaction each: {blocks / imported:.0f} blocks/s, "
        f"{size / blocks / 1e3:.0f} kB a block",
        f"* headers and seals checked again by one core: {verified:.0f} blocks/s",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section(int(sys.argv[1]) if len(sys.argv) > 1 else BLOCKS))
