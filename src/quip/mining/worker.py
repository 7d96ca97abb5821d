"""One miner's worker: template -> gate search -> attempt -> re-check -> sign -> submit, one step at a time.

The worker has no thread of its own: `Miner` runs it on one, the simulation steps it. A new head raises the cancel flag,
which the kernel polls, so that work on a dead template ends in a few milliseconds. Nothing is signed that the
validator's own function refuses.
"""

import logging
import threading
from dataclasses import dataclass, replace
from typing import Protocol

from quip._native import ising
from quip.chain.template import Template
from quip.consensus.errors.root import ConsensusError
from quip.consensus.proof_of_work.proof import check_proof
from quip.consensus.types.block import Block
from quip.ising.puzzle import REPLICAS, Puzzle, search_gate, seed_of
from quip.mining.attempt import Effort, Workbench
from quip.mining.plan import Plan, PlanTable
from quip.mining.samplers.sampler import Sampler, SamplerFailure

log = logging.getLogger("quip.mining")

GATE_STRIDE = 1 << 14
"""Nonces tried per look at the cancel flag: about a millisecond."""
NONCE_LANE_BITS = 48
"""Every worker of a miner searches a range of so many bits of its own."""


class WorkSource(Protocol):
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


class Tally:
    """A miner's statistics, counted by all its workers."""

    def __init__(self, start: MinerStatistics) -> None:
        self._mutex = threading.Lock()
        self._statistics = start

    def snapshot(self) -> MinerStatistics:
        """The figures now."""
        with self._mutex:
            return self._statistics

    def count_effort(self, effort: Effort) -> None:
        """Add one attempt."""
        won = effort.solutions is not None
        self.count(attempts=1, spin_updates=effort.spin_updates, valid_sets=int(won), cancelled=int(effort.cancelled))
        margin = effort.margin
        with self._mutex:
            best = self._statistics.best_margin
            if margin is not None and (best is None or margin > best):
                self._statistics = replace(self._statistics, best_margin=margin)

    def count(self, **more: int) -> None:
        """Add to the fields of these names."""
        with self._mutex:
            now = self._statistics
            self._statistics = replace(now, **{name: getattr(now, name) + by for name, by in more.items()})


class Worker:
    """One sampler at work. Only `cancel` may be called from another thread."""

    def __init__(self, setup: MinerSetup, number: int, puzzle: Puzzle, desk: WorkSource, tally: Tally) -> None:
        self._setup = setup
        self._puzzle = puzzle
        self._desk = desk
        self._tally = tally
        self._cancel = ising.CancelFlag()
        self._bench = Workbench(puzzle, setup.samplers[number], self._cancel, setup.reads)
        self._nonce = (setup.first_nonce + (number << NONCE_LANE_BITS)) % (1 << 64)
        self._failed = ""

    def cancel(self) -> None:
        """End the present work."""
        self._cancel.set()

    def begin(self) -> Template | None:
        """What to work on next; None: nothing now."""
        # Cleared before the template is asked for: a head that arrives later raises it again.
        self._cancel.clear()
        return self._desk.template()

    def work(self, template: Template) -> bool:
        """One gate and one attempt, handed in if it succeeded. False: the sampler failed; wait a moment."""
        found = self._gate(template)
        if found is None:
            return True
        nonce, seed = found
        plan = self._setup.plan or self._setup.plans.at(template.level)
        try:
            effort = self._bench.attempt(seed, template.margin, plan)
        except SamplerFailure as failure:
            self._report_failure(str(failure))
            return False
        self._tally.count_effort(effort)
        if effort.solutions is not None and self._desk.is_current(template):
            self._hand_in(template, nonce, effort.solutions)
        return True

    def _gate(self, template: Template) -> tuple[int, bytes] | None:
        bits = self._puzzle.rules.gate_bits
        while not self._cancel.is_set():
            first = self._nonce
            found = search_gate(template.sealing_hash, first, GATE_STRIDE, bits)
            after = (first + GATE_STRIDE if found is None else found[0] + 1) % (1 << 64)
            self._nonce = after
            self._tally.count(gate_hashes=(after - first) % (1 << 64))
            if found is not None:
                return found
        return None

    def _hand_in(self, template: Template, nonce: int, solutions: tuple[bytes, ...]) -> None:
        seed = seed_of(template.sealing_hash, nonce.to_bytes(8, "big"))
        try:
            check_proof(self._puzzle, seed, solutions, template.margin)
        except ConsensusError as error:
            self._tally.count(refused=1)
            log.error("a sampler offered an invalid proof; it was thrown away: %s", error)
            return
        block = self._desk.seal(template, nonce, solutions)
        if block is not None and self._desk.submit(block):
            self._tally.count(blocks_won=1)

    def _report_failure(self, cause: str) -> None:
        self._tally.count(failures=1)
        if self._failed != cause:
            self._failed = cause
            log.error("%s cannot sample: %s", self._setup.name, cause)
