"""Speed of hybrid signatures on one core: python -m benchmarks.benchmark_signatures [--json] (ten seconds).

Every figure is the median of five measurements; each of the fast ones is the mean over many calls. What takes no disk
and no second thread is measured in processor time.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from quip._native.hashsig import XmssKey
from quip._native.hashsig import verify as xmss_verify
from quip._native.hybrid import verify_transaction
from quip.primitives import ecdsa, hybrid
from quip.primitives.hybrid_transaction import HybridPayload, HybridTransaction
from quip.wallet.mining_identity.identity import MiningIdentity

REPEATS = 5
SECRET = b"\1" * 32
DIGEST = b"\2" * 32
CHAIN_ID = 20050


def median_s(work: Callable[[], object], calls: int = 1, clock: Callable[[], float] = time.perf_counter) -> float:
    """Median over REPEATS of the mean seconds of a call."""
    times = []
    for _ in range(REPEATS):
        start = clock()
        for _ in range(calls):
            work()
        times.append((clock() - start) / calls)
    return statistics.median(times)


def cpu_s(work: Callable[[], object], calls: int) -> float:
    """The same in processor time of this thread."""
    return median_s(work, calls, time.thread_time)


def xmss_figures(suite: int) -> dict[str, float]:
    """Key generation, signing with stored trees, and verification of one suite."""
    seeds = bytes(range(96))
    key = XmssKey.generate(suite, seeds)
    key.prepare(0)
    signature = key.sign(0, DIGEST)
    assert xmss_verify(suite, key.public_key, DIGEST, signature)
    verify_s = cpu_s(lambda: xmss_verify(suite, key.public_key, DIGEST, signature), calls=1_000)
    return {
        "keygen_s": median_s(lambda: XmssKey.generate(suite, seeds).prepare(0)),
        "sign_ms": 1e3 * median_s(lambda: key.sign(0, DIGEST), calls=200),
        "verify_per_s": 1 / verify_s,
    }


def ecdsa_figures() -> dict[str, float]:
    """Signing and recovery."""
    signature = ecdsa.sign(SECRET, DIGEST)
    return {
        "sign_ms": 1e3 * cpu_s(lambda: ecdsa.sign(SECRET, DIGEST), calls=1_000),
        "verify_per_s": 1 / cpu_s(lambda: ecdsa.recover(signature, DIGEST), calls=1_000),
    }


def transaction_figures(suite: int) -> dict[str, float]:
    """A transaction of type 0x51 from its bytes: read, EIP-712 hash, both halves verified, the sender's name."""
    key = XmssKey.generate(suite, bytes(range(96)))
    keys = hybrid.HybridKeys(suite, ecdsa.public_key(SECRET), key.public_key)
    sender = hybrid.account_address(keys)
    payload = HybridPayload(CHAIN_ID, 0, 10**9, 10**11, 21_000, bytes(20), 10**18, b"", (), sender, keys, leaf=0)
    digest = payload.digest()
    signed = HybridTransaction(payload, ecdsa.sign(SECRET, digest), key.sign(0, digest))
    encoded = signed.encode()
    assert HybridTransaction.decode(encoded) == signed
    assert signed.verify()
    return {"verify_per_s": 1 / cpu_s(lambda: verify_transaction(encoded), calls=1_000)}


def seal_figures() -> dict[str, float]:
    """A block's seal: signing with journal and flush to disk, and full verification."""
    with tempfile.TemporaryDirectory() as directory:
        parent = Path(directory)
        with MiningIdentity.open(parent / "keys", CHAIN_ID, parent / "records") as identity:
            hashes = iter(range(10**9))
            sign_s = median_s(lambda: identity.sign_block(next(hashes).to_bytes(32, "big")), calls=100)
            block = bytes(32)
            seal = identity.sign_block(block)
            verify_s = cpu_s(lambda: hybrid.verify_block(CHAIN_ID, identity.keys, block, *seal), calls=500)
        restart_s = median_s(lambda: MiningIdentity.open(parent / "keys", CHAIN_ID, parent / "records").close())
    return {"sign_ms": 1e3 * sign_s, "verify_per_s": 1 / verify_s, "restart_s": restart_s}


def measure() -> dict[str, dict[str, float]]:
    """All figures by name."""
    return {
        "XMSS-SHA2_10_256 (suite 0x01)": xmss_figures(hybrid.SUITE_ACCOUNT),
        "XMSSMT-SHA2_20/2_256 (suite 0x02)": xmss_figures(hybrid.SUITE_MINING),
        "secp256k1 ECDSA": ecdsa_figures(),
        "transaction of type 0x51, suite 0x01": transaction_figures(hybrid.SUITE_ACCOUNT),
        "transaction of type 0x51, suite 0x02": transaction_figures(hybrid.SUITE_MINING),
        "block seal, both halves, journal on disk": seal_figures(),
    }


def section() -> str:
    """The section of docs/benchmarks.md."""
    rows = [f"* {name}: " + ", ".join(f"{unit} {value:,.3f}" for unit, value in values.items())
            for name, values in measure().items()]  # fmt: skip
    return "\n".join(["## Signatures, one core", "", *rows]) + "\n"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    figures = measure()
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return
    for name, values in figures.items():
        print(name)
        for unit, value in values.items():
            print(f"  {unit:<14}{value:>12,.3f}")


if __name__ == "__main__":
    main()
