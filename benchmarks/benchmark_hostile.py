"""A node under attack over real sockets: how long honest blocks take through it meanwhile, and what memory it costs.

    python -m benchmarks.benchmark_hostile [seconds]

The attackers are those of the tests, each a process of its own, on the test network. Limit: 99 of 100 honest blocks
pass within 2 s. The machine's cores are shared by the node, the attacker and the honest peers.
"""

import asyncio
import math
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report

sys.path.append(str(report.ROOT / "tests"))

from support.attacks import ATTACKS, Attack
from support.honest_relay import honest_relay
from support.node_process import NodeProcess

SECONDS = 20.0
LIMIT_S = 2.0
BLOCKS = 200
PAUSE_S = 0.1


async def attacked(node: NodeProcess, url: str, name: str, seconds: float) -> tuple[list[float], int, int]:
    """(seconds of each honest relay, ascending; what the attacker did; bytes that the node grew by)."""
    async with honest_relay(node.port, url) as honest:
        await honest.relay()
        before = node.resident_bytes()
        waits = []
        with Attack(name, node.port, url, seconds) as attack:
            await asyncio.to_thread(attack.wait_for_begin, 60.0)
            end = time.monotonic() + seconds
            while time.monotonic() < end or attack.has_more:
                waits.append(await honest.relay())
                await honest.waiter.pause(PAUSE_S)
            done = await asyncio.to_thread(attack.wait_for_count, seconds + 60)
        return sorted(waits), done, node.resident_bytes() - before


def section(seconds: float = SECONDS) -> str:
    """The section of docs/benchmarks.md."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        miner = NodeProcess(home, home / "node", "--auto-mine")
        miner.wait_for_height(BLOCKS)
        miner.stop()
        node = NodeProcess(home, home / "node")
        try:
            url = node.client().url
            for name in ATTACKS:
                waits, done, grown = asyncio.run(attacked(node, url, name, seconds))
                p50, p99 = (waits[math.ceil(part * len(waits)) - 1] for part in (0.5, 0.99))
                cells = (f"{done:,}", f"{len(waits)}", f"{p50 * 1e3:.0f} ms", f"{p99 * 1e3:.0f} ms")
                rows.append([name, *cells, f"{grown / 1e6:+.1f} MB", report.verdict(p99 <= LIMIT_S)])
            resident = node.resident_bytes() / 1e6
        finally:
            node.end()
    head = ("attack", "datagrams, streams, blocks, ...", "honest blocks", "p50", "p99", "memory", "p99 within 2 s")
    lines = [
        f"## Hostile peers, each for {seconds:g} s (the handshakes until all are done)",
        "",
        report.table(head, rows),
        "",
    ]
    return "\n".join([*lines, f"* the node's resident memory after all of them: {resident:.0f} MB"]) + "\n"


if __name__ == "__main__":
    print(section(*map(float, sys.argv[1:])))
