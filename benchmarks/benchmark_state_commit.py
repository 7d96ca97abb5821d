"""Cost of the commit of a full block's state: a block of 1,400 transfers over 200,000 accounts.

    python -m benchmarks.benchmark_state_commit [accounts] [transfers] [blocks]

Two stores, in turns, block by block in one run: trie nodes keyed by their hash, each block's written with it (as the
store did until its version 3, kept here for the comparison), and the store as it is: one diff row a block, and what a
flush writes divided by the blocks that it writes for. Processor time of the process, since disks differ; and the bytes
of the file. Goal: at most a fifth.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from quip._native import state as native_state
from quip._native import store as native_store
from quip.consensus.types.account_state import EMPTY_CODE_HASH
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.primitives.hashes import keccak256
from quip.storage.records import number_key
from quip.storage.state import StateLimits

GOAL = 5
"""Times that the commit of hash-keyed nodes has to take at least."""
BATCH = 20_000
ROW_SUM = 12
"""Integer width of an account's number in its address."""

Change = tuple[bytes, int, int, bytes, list[tuple[bytes, bytes]]]


def change(index: int, balance: int) -> Change:
    """Account number `index` with a balance in wei."""
    return keccak256(index.to_bytes(ROW_SUM, "big"))[:20], 1, balance, EMPTY_CODE_HASH, []


@dataclass
class HashKeyed:
    """Every block's new trie nodes in rows keyed by hash, in the transaction of the block."""

    store: native_store.Store
    spent: list[float] = field(default_factory=list)

    def commit(self, number: int, block_hash: bytes, update: native_state.StateUpdate) -> None:
        """One block. The bytes that cross into Python and back were part of the cost."""
        start = time.process_time()
        rows = [("nodes", node_hash, node) for node_hash, node in update.nodes()]
        self.store.commit([*rows, ("canonical", number_key(number), block_hash)], [])
        self.spent.append(time.process_time() - start)


@dataclass
class Flat:
    """The store as it is."""

    store: native_store.Store
    states: native_state.States
    spent: list[float] = field(default_factory=list)
    parent: bytes = bytes(32)
    root: bytes = EMPTY_TRIE_ROOT

    def commit(self, number: int, block_hash: bytes, update: native_state.StateUpdate) -> None:
        """One block; now and then a flush with it."""
        start = time.process_time()
        index = ("canonical", number_key(number), block_hash)
        self.states.commit([index], [], [(number, block_hash, self.parent, update, True)])
        self.spent.append(time.process_time() - start)
        self.parent, self.root = block_hash, update.root


@dataclass(frozen=True)
class Figures:
    """Milliseconds a block, megabytes of file."""

    root: float
    hash_keyed: float
    flat: float
    flat_median: float
    flat_longest: float
    hash_keyed_mb: float
    flat_mb: float

    @property
    def ratio(self) -> float:
        """How many times as much the hash-keyed commit takes."""
        return self.hash_keyed / self.flat


def measured(directory: Path, accounts: int, transfers: int, blocks: int, limits: StateLimits) -> Figures:
    """Fill both stores with the accounts, then commit the same blocks to each in turn."""
    paths = directory / "hash.redb", directory / "flat.redb"
    old = HashKeyed(native_store.Store.open(paths[0]))
    store = native_store.Store.open(paths[1])
    new = Flat(store, limits.open(store))
    number = 0
    roots: list[float] = []

    def block(changes: list[Change]) -> None:
        nonlocal number
        start = time.process_time()
        update = new.states.update(new.root, changes, [])
        roots.append(time.process_time() - start)
        block_hash = keccak256(number_key(number))
        old.commit(number, block_hash, update)
        new.commit(number, block_hash, update)
        number += 1

    for first in range(0, accounts, BATCH):
        block([change(index, 10**18 + index) for index in range(first, min(first + BATCH, accounts))])
    new.states.flush()
    for spent in (old.spent, new.spent, roots):
        spent.clear()
    rng = random.Random(1)
    for _ in range(blocks):
        block([change(index, rng.randrange(10**18)) for index in rng.sample(range(accounts), 2 * transfers)])
    start = time.process_time()
    new.states.flush()  # what still waits is part of the price
    new.spent.append(time.process_time() - start)
    old.store.close()
    new.store.close()
    sizes = [path.stat().st_size / 1e6 for path in paths]
    return Figures(
        statistics.median(roots) * 1e3,
        statistics.mean(old.spent) * 1e3,
        sum(new.spent) / blocks * 1e3,
        statistics.median(new.spent) * 1e3,
        max(new.spent) * 1e3,
        *sizes,
    )


def section(accounts: int = 200_000, transfers: int = 1_400, blocks: int = 64) -> str:
    """The section of docs/benchmarks.md."""
    lines = [
        "## Commit of a full block's state",
        "",
        f"{transfers} transfers over {accounts} accounts, {blocks} blocks after each other, processor time a block:",
        "",
        "| store | commit, ms | median, ms | longest, ms | file, MB | as hash-keyed |",
        "|---|---|---|---|---|---|",
    ]
    cases = {
        "everything each block": StateLimits(flush_blocks=1),
        "flushed every 64 blocks or 32 MB": StateLimits(flush_bytes=32 << 20),
        "flushed every 64 blocks or 128 MB": StateLimits(),
    }
    found = {}
    for name, limits in cases.items():
        with tempfile.TemporaryDirectory() as directory:
            found[name] = measured(Path(directory), accounts, transfers, blocks, limits)
    first = found["flushed every 64 blocks or 128 MB"]
    lines.append(f"| nodes by hash | {first.hash_keyed:.1f} | | | {first.hash_keyed_mb:.0f} | 1 |")
    for name, one in found.items():
        row = (
            f"{one.flat:.1f} | {one.flat_median:.1f} | {one.flat_longest:.0f} | {one.flat_mb:.0f} | {1 / one.ratio:.2f}"
        )
        lines.append(f"| {name} | {row} |")
    lines += ["", f"* new root: {first.root:.1f} ms",
              f"* goal 1/{GOAL}: {'met' if first.ratio >= GOAL else 'MISSED'}"]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section(*map(int, sys.argv[1:])))
