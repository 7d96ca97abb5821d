"""Sync: a fresh node fetches a chain from another over QUIC on loopback; on the test network again, killed half-way.

python -m benchmarks.benchmark_sync [blocks]      (20,000; the chain is made once and kept in the temporary folder)

Then three chains of which no block, one in 20 and every block shows an ommer, in turns.

Measured against the whole seal check (gate, header rules, signatures, energies, baseline) on one core of the same
machine, in the same minute. Both nodes share the machine's cores. The test network's puzzle is tiny, so that this
measures everything around it; the second chain has the public puzzle, and a ladder that lets drawn spins pass.
"""

import contextlib
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.benchmark_ommers import SHARES, grown
from quip._native import hashsig, keys
from quip.chain.chain import Chain
from quip.consensus.block_validation import Parent, Rules, SealCheck, SealedHeader, check_headers, check_seals
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import ChainSpec, parse_spec
from quip.ising.puzzle import Puzzle
from quip.localnet.node_process import NodeProcess
from quip.localnet.plan import free_udp_ports, node_program
from quip.networks.shipped import load_spec
from quip.primitives.ecdsa import public_key
from quip.primitives.hybrid import SUITE_MINING, HybridKeys, block_digest
from quip.storage import STORE_FILE
from quip.storage.chain_store import open_chain_store, read_chain_store
from sim.honest.chain_generator import ChainGenerator

BLOCKS = int(os.environ.get("BENCH_SYNC_BLOCKS", "20000"))
PUBLIC_BLOCKS = 1_000
DRAWN_LADDER = [[0, -8_300_000], [64 << 16, -8_200_000]]
"""Margins so far above any baseline of the public puzzle that drawn spins meet them."""
GOAL = 0.6
SAMPLE = 1_000
DEADLINE_S = 600.0
STORE_FORMAT = 2
"""Part of the name of kept chains: a new one for every new format of the store."""
BATCH = 512
SHARE_BLOCKS = 3_000
SHARE_ROUNDS = 3
BUSY_THREADS = 3


@dataclass(frozen=True)
class Subject:
    """A chain to be fetched."""

    title: str
    genesis: str
    """For --genesis-config."""
    spec: ChainSpec
    blocks: int
    every: int = 0
    """Every how-many-th block shows an ommer; 0: none."""

    @property
    def puzzle(self) -> Puzzle:
        """Its puzzle."""
        return Puzzle(puzzle_rules(self.spec.puzzle))


def drawn_public(folder: Path) -> Subject:
    """The public puzzle under a ladder without work."""
    document = json.loads((report.ROOT / "genesis_block_public.json").read_text(encoding="utf-8"))
    document["chain_id"] += 2_000
    document["puzzle"]["ladder"] = DRAWN_LADDER
    file = folder / "drawn.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return Subject("public puzzle", str(file), parse_spec(file.read_bytes()), PUBLIC_BLOCKS)


class Signer:
    """A mining key that forgets which leaves it used: for this chain only."""

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id
        self._secret = bytes(31) + b"\1"
        self._xmss = hashsig.XmssKey.generate(SUITE_MINING, bytes(96))
        self.keys = HybridKeys(SUITE_MINING, public_key(self._secret), self._xmss.public_key)
        self._leaf = 0

    def sign_block(self, block_hash: bytes) -> tuple[bytes, bytes]:
        """As BlockSigner."""
        digest = block_digest(self._chain_id, self.keys, self._leaf, block_hash)
        signatures = keys.ecdsa_sign(self._secret, digest), self._xmss.sign(self._leaf, digest)
        self._leaf += 1
        return signatures


def made_chain(subject: Subject) -> Path:
    """A data directory with a chain of so many blocks, made where absent."""
    ommers = f"-{subject.every}" if subject.every else ""
    name = f"quip-benchmark-{subject.blocks}-{subject.spec.digest.hex()[:8]}-{STORE_FORMAT}{ommers}"
    folder = Path(tempfile.gettempdir()) / name
    store = folder / STORE_FILE
    if not store.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        unfinished = folder / "unfinished"
        unfinished.unlink(missing_ok=True)
        opened = open_chain_store(unfinished, subject.spec.chain_id)
        puzzle = subject.puzzle
        chain = Chain.open(subject.spec, opened, puzzle)
        generator = ChainGenerator(chain, puzzle, [Signer(subject.spec.chain_id)], 1)
        if subject.every:
            grown(generator, subject.blocks, subject.every)
        else:
            for _ in generator.extend(subject.blocks):
                pass
        opened.close()
        unfinished.rename(store)
    return folder


