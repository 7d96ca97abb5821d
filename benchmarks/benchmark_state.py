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

ROUNDS = 5
LIMIT_MS = 50.0
BATCH = 20_000

Change = tuple[bytes, int, int, bytes, bytes]


def change(index: int, balance: int) -> Change:
    """Account number `index` with a balance in wei."""
    return index.to_bytes(20, "big"), 1, balance, EMPTY_TRIE_ROOT, EMPTY_CODE_HASH


def build(path: Path, accounts: int) -> bytes:
    """A store with that many accounts; the root of its state."""
    store = native_store.Store.open(path)
    root = EMPTY_TRIE_ROOT
    for start in range(0, accounts, BATCH):
        changes = [change(index, 10**18 + index) for index in range(start, min(start + BATCH, accounts))]
        root, nodes = state.update(store, root, changes)
        store.commit([("nodes", node_hash, node) for node_hash, node in nodes], [])
    store.close()
    return root


def measure(path: Path, root: bytes, accounts: int, changed: int) -> tuple[float, float]:
    """Milliseconds for the new root, and for the commit of its nodes: medians."""
    updates, commits = [], []
    for round_number in range(ROUNDS):
        store = native_store.Store.open(path)
        picked = random.Random(round_number).sample(range(accounts), changed)
        changes = [change(index, round_number) for index in picked]
        start = time.perf_counter()
        _, nodes = state.update(store, root, changes)
        middle = time.perf_counter()
        store.commit([("nodes", node_hash, node) for node_hash, node in nodes], [])
        commits.append((time.perf_counter() - middle) * 1e3)
        updates.append((middle - start) * 1e3)
        store.close()
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
