"""JSON-RPC of a real node over loopback: how long a call takes, and how many it answers a second.

    python -m benchmarks.benchmark_rpc

eth_blockNumber, and eth_call of a contract where the row says so. Idle and while it mines on every core, for a client
that keeps its connection, one that opens one for each call, eight that keep theirs, and batches. Limit: a call over a
kept connection takes less than 1 ms in the median while the node is idle. The client is Python on the same cores, so
the node is faster than it looks; and where other programs use the cores, everybody waits for a turn, so the section
says how loaded the machine was.
"""

import http.client
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report

sys.path.append(str(report.ROOT / "tests"))

from support.node_process import NodeProcess

LIMIT_S = 1e-3
CALLS = 1_500
CLIENTS = 8
BATCH = 100
BLOCKS = 20
METHOD = "eth_blockNumber"
MULTICALL = {"to": "0xcA11bde05977b3631167028862bE2a173976CA11", "data": "0x42cbb15c"}
"""getBlockNumber() of Multicall3, which is on every network."""
ASKED: dict[str, list[object]] = {METHOD: [], "eth_call": [MULTICALL, "latest"]}
"""Methods that are measured, and their arguments."""
KEPT = "kept connection"
IDLE = "idle"
HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Sample:
    """How long each request took, ascending, and calls a second."""

    seconds: list[float]
    rate: float

    def cells(self) -> tuple[str, str, str]:
        """median, p99, calls/s."""
        p99 = self.seconds[math.ceil(0.99 * len(self.seconds)) - 1]
        return f"{self.median * 1e3:.2f} ms", f"{p99 * 1e3:.2f} ms", f"{self.rate:,.0f}"

    @property
    def median(self) -> float:
        """Of the seconds."""
        return statistics.median(self.seconds)


def request(calls: int, method: str) -> bytes:
    """The body of one call, or of a batch of several."""
    made = [{"jsonrpc": "2.0", "id": number, "method": method, "params": ASKED[method]} for number in range(calls)]
    return json.dumps(made if calls > 1 else made[0]).encode()


class Client:
    """Posts one body again and again."""

    def __init__(self, place: str, calls: int, keeps: bool, method: str) -> None:
        self._connection = http.client.HTTPConnection(place, timeout=60)
        self._body = request(calls, method)
        self._keeps = keeps

    def ask(self) -> float:
        """Seconds of one request."""
        started = time.perf_counter()
        self._connection.request("POST", "/", self._body, HEADERS)
        answer = self._connection.getresponse().read()
        if not self._keeps:
            self._connection.close()
        took = time.perf_counter() - started
        if b'"result"' not in answer or b'"error"' in answer:
            raise RuntimeError(f"the node answered {answer[:200]!r}")
        return took

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def sample(place: str, requests: int, calls: int = 1, keeps: bool = True, method: str = METHOD) -> Sample:
    """One client's requests, one after the other."""
    client = Client(place, calls, keeps, method)
    client.ask()
    started = time.perf_counter()
    seconds = sorted(client.ask() for _ in range(requests))
    rate = requests * calls / (time.perf_counter() - started)
    client.close()
    return Sample(seconds, rate)


def crowd(place: str, requests: int) -> Sample:
    """The requests of several clients at once, each over a connection that it keeps."""
    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        parts = list(pool.map(lambda _: sample(place, requests // CLIENTS).seconds, range(CLIENTS)))
    seconds = sorted(second for part in parts for second in part)
    return Sample(seconds, len(seconds) / (time.perf_counter() - started))


KINDS: dict[str, Callable[[str], Sample]] = {
    KEPT: lambda place: sample(place, CALLS),
    "new connections": lambda place: sample(place, CALLS // 2, keeps=False),
    f"{CLIENTS} kept connections": lambda place: crowd(place, CALLS),
    f"batches of {BATCH}": lambda place: sample(place, CALLS // 30, calls=BATCH),
    f"{KEPT}, eth_call": lambda place: sample(place, CALLS, method="eth_call"),
    f"batches of {BATCH}, eth_call": lambda place: sample(place, CALLS // 30, calls=BATCH, method="eth_call"),
}


def measure(node: NodeProcess, doing: str) -> list[list[str]]:
    """The rows of the table for what a node does meanwhile."""
    place = node.client().url.removeprefix("http://")
    rows = []
    for kind, work in KINDS.items():
        found = work(place)
        judged = report.verdict(found.median < LIMIT_S) if (doing, kind) == (IDLE, KEPT) else ""
        rows.append([doing, kind, *found.cells(), judged])
    return rows


def section() -> str:
    """The section of docs/benchmarks.md."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for doing, options in (("mines on all cores", ("--auto-mine", "--num-cpus", f"{cores}")), (IDLE, ())):
            node = NodeProcess(home, home / "node", *options)
            try:
                if options:
                    node.wait_for_height(BLOCKS)
                rows.append(measure(node, doing))
                node.stop()
            finally:
                node.end()
    head = ("the node", "client", "median", "p99", "calls/s", "median below 1 ms")
    table = report.table(head, [row for part in reversed(rows) for row in part])
    loaded = f"* load average when it began: {load:.1f} on {cores} cores"
    return f"## JSON-RPC over loopback, {METHOD}\n\n{table}\n\n{loaded}\n"


if __name__ == "__main__":
    print(section())