def seals_per_second(folder: Path, subject: Subject) -> float:
    """Blocks whose gate, header rules and whole seal one core checks in a second, many seals in one call."""
    spec, puzzle = subject.spec, subject.puzzle
    opened = read_chain_store(folder / STORE_FILE)
    numbers = range(1, SAMPLE + 1)
    blocks = [opened.block(opened.canonical(number) or b"") for number in (0, *numbers)]
    opened.close()
    genesis, *above = [block for block in blocks if block is not None]

    def check() -> None:
        parent = Parent(genesis.header.hash, genesis.header, genesis.context)
        headers = check_headers(spec, parent, [block.header for block in above], above[-1].header.timestamp)
        checks = [SealCheck(one, block.seal) for one, block in zip(headers, above, strict=True) if block.seal]
        found = check_seals(Rules(spec, puzzle), checks)
        assert sum(isinstance(verdict, SealedHeader) for verdict in found) == len(above)

    return len(above) / report.medians([check], 3)[0]


class Node(NodeProcess):
    """quip-network-node without mining."""

    def __init__(self, genesis: str, data_dir: Path, *arguments: str) -> None:
        super().__init__(data_dir, data_dir.with_name(data_dir.name + ".log"))
        self.port = free_udp_ports()[0]
        command: list[str | Path] = [
            node_program(), "--num-cpus", "1", "cpu", "--genesis-config", genesis, "--data-dir", data_dir,
            "--rpc-port", "0", "--port", str(self.port), "--listen", "127.0.0.1", *arguments,
        ]  # fmt: skip
        self.launch(command, cwd=data_dir.parent)

    def reach(self, height: int) -> float:
        """Waits until its head is at least so high; the moment."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if (self.height() or 0) >= height:
                return time.monotonic()
            assert self.status is None, f"the node ended: {self.output}"
            time.sleep(0.05)
        raise AssertionError(f"no block {height} in {DEADLINE_S} s: {self.output}")


@contextlib.contextmanager
def running(subject: Subject, data_dir: Path, *arguments: str) -> Iterator[Node]:
    """A node that ends with the block."""
    node = Node(subject.genesis, data_dir, *arguments)
    try:
        yield node
    finally:
        if node.status is None:
            node.stop(deadline_s=30.0)


def stored_height(data_dir: Path) -> int:
    """Number of the head in a stopped node's store."""
    opened = read_chain_store(data_dir / STORE_FILE)
    head = opened.head()
    header = opened.header(head) if head else None
    opened.close()
    return header.number if header else 0


@dataclass(frozen=True)
class Synced:
    """A fresh node's sync, from its first answer to the last block."""

    blocks_per_s: float
    loop_us: float
    """CPU of its event loop, a block: QUIC, messages, headers."""
    threads_us: list[float]
    """CPU of its other threads, a block, the busiest first: the chain's, the two that verify seals, and idle ones."""


