"""A developer's chain: transactions sent one after another, each in a block of its own before the next is signed.

    python -m benchmarks.benchmark_developer

A real node, a client with one kept connection. Limit: 100 transactions a second where the cores are free. A block costs
the proof, two signatures, the check of both, the journal's write and the commit; the section says how loaded the
machine was, as whoever else writes to the disk makes all of them wait.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report

sys.path.append(str(report.ROOT / "tests"))

from eth_account import Account

from quip.networks.developer_accounts import DEVELOPER_WORDS
from support.node_process import NodeProcess

TRANSACTIONS = 1_000
CHAIN_ID = 31_337
GOAL = 100
SYNCS = 200
SHARED = Path("/dev/shm")  # a directory in memory: what is left of the time is not the disk's


def signed(count: int) -> list[str]:
    """Payments of the first account, in order."""
    Account.enable_unaudited_hdwallet_features()
    rich = Account.from_mnemonic(DEVELOPER_WORDS)
    plain = {
        "chainId": CHAIN_ID, "gas": 21_000, "maxFeePerGas": 4 * 10**9, "maxPriorityFeePerGas": 10**9,
        "to": "0x" + "11" * 20, "value": 1,
    }  # fmt: skip
    return [
        "0x" + bytes(rich.sign_transaction({**plain, "nonce": nonce}).raw_transaction).hex() for nonce in range(count)
    ]


def measured(home: Path, transactions: list[str]) -> tuple[float, float]:
    """(transactions a second, the node's processor time for each in seconds)."""
    node = NodeProcess(home, home / "data", "--mine-on-demand", genesis="local")
    try:
        client = node.client()
        before_s, began_s = processor_s(node.process.pid), time.perf_counter()
        for encoded in transactions:
            client.call("eth_sendRawTransaction", encoded)
        took_s = time.perf_counter() - began_s
        used_s = processor_s(node.process.pid) - before_s
        assert int(client.call("eth_blockNumber"), 16) == len(transactions), "a block each"
        return len(transactions) / took_s, used_s / len(transactions)
    finally:
        node.stop()


def processor_s(process: int) -> float:
    """User and system time of a process so far, in seconds (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fsync_s() -> float:
    """Median seconds that a small write takes to be durable where temporary files lie."""
    with tempfile.TemporaryFile() as file:
        os.write(file.fileno(), b"before")

        def write() -> None:
            os.write(file.fileno(), bytes(100))
            os.fsync(file.fileno())

        return statistics.median(report.timed(write) for _ in range(SYNCS))


def section() -> str:
    """The section of docs/benchmarks.md."""
    transactions = signed(TRANSACTIONS)
    load = os.getloadavg()[0]
    rows = []
    for name, place in (("disk", None), ("memory", SHARED)):
        if place is not None and not place.is_dir():
            continue
        with tempfile.TemporaryDirectory(dir=place) as home:
            rate, used_s = measured(Path(home), transactions)
        rows.append((name, f"{rate:,.0f}", f"{used_s * 1e3:.1f} ms", report.verdict(rate >= GOAL)))
    head = ("data directory", "transactions/s", "the node's processor time for each", f"{GOAL}/s")
    sync = f"* a write and an fsync to the disk: {fsync_s() * 1e3:.1f} ms in the median; a block waits for some three"
    loaded = f"* load average when it began: {load:.1f} on {len(os.sched_getaffinity(0))} cores"
    title = f"## A developer's chain, {TRANSACTIONS:,} transactions one after another, a block each"
    return f"{title}\n\n{report.table(head, rows)}\n\n{sync}\n{loaded}\n"


if __name__ == "__main__":
    print(section())
