"""Cost of a new state root: 100 changed accounts of 1,000,000, median of 5, from a store on disk.

    python -m benchmarks.benchmark_state [accounts] [changed]

Limit: 50 ms. Each round opens the store anew (its own caches empty; the operating system's are warm) and changes other
accounts. Printed beside it: the same on small states, since the cost must follow the changes, not the accounts.
"""

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from quip._native import state
from quip._native import store as native_store
from quip.consensus.types.account_state import EMPTY_CODE_HASH
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.primitives.hashes import keccak256
from quip.storage.records import number_key
from quip.storage.state import DEFAULT_LIMITS

ROUNDS = 5
LIMIT_MS = 50.0
BATCH = 20_000

Change = tuple[bytes, int, int, bytes, list[tuple[bytes, bytes]]]


def change(index: int, balance: int) -> Change:
    """Account number `index` with a balance in wei."""
    return index.to_bytes(20, "big"), 1, balance, EMPTY_CODE_HASH, []


class Branch:
    """States one after the other in a store."""

    def __init__(self, path: Path) -> None:
        self.store = native_store.Store.open(path)
        self.states = DEFAULT_LIMITS.open(self.store)
        head = self.states.head
        self.number, self.hash = (-1, bytes(32)) if head is None else head

    def commit(self, update: state.StateUpdate) -> None:
        """One block more."""
        number, parent = self.number + 1, self.hash
        block_hash = keccak256(number_key(number))
        self.states.commit([], [], [(number, block_hash, parent, update, True)])
        self.number, self.hash = number, block_hash


def build(path: Path, accounts: int) -> bytes:
    """A store with that many accounts, all flushed; the root of its state."""
    branch = Branch(path)
    root = EMPTY_TRIE_ROOT
    for start in range(0, accounts, BATCH):
        changes = [change(index, 10**18 + index) for index in range(start, min(start + BATCH, accounts))]
        update = branch.states.update(root, changes, [])
        branch.commit(update)
        root = update.root
    branch.states.flush()
    branch.store.close()
    return root


def measure(path: Path, root: bytes, accounts: int, changed: int) -> tuple[float, float]:
    """Milliseconds for the new root, and for the commit of the block with it: medians."""
    updates, commits = [], []
    for round_number in range(ROUNDS):
        branch = Branch(path)
        picked = random.Random(round_number).sample(range(accounts), changed)
        changes = [change(index, round_number) for index in picked]
        start = time.perf_counter()
        update = branch.states.update(root, changes, [])
        middle = time.perf_counter()
        branch.commit(update)
        commits.append((time.perf_counter() - middle) * 1e3)
        updates.append((middle - start) * 1e3)
        root = update.root
        branch.store.close()
    return statistics.median(updates), statistics.median(commits)


def section(accounts: int = 1_000_000, changed: int = 100) -> str:
    """The section of docs/benchmarks.md."""
    lines = ["## State roots", ""]
    update_ms = 0.0
    for size in (accounts // 100, accounts // 10, accounts):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "store.redb"
            root = build(path, size)
            update_ms, commit_ms = measure(path, root, size, min(changed, size))
            megabytes = path.stat().st_size / 1e6
        lines.append(f"* {size} accounts, {changed} changed: root {update_ms:.2f} ms, commit {commit_ms:.2f} ms, "
              f"file {megabytes:.0f} MB")  # fmt: skip
    lines.append(f"* limit {LIMIT_MS} ms: {'met' if update_ms < LIMIT_MS else 'MISSED'}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section(*map(int, sys.argv[1:])))
