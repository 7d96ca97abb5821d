"""The miner loop: template -> gate search -> attempt -> re-check -> sign -> submit, on threads of its own.

Every miner kind runs this loop; only the sampler differs. A new head raises the cancel flags, which the kernel polls,
so that work on a dead template ends in a few milliseconds. Nothing is signed that the validator's own function refuses.
"""

import logging
import threading
from dataclasses import dataclass, field, replace
from typing import Protocol

from quip import _native
from quip.chain.template import Template
from quip.consensus.block import Block
from quip.consensus.errors import ConsensusError
from quip.consensus.proof import check_proof
from quip.ising.puzzle import REPLICAS, Puzzle, search_gate, seed_of
from quip.mining.attempt import Effort, Workbench
from quip.mining.plan import Plan, PlanTable
from quip.mining.sampler import Sampler, SamplerFailure

log = logging.getLogger("quip.mining")

GATE_STRIDE = 1 << 14
"""Nonces tried per look at the cancel flag: about a millisecond."""
IDLE_S = 0.05
"""Between two looks for work where there is none."""
JOIN_S = 1.0
"""A stopped worker ends well within this; the kernel polls every few milliseconds."""


class Desk(Protocol):
    """Where work comes from and goes to; every method may be called from any thread."""

    def template(self) -> Template | None:
        """What to mine now; None: nothing (ask again in a moment)."""
        ...

    def is_current(self, template: Template) -> bool: ...

    def seal(self, template: Template, nonce: int, solutions: tuple[bytes, ...]) -> Block | None: ...

    def submit(self, block: Block) -> bool:
        """Whether the block became the head."""
        ...


@dataclass(frozen=True, slots=True)
class MinerStatistics:
    """One miner since its start."""

    name: str
    """CPU-1, GPU-1, ..."""
    kind: str
    device: str
    workers: int
    attempts: int = 0
    gate_hashes: int = 0
    spin_updates: int = 0
    valid_sets: int = 0
    blocks_won: int = 0
    cancelled: int = 0
    failures: int = 0
    """Times that the sampler failed."""
    refused: int = 0
    """Proofs that the sampler offered and the validator's function refused."""
    best_margin: int | None = None
    """Of the sets that met their requirement, in 1/512 energy."""


@dataclass(frozen=True, slots=True)
class MinerSetup:
    """One miner: a name, its sampler(s) and how it works."""

    name: str
    samplers: tuple[Sampler, ...]
    """One per worker thread."""
    plans: PlanTable
    plan: Plan | None = None
    """Instead of the table: what the operator asked for."""
    reads: int = REPLICAS
    first_nonce: int = 0


@dataclass(slots=True)
class _Worker:
    number: int
    sampler: Sampler
    cancel: _native.CancelFlag
    nonce: int
    thread: threading.Thread | None = None
    failed: str = field(default="")


class Miner:
    """Worker threads over one sampler each. `start` once, then `stop` once."""

    def __init__(self, setup: MinerSetup, puzzle: Puzzle, desk: Desk) -> None:
        self._setup = setup
        self._puzzle = puzzle
        self._desk = desk
        self._stopping = threading.Event()
        self._mutex = threading.Lock()
        first = setup.samplers[0]
        self._statistics = MinerStatistics(setup.name, first.kind, first.device, len(setup.samplers))
        self._workers = [
            _Worker(number, sampler, _native.CancelFlag(), (setup.first_nonce + (number << 48)) % (1 << 64))
            for number, sampler in enumerate(setup.samplers)
        ]

    def start(self) -> None:
        """Starts the workers."""
        for worker in self._workers:
            worker.thread = threading.Thread(
                target=self._run, args=(worker,), name=f"{self._setup.name}.{worker.number}", daemon=True
            )
            worker.thread.start()

    def new_head(self) -> None:
        """Ends all present work; the workers ask for a new template."""
        for worker in self._workers:
            worker.cancel.set()

    def stop(self) -> None:
        """Ends the workers and waits for them."""
        self._stopping.set()
        self.new_head()
        for worker in self._workers:
            if worker.thread is not None:
                worker.thread.join(JOIN_S)

    def statistics(self) -> MinerStatistics:
        """A snapshot."""
        with self._mutex:
            return self._statistics

    def _run(self, worker: _Worker) -> None:
        bench = Workbench(self._puzzle, worker.sampler, worker.cancel, self._setup.reads)
        while not self._stopping.is_set():
            # Cleared before the template is asked for: a head that arrives later raises it again.
            worker.cancel.clear()
            template = self._desk.template()
            if template is None:
                self._stopping.wait(IDLE_S)
            elif not self._stopping.is_set():
                self._work(worker, bench, template)

    def _work(self, worker: _Worker, bench: Workbench, template: Template) -> None:
        """One gate and one attempt."""
        found = self._gate(worker, template)
        if found is None:
            return
        nonce, seed = found
        plan = self._setup.plan or self._setup.plans.at(template.level)
        try:
            effort = bench.attempt(seed, template.margin, plan)
        except SamplerFailure as failure:
            self._report_failure(worker, str(failure))
            return
        self._count_effort(effort)
        if effort.solutions is not None and self._desk.is_current(template):
            self._hand_in(template, nonce, effort.solutions)

    def _gate(self, worker: _Worker, template: Template) -> tuple[int, bytes] | None:
        bits = self._puzzle.rules.gate_bits
        while not worker.cancel.is_set():
            first = worker.nonce
            found = search_gate(template.sealing_hash, first, GATE_STRIDE, bits)
            after = (first + GATE_STRIDE if found is None else found[0] + 1) % (1 << 64)
            worker.nonce = after
            self._count(gate_hashes=(after - first) % (1 << 64))
            if found is not None:
                return found
        return None

    def _hand_in(self, template: Template, nonce: int, solutions: tuple[bytes, ...]) -> None:
        seed = seed_of(template.sealing_hash, nonce.to_bytes(8, "big"))
        try:
            check_proof(self._puzzle, seed, solutions, template.margin)
        except ConsensusError as error:
            self._count(refused=1)
            log.error("a sampler offered an invalid proof; it was thrown away: %s", error)
            return
        block = self._desk.seal(template, nonce, solutions)
        if block is not None and self._desk.submit(block):
            self._count(blocks_won=1)

    def _report_failure(self, worker: _Worker, cause: str) -> None:
        self._count(failures=1)
        if worker.failed != cause:
            worker.failed = cause
            log.error("%s cannot sample: %s", self._setup.name, cause)
        self._stopping.wait(IDLE_S)

    def _count_effort(self, effort: Effort) -> None:
        won = effort.solutions is not None
        self._count(attempts=1, spin_updates=effort.spin_updates, valid_sets=int(won), cancelled=int(effort.cancelled))
        margin = effort.margin
        with self._mutex:
            best = self._statistics.best_margin
            if margin is not None and (best is None or margin > best):
                self._statistics = replace(self._statistics, best_margin=margin)

    def _count(self, **more: int) -> None:
        with self._mutex:
            now = self._statistics
            self._statistics = replace(now, **{name: getattr(now, name) + by for name, by in more.items()})
