"""The transaction pool: 10,000 transactions in, 10,000 out best first, and a block that takes 1,000 of them.

    python -m benchmarks mempool

Processor time of all threads, medians: signatures are recovered on all cores, everything else is one thread's.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from benchmarks import report
from quip.chain.mempool.limits import OVERHEAD_BYTES, PoolLimits
from quip.chain.mempool.pool import Pool
from quip.chain.mempool.ports import HeadChange, SenderState
from quip.networks.shipped import load_spec
from quip.primitives.hashes import keccak256
from sim.honest.mempool import GWEI, transfer

TRANSACTIONS = 10_000
SENDERS = 2_000
BATCH = 256
"""What a peer's answer brings."""
MINED = 1_000
ETHER = 10**18
SPEC = load_spec("dev")


@dataclass
class Head:
    """Everybody is rich, and nobody has sent anything but what `nonces` says."""

    nonces: dict[bytes, int]
    base_fee: int = GWEI
    gas_limit: int = 30_000_000

    def sender(self, address: bytes) -> SenderState:
        """The account of an address."""
        return SenderState(self.nonces.get(address, 0), 10**6 * ETHER)


def transfers(seed: int) -> list[bytes]:
    """In an order as the network brings them: senders mixed, their nonces mostly in order."""
    draw = Random(seed)
    each = TRANSACTIONS // SENDERS
    secrets = [keccak256(number.to_bytes(4, "big")) for number in range(SENDERS)]
    made = [
        (nonce + draw.random(), transfer(secret, SPEC.chain_id, nonce, draw.randint(1, 50 * GWEI)))
        for secret in secrets
        for nonce in range(each)
    ]
    return [encoded for _, encoded in sorted(made)]


def timed(work: Callable[[], object]) -> float:
    """Processor seconds."""
    started = time.process_time()
    work()
    return time.process_time() - started


def filled(pool: Pool, encoded: list[bytes], batch: int) -> None:
    """All of them, so many at a time."""
    for at in range(0, len(encoded), batch):
        pool.add(encoded[at : at + batch])


def one_round(encoded: list[bytes], batch: int) -> tuple[float, float, float]:
    """Seconds of (all in, all out best first, a block of the best)."""
    head = Head({})
    pool = Pool(SPEC, head)
    into = timed(lambda: filled(pool, encoded, batch))
    assert len(pool) == TRANSACTIONS
    taken: list[bytes] = []
    out = timed(lambda: taken.extend(one.signed.encoded for one in pool.best()))
    assert len(taken) == TRANSACTIONS
    for one in list(pool.best())[:MINED]:
        head.nonces[one.sender] = one.nonce + 1
    block = timed(lambda: pool.head_changed(HeadChange(head, connected=[taken[:MINED]])))
    assert len(pool) == TRANSACTIONS - MINED
    return into, out, block


def narrow() -> Pool:
    """A pool in which half of the transactions have room: the others displace one, or are refused."""
    weight = len(transfer(b"\x01" * 32, SPEC.chain_id, 1, 50 * GWEI)) + OVERHEAD_BYTES
    return Pool(SPEC, Head({}), PoolLimits(pool_bytes=TRANSACTIONS // 2 * weight))


def section() -> str:
    """The section of docs/benchmarks.md."""
    encoded = transfers(1)
    rows = []
    for name, batch in (("256 at a time", BATCH), ("one at a time", 1)):
        rounds = [one_round(encoded, batch) for _ in range(report.REPEATS)]
        into, out, block = (statistics.median(column) for column in zip(*rounds, strict=True))
        rows.append((name, f"{into * 1e3:.0f}", f"{out * 1e3:.0f}", f"{block * 1e3:.0f}"))
    full = statistics.median(timed(lambda: filled(narrow(), encoded, BATCH)) for _ in range(report.REPEATS))
    head = ("brought", "10,000 in, ms", "10,000 out best first, ms", "1,000 of them mined, ms")
    lines = [
        "## Transaction pool",
        "",
        f"{TRANSACTIONS:,} transfers of {SENDERS:,} senders; processor time, medians of {report.REPEATS} runs. The "
        "first figure includes reading them and recovering their senders.",
        "",
        report.table(head, rows),
        "",
        f"* into a pool with room for half of them, 256 at a time: {full * 1e3:.0f} ms",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section())
