"""Execution beside revm alone: a loop in gas a second, ERC-20 transfers a second; and senders recovered a second.

    python -m benchmarks evm

The first two are native on both sides (crates/evm/benches/speed.rs): what our executor adds is what is measured, on the
same state in memory, by the thread's own time. Limits: 0.9 of revm's loop, 0.5 of its transfers.
"""

import json
import subprocess
import time

from benchmarks import report
from quip._native import evm

LOOP_SHARE = 0.9
TRANSFER_SHARE = 0.5
SIGNATURES = 4_000
EXAMPLE = bytes.fromhex(
    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080"
    "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
    "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
)
"""The signed transaction of EIP-155."""


def native() -> dict[str, float]:
    """What the native benchmark prints."""
    command = ["cargo", "bench", "--quiet", "--locked", "--package", "quip-evm", "--bench", "speed"]
    done = subprocess.run(command, cwd=report.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def recovered() -> float:
    """Transactions a second of processor time, decoded and their senders recovered."""
    started = time.process_time()
    found = evm.recover([EXAMPLE] * SIGNATURES)
    seconds = time.process_time() - started
    assert all(isinstance(transaction, evm.Transaction) for transaction in found)
    return SIGNATURES / seconds


def verdict(share: float, limit: float) -> str:
    """What a share is beside its limit."""
    return f"{share:.2f} of revm's, limit {limit}: {'met' if share >= limit else 'MISSED'}"


def section() -> str:
    """The section of docs/benchmarks.md."""
    figures = native()
    loop, transfers = figures["loop_own"], figures["erc20_own"]
    lines = [
        "## Execution",
        "",
        f"* loop: {loop:.0f} Mgas/s, revm alone {figures['loop_bare']:.0f}: "
        + verdict(loop / figures["loop_bare"], LOOP_SHARE),
        f"* ERC-20 transfers in memory: {transfers:,.0f}/s, revm alone {figures['erc20_bare']:,.0f}/s: "
        + verdict(transfers / figures["erc20_bare"], TRANSFER_SHARE),
        f"* the same from a trie in memory, with receipts and the new root: {figures['erc20_block']:,.0f}/s",
        f"* senders: {recovered():,.0f}/s a core, decoding included",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section())
