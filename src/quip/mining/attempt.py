"""One attempt at one instance: baseline, probe, anneal, choose. The miner and the calibration run this same code."""

from dataclasses import dataclass

from quip._native import ising
from quip.ising.puzzle import REPLICAS, Puzzle
from quip.mining.plan import Plan
from quip.mining.samplers.sampler import Sampler, Samples

SEED_MASK = (1 << 64) - 1
ANY_ENERGY = (1 << 31) - 1


@dataclass(slots=True)
class Effort:
    """What an attempt cost and came to."""

    spin_updates: int = 0
    margin: int | None = None
    """The best margin at which a diverse set was found, in 1/512 energy; None: none was looked for, or found."""
    cancelled: bool = False
    solutions: tuple[bytes, ...] | None = None
    """A set that meets the margin asked for."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best margin so far; None: there is none."""

    margin: int | None


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a worker needs for its attempts."""

    puzzle: Puzzle
    sampler: Sampler
    cancel: ising.CancelFlag
    reads: int = REPLICAS

    def attempt(self, seed: bytes, margin: int, plan: Plan, best: Best | None = None) -> Effort:
        """Tries to meet `margin` on the instance of `seed`. Raises SamplerFailure.

        With `best`, a set that does not meet it but is better than that is noted too: a native call that mostly ends at
        once, since fewer and fewer samples can improve on the best.
        """
        effort = Effort()
        model = self.puzzle.model(seed)
        rules = self.puzzle.rules
        base = model.baseline(self.puzzle.schedule, self.cancel)
        if base is None:
            effort.cancelled = True
            return effort
        baseline = min(base.total, rules.baseline_cap)
        effort.spin_updates += REPLICAS * model.n * rules.sweeps
        start = int.from_bytes(seed[8:16], "little")
        if plan.probe_sweeps and not self._promising(model, base.total, plan, start, effort):
            return effort
        for turn in range(1 + plan.retries):
            drawn = self.sampler.sample(model, self.reads, plan.sweeps, (start + turn) & SEED_MASK, self.cancel)
            if drawn is None:
                effort.cancelled = True
                return effort
            effort.spin_updates += drawn.spin_updates
            self._choose(drawn.samples, baseline, margin, effort)
            if effort.solutions is not None:
                return effort
            if best is not None:
                self._note_better(drawn.samples, baseline, best, effort)
        return effort

    def _promising(self, model: ising.Model, total: int, plan: Plan, start: int, effort: Effort) -> bool:
        drawn = self.sampler.sample(model, self.reads, plan.probe_sweeps, ~start & SEED_MASK, self.cancel)
        if drawn is None:
            effort.cancelled = True
            return False
        effort.spin_updates += drawn.spin_updates
        energies = drawn.samples.energies
        return total - REPLICAS * sum(energies) // len(energies) >= plan.probe_margin

    def _note_better(self, samples: Samples, baseline: int, best: Best, effort: Effort) -> None:
        rules = self.puzzle.rules
        margin = max((known for known in (best.margin, effort.margin) if known is not None), default=None)
        bound = ANY_ENERGY if margin is None else (baseline - margin - 1) // REPLICAS
        found = samples.diverse(bound, rules.min_solutions, rules.min_distance, rules.fold)
        if found is not None:
            effort.margin = baseline - REPLICAS * found[0]

    def _choose(self, samples: Samples, baseline: int, margin: int, effort: Effort) -> None:
        rules = self.puzzle.rules
        bound = (baseline - margin) // REPLICAS
        found = samples.diverse(bound, rules.min_solutions, rules.min_distance, rules.fold)
        if found is not None:
            effort.margin = baseline - REPLICAS * found[0]
            effort.solutions = tuple(found[1])
