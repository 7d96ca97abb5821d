"""Processes that import blocks until they are killed: `python -m support.doomed BLOCKS`, from the folder tests/.

One line of JSON in, one out. Each order is carried out by a forked child on a real store file through the chain;
this process only imports what the children need, forks, kills by the clock where told, and waits. Where a child was
when it died stays behind in its journal: 'o' opening, 'a' accepting, 'd' done with accepting, and the block's place,
in one machine word, which no kill can tear.
"""

import json
import mmap
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

from quip._native import store
from quip.chain.chain import Accepted, Chain
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from quip.primitives import rlp
from quip.storage.chain_store import for_network
from support.chains import network_spec, puzzle_of
from support.stores import TIGHT_LIMITS

JOURNAL_SIZE = 8
NOW = 1 << 40


def entry(phase: bytes, place: int) -> int:
    """What the journal says of a child."""
    return place << 8 | phase[0]


def read_entry(journal: bytes) -> tuple[bytes, int]:
    """(phase, place)"""
    word = int.from_bytes(journal, sys.byteorder)
    return bytes([word & 0xFF]), word >> 8


def import_blocks(order: dict[str, Any], spec: ChainSpec, blocks: list[Block]) -> None:
    """Open the store and accept what it lacks in batches; `kill_at` strikes in the open or after `spared` batches."""
    with Path(order["journal"]).open("r+b") as file:
        journal = memoryview(mmap.mmap(file.fileno(), JOURNAL_SIZE)).cast("Q")
    disk = store.FaultyDisk(order["store"])
    disk.log_to(order["operations"])
    journal[0] = entry(b"o", 0)
    disk.arm(order["kill_at"] if order["in_open"] else None)
    chain = Chain.open(spec, for_network(store.Store.open_on(disk), spec.chain_id, TIGHT_LIMITS), puzzle_of(spec))
    missing = [place for place, block in enumerate(blocks) if not chain.tree.has(block.header.hash)]
    for spared, start in enumerate(range(0, len(missing), order["batch"])):
        places = missing[start : start + order["batch"]]
        disk.arm(order["kill_at"] if not order["in_open"] and spared >= order["spared"] else None)
        journal[0] = entry(b"a", places[0])
        taken = chain.accept_many([blocks[place] for place in places], NOW)
        assert all(isinstance(outcome, Accepted) for outcome in taken), taken
        journal[0] = entry(b"d", places[-1])


def carry_out(order: dict[str, Any], spec: ChainSpec, blocks: list[Block]) -> int:
    """Forks a child for the order; its exit status as `os.waitpid` tells it."""
    alive, ended = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(alive)
        import_blocks(order, spec, blocks)
        os._exit(0)
    os.close(ended)
    if order["delay_s"] is not None:
        select.select([alive], [], [], order["delay_s"])
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(alive)
    return os.waitstatus_to_exitcode(status)


def main() -> None:
    spec = network_spec()
    puzzle_of(spec)  # made once: children inherit it
    blocks = [Block.decode(raw) for raw in rlp.decode(Path(sys.argv[1]).read_bytes()) if isinstance(raw, bytes)]
    for line in sys.stdin:
        print(carry_out(json.loads(line), spec, blocks), flush=True)


if __name__ == "__main__":
    main()
