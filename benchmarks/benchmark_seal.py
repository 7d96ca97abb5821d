"""What a validator and a miner pay beside annealing, public network: stream and model, baseline, energies, the whole
seal check, the gate search, and how fast work is cancelled.

    python -m benchmarks.benchmark_seal
"""

import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from quip._native import ising, store
from quip.chain.chain import Chain
from quip.chain.template import Template, seal_template
from quip.consensus import rules
from quip.consensus.proof_of_work.proof import check_proof, puzzle_rules
from quip.consensus.types.block import Block
from quip.ising.puzzle import Puzzle, search_gate
from quip.mining.miner import Miner, MinerSetup
from quip.mining.plan import PlanTable, annealing_plan
from quip.mining.samplers.cpu import CpuSampler
from quip.networks.shipped import load_spec
from quip.storage.chain_store import for_network
from quip.wallet.mining_identity.identity import MiningIdentity

SPEC = load_spec("public")
EASY = -1_000_000
"""A margin that any anneal meets."""
CALLS = 20


class FreeBaseline(Puzzle):
    """The puzzle with the baseline given away: what the seal check costs without it."""

    def baseline(self, seed: bytes) -> int:
        return 0


def mined_block(chain: Chain, puzzle: Puzzle, identity: MiningIdentity) -> Block:
    """A block with a real gate, a real signature and ten diverse solutions (at a margin that any anneal meets)."""
    template = chain.draft(bytes(20), identity.miner_id, int(time.time())).build()
    found = search_gate(template.sealing_hash, 0, 1 << 24, SPEC.puzzle.gate_bits)
    assert found is not None
    nonce, seed = found
    drawn = CpuSampler().sample(puzzle.model(seed), 512, 64, 1, ising.CancelFlag())
    assert drawn is not None
    result = drawn.samples.diverse(0, SPEC.puzzle.min_solutions, SPEC.puzzle.min_distance, True)
    assert result is not None
    return seal_template(template, nonce, tuple(result[1]), identity)


def seal_check(puzzle: Puzzle, raw: bytes) -> None:
    """Gate, signature, canonical form, distances, energies and (unless it is free) the baseline."""
    block = Block.decode(raw)
    rules.check_gate(SPEC, block.header)
    seal = rules.check_signature(SPEC, block.header, block.seal)
    check_proof(puzzle, block.header.mix_hash, seal.solutions, EASY)


def many(work: object) -> float:
    """Mean seconds of CALLS calls."""
    return report.timed(lambda: [work() for _ in range(CALLS)]) / CALLS  # type: ignore[operator]


class BlockingSource:
    """Hands out one template for ever and notes when it is asked."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self.asked = threading.Event()

    def template(self) -> Template:
        self.asked.set()
        return self._template

    def is_current(self, template: Template) -> bool:
        return False

    def seal(self, template: Template, nonce: int, solutions: tuple[bytes, ...]) -> None:
        return None

    def submit(self, block: Block) -> bool:
        return False


def cancel_latencies(puzzle: Puzzle, template: Template, path: str) -> list[float]:
    """Seconds from a new head to the next template, in the middle of a long anneal."""
    source = BlockingSource(template)
    long = PlanTable("", ((0, annealing_plan(1 << 13)),))
    miner = Miner(MinerSetup("CPU-1", (CpuSampler(path),), long), puzzle, source)
    miner.start()
    latencies = []
    for turn in range(12):
        source.asked.wait()
        time.sleep(0.12 + 0.013 * turn)  # into the anneal, at different places
        source.asked.clear()
        started = time.perf_counter()
        miner.new_head()
        source.asked.wait()
        latencies.append(time.perf_counter() - started)
    miner.stop()
    return sorted(latencies)


def section() -> str:
    """The section of docs/benchmarks.md."""
    puzzle = Puzzle(replace(puzzle_rules(SPEC.puzzle), baseline_cap=1 << 40))
    free = FreeBaseline(puzzle.rules)
    chain = Chain.open(SPEC, for_network(store.Store.in_memory(), SPEC.chain_id), puzzle)
    with tempfile.TemporaryDirectory() as folder:
        parent = Path(folder)
        with MiningIdentity.open(parent / "keys", SPEC.chain_id, parent / "records") as identity:
            block = mined_block(chain, puzzle, identity)
            template = chain.draft(bytes(20), identity.miner_id, int(time.time())).build()
    raw, seed = block.encode(), block.header.mix_hash
    assert block.seal is not None
    solutions = list(block.seal.solutions)
    model = puzzle.model(seed)
    seal_check(puzzle, raw)
    rows = [("stream and model", many_median(lambda: puzzle.model(seed)), 1.0)]
    for path, limit in (("avx512", 5.0), ("avx2", 12.0), ("portable", 0.0)):
        if path in ising.paths():
            rows.append((f"baseline of {puzzle.rules.sweeps} sweeps, {path}",
                         many_median(lambda path=path: model.baseline(puzzle.schedule, path=path)), limit))  # fmt: skip
    rows += [
        ("energies of ten solutions", many_median(lambda: model.energies(solutions)), 0.0),
        ("seal check without baseline", many_median(lambda: seal_check(free, raw)), 1.0),
        ("whole seal check", many_median(lambda: seal_check(puzzle, raw)), 0.0),
    ]
    lines = [
        f"* {name}: {1e3 * seconds:.3f} ms"
        + (f", {limit:.0f} ms asked: {report.verdict(1e3 * seconds <= limit)}" if limit else "")
        for name, seconds, limit in rows
    ]
    hashes = 1 << 21
    gate = report.medians([lambda: search_gate(bytes(32), 0, hashes, 60)])[0]
    lines.append(f"* gate search: {hashes / gate / 1e6:.1f} million hashes/s; a gate of {SPEC.puzzle.gate_bits} bits: "
                 f"{(1 << SPEC.puzzle.gate_bits) * gate / hashes * 1e3:.2f} ms")  # fmt: skip
    for path in ising.paths():
        slow = cancel_latencies(puzzle, template, path)
        lines.append(f"* new head to new template in mid-anneal, {path}: median {1e3 * slow[6]:.1f} ms, worst of 12 "
                     f"{1e3 * slow[-1]:.1f} ms, 100 ms asked: {report.verdict(slow[-1] < 0.1)}")  # fmt: skip
    return "\n".join(["## Validator and miner, public network, one core", "", *lines]) + "\n"


def many_median(work: object) -> float:
    """Median over rounds of the mean of CALLS calls."""
    return sorted(many(work) for _ in range(report.REPEATS))[report.REPEATS // 2]


if __name__ == "__main__":
    print(section())
