"""One miner's worker: template -> gate search -> attempt -> re-check -> sign -> submit, one step at a time.

The worker has no thread of its own: `Miner` runs it on one, the simulation steps it. A new head raises the cancel flag,
which the kernel polls, so that work on a dead template ends in a few milliseconds. Nothing is signed that the
validator's own function refuses.
"""

import contextlib
import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import Protocol

from quip._native import ising
from quip.chain.template import Template
from quip.consensus.errors.root import ConsensusError
from quip.consensus.proof_of_work.proof import check_proof
from quip.consensus.types.block import Block
from quip.ising.puzzle import REPLICAS, Puzzle, search_gate, seed_of
from quip.mining.attempt import Best, Effort, Workbench
from quip.mining.core_turns import CoreTurns
from quip.mining.plan import Plan, PlanTable
from quip.mining.samplers.sampler import Sampler, SamplerFailure

log = logging.getLogger("quip.mining")

GATE_STRIDE = 1 << 14
"""Nonces tried per look at the cancel flag: about a millisecond."""
UPDATES_PER_WORK = 1000
"""Spin updates that one unit of work stands for (docs/protocol.md)."""
GATE_HASH_UPDATES = 300
"""Spin updates done in the time of a gate hash: calibration measured 160 on one machine, 380 on another."""
QUICK_SPINS = 1_000
QUICK_STRIDE = 8
"""Of instances that take less than a millisecond, every eighth is searched for the best set that is not good enough."""
ANSWER_S = 1_800.0
"""A sampler that has not ended an attempt for so long does not work; the longest plan takes a minute on a slow core."""
CANCEL_S = 60.0
"""The same, once it was told to end: that takes milliseconds, or a remote device's answer."""
HUNG = "its sampler does not answer"
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
class BlockAttempts:
    """What was tried for the block that is mined now."""

    parent: bytes = b""
    """Hash of its parent."""
    attempts: int = 0
    best_margin: int | None = None
    """Of the sets found, whether or not they met the margin."""
    margin: int | None = None
    """The one to meet; it falls while the block is overdue."""


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
    """Of all sets found, in 1/512 energy."""
    block: BlockAttempts = BlockAttempts()
    busy_s: float = 0.0
    """Time that the workers had work, summed over them."""
    expected_sets: float = 0.0
    """Valid sets that the work so far finds on average, if the level's price is right and the plan the cheapest."""

    @property
    def updates_per_s(self) -> float | None:
        """Spin updates a second of all workers, gate hashes counted as updates; None before the first second's work."""
        if self.busy_s < 1.0 or not self.attempts:
            return None
        return (self.spin_updates + GATE_HASH_UPDATES * self.gate_hashes) / self.busy_s * self.workers


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
    turns: CoreTurns | None = None
    """Where there are more workers than cores to mine with: each waits for its turn before an attempt."""


class Tally:
    """A miner's statistics, counted by all its workers."""

    def __init__(self, start: MinerStatistics) -> None:
        self._mutex = threading.Lock()
        self._statistics = start

    def snapshot(self) -> MinerStatistics:
        """The figures now."""
        with self._mutex:
            return self._statistics

    def best_for(self, template: Template) -> Best:
        """The best set found for a template's block so far."""
        block = self.snapshot().block
        return Best(block.best_margin if block.parent == template.header.parent_hash else None)

    def count_effort(self, effort: Effort, template: Template) -> None:
        """Add one attempt."""
        won = effort.solutions is not None
        self.count(
            attempts=1,
            spin_updates=effort.spin_updates,
            valid_sets=int(won),
            cancelled=int(effort.cancelled),
            expected_sets=effort.spin_updates / (UPDATES_PER_WORK * template.work),
        )
        parent = template.header.parent_hash
        with self._mutex:
            now = self._statistics
            block = now.block if now.block.parent == parent else BlockAttempts(parent)
            block = BlockAttempts(parent, block.attempts + 1, larger(block.best_margin, effort.margin), template.margin)
            self._statistics = replace(now, best_margin=larger(now.best_margin, effort.margin), block=block)

    def count(self, **more: float) -> None:
        """Add to the fields of these names."""
        with self._mutex:
            now = self._statistics
            self._statistics = replace(now, **{name: getattr(now, name) + by for name, by in more.items()})


