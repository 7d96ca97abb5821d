"""What a store holds, and a chain's history of it: for comparing with a twin that nothing happened to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from quip._native import store as native_store
from quip.chain.batch import STORED_BEFORE
from quip.chain.chain import Chain
from quip.consensus.types.block import Block
from quip.primitives.hashes import blake3
from quip.storage.block_reads import all_rows
from quip.storage.chain_store import RedbChainStore, for_network
from quip.storage.state import DEFAULT_LIMITS, StateLimits
from sim.honest.chain_generator import ForkPlan
from support.chains import generator, network_spec, new_chain, puzzle_of

BLOCKS = 60
TIGHT_LIMITS = StateLimits(flush_blocks=5, retained=16)
"""So that a short history has flushes, replays and prunings."""
FORKS = (ForkPlan(every=6, depth=3), ForkPlan(every=9, depth=2, overtake=True))


def settled_contents(store: native_store.Store) -> bytes:
    """`contents` after a flush: of two stores with the same blocks the same, whatever the order in which these came."""
    RedbChainStore(store).states.flush()
    return contents(store)


def contents(store: native_store.Store) -> bytes:
    """A digest of every row."""
    return blake3(
        b"".join(
            len(part).to_bytes(4, "big") + part
            for table in store.tables()
            for key, value in all_rows(store, table)
            for part in (table.encode(), key, value)
        )
    )


@dataclass(frozen=True)
class History:
    """Blocks in the order of their import, side branches and reorganisations included, and the twin they left."""

    blocks: tuple[Block, ...]
    after: tuple[bytes, ...]
    """`contents` with genesis only, then after each block."""
    heads: tuple[bytes, ...]
    settled: bytes
    """`settled_contents` after the last block."""

    def place(self, store: native_store.Store) -> int:
        """How many blocks a store holds, if it equals the twin at that moment; else ValueError."""
        return self.after.index(contents(store))


@cache
def history(limits: StateLimits = DEFAULT_LIMITS) -> History:
    """The twin: imported once, never disturbed."""
    made = generator(new_chain())
    accepted = [one.hash for forks in FORKS for one in made.extend(BLOCKS // 2, forks)]
    stored = [made.chain.block_by_hash(block_hash) for block_hash in accepted]
    blocks = tuple(one.block for one in stored if one is not None)
    store = native_store.Store.in_memory()
    chain = open_chain(for_network(store, network_spec().chain_id, limits))
    after, heads = [contents(store)], [chain.head.hash]
    for block in blocks:
        chain.accept(block, block.header.timestamp)
        after.append(contents(store))
        heads.append(chain.head.hash)
    return History(blocks, tuple(after), tuple(heads), settled_contents(store))


def open_chain(store: RedbChainStore) -> Chain:
    """The `test` network's chain on a store."""
    spec = network_spec()
    return Chain.open(spec, store, puzzle_of(spec))


def acceptor(store: RedbChainStore) -> Callable[[Block], object]:
    """What `reindex` asks for: the chain's accept, each block at its own time."""
    chain = open_chain(store)
    return lambda block: chain.accept(block, block.header.timestamp, STORED_BEFORE)


def filled_store(path: Path, blocks: int, limits: StateLimits = DEFAULT_LIMITS) -> None:
    """A store file, closed, that holds the first blocks of the history."""
    store = native_store.Store.open(path)
    accept = acceptor(for_network(store, network_spec().chain_id, limits))
    for block in history().blocks[:blocks]:
        accept(block)
    store.close()


def damage_row(path: Path, value: bytes) -> None:
    """Flips a bit inside a stored value, wherever the file has it (in pages that are free again, too)."""
    data = bytearray(path.read_bytes())
    place = data.index(value)
    while place >= 0:
        data[place + len(value) // 2] ^= 4
        place = data.find(value, place)
    path.write_bytes(data)


def logical_rows(store: native_store.Store) -> Iterator[tuple[str, bytes, bytes]]:
    """Every row of every table in order: equal for two stores with the same contents. Raises StoreCorrupt."""
    for table in store.tables():
        for key, value in all_rows(store, table):
            yield table, key, value
