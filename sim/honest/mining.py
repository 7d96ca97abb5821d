"""One node's miner without threads: the real worker, stepped when the seed says that an attempt succeeds.

Which attempts fail is not played: on the `test` ladder a handful of drawn spins is a proof, so the times between
winning attempts are drawn (exponential, by hash share and by the work in force) and only those attempts are made.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

from quip._native import ising
from quip.ising.puzzle import Puzzle
from quip.mining.plan import FALLBACK, annealing_plan
from quip.mining.samplers.sampler import Drawn, PackedSamples, folded
from quip.mining.worker import MinerSetup, MinerStatistics, Tally, Worker, WorkSource

READS = 12
Later: TypeAlias = Callable[[float, Callable[[], None]], None]
"""Has something done after so many seconds."""
ATTEMPT_S = 0.25
"""How long one attempt lasts: a head that arrives meanwhile cancels it."""


class DrawnSpins:
    """A sampler that draws configurations and anneals nothing; enough for the easiest ladder."""

    kind = "cpu"
    device = "drawn spins"

    def sample(self, model: ising.Model, reads: int, sweeps: int, seed: int, cancel: ising.CancelFlag) -> Drawn | None:
        """`reads` random configurations; None: cancelled."""
        del sweeps
        if cancel.is_set():
            return None
        draws = random.Random(seed)
        size = (model.n + 7) // 8
        mask = (1 << model.n) - 1
        spins = [folded((draws.getrandbits(model.n) & mask).to_bytes(size, "little"), model.n) for _ in range(reads)]
        rows = sorted(zip(model.energies(spins), spins, strict=True))
        return Drawn(PackedSamples(tuple(row[1] for row in rows), [row[0] for row in rows], model.n), 0)


class SimMiner:
    """Drives one worker. `pace()`: seconds between this node's blocks, on average, at the work in force now."""

    def __init__(
        self, later: Later, rng: random.Random, source: WorkSource, puzzle: Puzzle, pace: Callable[[], float]
    ) -> None:
        self._later = later
        self._rng = rng
        self._pace = pace
        self._stopped = False
        setup = MinerSetup("SIM-1", (DrawnSpins(),), FALLBACK, annealing_plan(sweeps=1), READS, rng.getrandbits(48))
        self._tally = Tally(MinerStatistics(setup.name, DrawnSpins.kind, DrawnSpins.device, 1))
        self._worker = Worker(setup, 0, puzzle, source, self._tally)

    def start(self) -> None:
        """Begin."""
        self._draw()

    def new_head(self) -> None:
        """Ends the attempt under way."""
        self._worker.cancel()

    def stop(self) -> None:
        """No more blocks."""
        self._stopped = True
        self._worker.cancel()

    def statistics(self) -> MinerStatistics:
        """As a miner reports them."""
        return self._tally.snapshot()

    def _draw(self) -> None:
        self._later(self._rng.expovariate(1.0) * self._pace(), self._begin)

    def _begin(self) -> None:
        if self._stopped:
            return
        template = self._worker.begin()
        if template is None:
            self._draw()
            return

        def finish() -> None:
            if not self._stopped:
                self._worker.work(template)
                self._draw()

        self._later(ATTEMPT_S, finish)
