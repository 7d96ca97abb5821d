"""Makes tests/vectors/blocks.json, the first blocks of a `test` chain: `cd tests && python -m support.block_vectors`.

Made once by the node's own code; the test re-derives every value with the plain-Python references.
"""

import json

from quip.consensus.proof_of_work.difficulty import requirements
from quip.consensus.proof_of_work.proof import max_energy
from sim.honest.chain_generator import ChainGenerator
from support.chains import new_chain, puzzle_of
from support.places import VECTORS
from support.signers import MemorySigner

PATH = VECTORS / "blocks.json"
BLOCKS = 3


def text() -> str:
    """The file's contents."""
    chain = new_chain()
    puzzle = puzzle_of(chain.spec)
    signers = [MemorySigner(number, chain.spec.chain_id) for number in (1, 2)]  # fresh: they begin at leaf 0
    for _ in ChainGenerator(chain, puzzle, signers, seed=20_051).extend(BLOCKS):
        pass
    genesis = chain.block_by_number(0)
    assert genesis is not None
    blocks = []
    for number in range(1, BLOCKS + 1):
        stored = chain.block_by_number(number)
        assert stored is not None
        assert stored.seal is not None
        seed = stored.header.mix_hash
        parent = chain.block_by_number(number - 1)
        assert parent is not None
        required = requirements(chain.spec, parent.header, parent.context, stored.header.timestamp)
        baseline = puzzle.baseline(seed)
        blocks.append(
            {
                "rlp": "0x" + stored.block.encode().hex(),
                "hash": "0x" + stored.header.hash.hex(),
                "sealingHash": "0x" + stored.header.sealing_hash.hex(),
                "seed": "0x" + seed.hex(),
                "energies": puzzle.energies(seed, stored.seal.solutions),
                "minimumDistance": puzzle.minimum_distance(stored.seal.solutions),
                "baseline": baseline,
                "level": required.level,
                "margin": required.margin,
                "maxEnergy": max_energy(baseline, required.margin),
            }
        )
    document = {
        "spec": "genesis_block_test.json",
        "specDigest": "0x" + chain.spec.digest.hex(),
        "genesisRlp": "0x" + genesis.header.encode().hex(),
        "genesisHash": "0x" + genesis.header.hash.hex(),
        "blocks": blocks,
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