def thread_seconds(pid: int) -> dict[int, float]:
    """CPU seconds of a process's threads by thread id; the loop has the process's id."""
    tick_s, found = 1 / os.sysconf("SC_CLK_TCK"), {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        found[int(task.name)] = (int(fields[11]) + int(fields[12])) * tick_s
    return found


def synced(subject: Subject, source: Node, data_dir: Path) -> Synced:
    """Start a fresh node beside a source, and wait until it has everything."""
    with running(subject, data_dir, "--peer", f"127.0.0.1:{source.port}") as node:
        low = max(1, subject.blocks // 20)
        started = node.reach(low)
        begun, pid = node.height() or low, node.pid
        assert pid is not None
        before = thread_seconds(pid)
        count = subject.blocks - begun
        rate = count / (node.reach(subject.blocks) - started)
        spent = {thread: 1e6 * (now - before.get(thread, 0)) / count for thread, now in thread_seconds(pid).items()}
    return Synced(rate, spent.pop(pid), sorted(spent.values(), reverse=True)[:BUSY_THREADS])


def killed_half_way(subject: Subject, source: Node, data_dir: Path) -> tuple[int, int]:
    """kill -9 at half of the chain: (the head that was seen last, the head in the store then)."""
    with running(subject, data_dir, "--peer", f"127.0.0.1:{source.port}") as node:
        node.reach(subject.blocks // 2)
        seen = node.height() or 0
        node.kill()
    return seen, stored_height(data_dir)


def measured(subject: Subject, kill: bool) -> list[str]:
    """The lines about one chain."""
    source_dir = made_chain(subject)
    with tempfile.TemporaryDirectory() as folder, running(subject, source_dir) as source:
        source.reach(subject.blocks)
        rate = synced(subject, source, Path(folder) / "fresh").blocks_per_s
        if kill:
            seen, left = killed_half_way(subject, source, Path(folder) / "killed")
            synced(subject, source, Path(folder) / "killed")
    one_core = seals_per_second(source_dir, subject)
    cores = min(2, os.cpu_count() or 1)
    share = rate / (cores * one_core)
    lines = [
        f"* {subject.title}, {subject.blocks} blocks: "
        f"gate, header rules and whole seals, one core: {one_core:.0f} blocks/s",
        f"* a fresh node: {rate:.0f} blocks/s, {share:.0%} of both cores' limit, {GOAL:.0%} asked: "
        f"{report.verdict(share >= GOAL)} (both nodes and all of QUIC run on the same cores)",
    ]
    if kill:
        lines.append(
            f"* kill -9 half-way: block {seen} was seen, {left} was in the store; at most {BATCH} lost asked: "
            f"{report.verdict(seen - left <= BATCH)}; the same node then goes on to the end"
        )
    return lines


def with_ommers() -> list[str]:
    """The lines about three shares of blocks with ommers: medians of SHARE_ROUNDS runs, in turns."""
    subjects = {what: Subject(what, "test", load_spec("test"), SHARE_BLOCKS, every) for what, every in SHARES.items()}
    found: dict[str, list[Synced]] = {what: [] for what in subjects}
    for round_number in range(SHARE_ROUNDS):
        for what, subject in subjects.items():
            source_dir = made_chain(subject)
            with tempfile.TemporaryDirectory() as folder, running(subject, source_dir) as source:
                source.reach(subject.blocks)
                found[what].append(synced(subject, source, Path(folder) / f"fresh-{round_number}"))
    rows = []
    for what, runs in found.items():
        threads = [statistics.median(figures) for figures in zip(*(run.threads_us for run in runs), strict=True)]
        rows.append([
            what, f"{statistics.median(run.blocks_per_s for run in runs):.0f}",
            f"{statistics.median(run.loop_us for run in runs):.0f}", ", ".join(f"{figure:.0f}" for figure in threads),
        ])  # fmt: skip
    head = ["shows an ommer", "blocks/s", "loop, us a block", "other threads, us a block"]
    return [
        "", f"With ommers, test network, {SHARE_BLOCKS} blocks, medians of {SHARE_ROUNDS} runs in turns; CPU of the",
        "fresh node's threads (the chain's, two that verify seals):", "", report.table(head, rows), "",
    ]  # fmt: skip


def section(blocks: int = BLOCKS) -> str:
    """The section of docs/benchmarks.md."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [
            "## Sync, two nodes on one machine", "",
            *measured(Subject("test network", "test", load_spec("test"), blocks), kill=True),
            *measured(drawn_public(Path(folder)), kill=False),
            *with_ommers(),
        ]  # fmt: skip
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
    return "\n".join([*lines, f"* the largest node's memory: {peak_mb:.0f} MB"]) + "\n"


if __name__ == "__main__":
    print(section(int(sys.argv[1]) if len(sys.argv) > 1 else BLOCKS))