class Worker:
    """One sampler at work. Only `cancel` may be called from another thread."""

    def __init__(self, setup: MinerSetup, number: int, puzzle: Puzzle, source: WorkSource, tally: Tally) -> None:
        self._setup = setup
        self._puzzle = puzzle
        self._source = source
        self._tally = tally
        self._cancel = ising.CancelFlag()
        self._bench = Workbench(puzzle, setup.samplers[number], self._cancel, setup.reads)
        self._nonce = (setup.first_nonce + (number << NONCE_LANE_BITS)) % (1 << 64)
        self._failed: str | None = None
        self._asked_s: float | None = None
        """When the present attempt began; None between two."""
        self._cancelled_s: float | None = None
        """When it was told to end."""
        self._reported = ""
        self._tries = 0

    @property
    def failing(self) -> str | None:
        """Why the sampler's last call failed, or that the present one does not end; None while all is well."""
        return HUNG if self._is_hung() else self._failed

    def cancel(self) -> None:
        """End the present work."""
        self._cancelled_s = self._cancelled_s or time.monotonic()
        self._cancel.set()

    def begin(self) -> Template | None:
        """What to work on next; None: nothing now."""
        # Cleared before the template is asked for: a head that arrives later raises it again.
        self._cancelled_s = None
        self._cancel.clear()
        return self._source.template()

    def work(self, template: Template) -> bool:
        """One gate and one attempt, handed in if it succeeded. False: the sampler failed; wait a moment."""
        with self._setup.turns or contextlib.nullcontext():
            return self._try(template)

    def _try(self, template: Template) -> bool:
        found = self._gate(template)
        if found is None:
            return True
        nonce, seed = found
        plan = self._setup.plan or self._setup.plans.at(template.level)
        self._asked_s = time.monotonic()
        try:
            effort = self._bench.attempt(seed, template.margin, plan, self._best_for(template))
        except SamplerFailure as failure:
            self._report_failure(str(failure))
            return False
        finally:
            self._asked_s = None
        self._failed = None
        self._tally.count_effort(effort, template)
        if effort.solutions is not None and self._source.is_current(template):
            self._hand_in(template, nonce, effort.solutions)
        return True

    def _is_hung(self) -> bool:
        asked_s, cancelled_s = self._asked_s, self._cancelled_s
        if asked_s is None:
            return False
        if cancelled_s is None:
            return time.monotonic() - asked_s >= ANSWER_S
        return time.monotonic() - max(asked_s, cancelled_s) >= CANCEL_S

    def _best_for(self, template: Template) -> Best | None:
        """The best set so far; None: this attempt need not look for a better one."""
        self._tries += 1
        quick = self._puzzle.rules.topology.n < QUICK_SPINS
        return None if quick and self._tries % QUICK_STRIDE else self._tally.best_for(template)

    def _gate(self, template: Template) -> tuple[int, bytes] | None:
        bits = self._puzzle.rules.gate_bits
        while not self._cancel.is_set():
            first = self._nonce
            found = search_gate(template.sealing_hash, first, GATE_STRIDE, bits)
            after = (first + GATE_STRIDE if found is None else found[0] + 1) % (1 << 64)
            self._nonce = after
            hashes = (after - first) % (1 << 64)
            expected = hashes * GATE_HASH_UPDATES / (UPDATES_PER_WORK * template.work)
            self._tally.count(gate_hashes=hashes, expected_sets=expected)
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
        block = self._source.seal(template, nonce, solutions)
        if block is not None and self._source.submit(block):
            self._tally.count(blocks_won=1)

    def _report_failure(self, cause: str) -> None:
        self._tally.count(failures=1)
        self._failed = cause
        if self._reported != cause:
            self._reported = cause
            log.error("%s cannot sample: %s", self._setup.name, cause)


def larger(one: int | None, other: int | None) -> int | None:
    """The larger of two margins, either of which may not be there."""
    return max((margin for margin in (one, other) if margin is not None), default=None)
