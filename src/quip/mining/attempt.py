"""One attempt at one instance: the baseline, then a plan's stages. The miner and the calibration run this same code."""

import heapq
import math
import time
from dataclasses import dataclass, field

from quip._native import ising
from quip.ising.puzzle import REPLICAS, Puzzle
from quip.mining.plan import Anneal, Cut, Found, Measured, Plan, Probe, Recruit, Round, Screen, Stage
from quip.mining.samplers.sampler import Drawn, PackedSamples, Sampler, Samples
from quip.mining.samplers.schedule import MINING, MINING_GREEDY, Betas, native_schedule

SEED_MASK = (1 << 64) - 1
ANY_ENERGY = (1 << 31) - 1
TENTH = 10


@dataclass(frozen=True, slots=True)
class Mark:
    """What a stage measured."""

    stages: int
    """Of the plan, played so far."""
    value: float
    """A margin, or what else a cut looks at; -inf where there are too few elites."""
    spin_updates: int
    """Of the attempt so far."""
    crossing_s: float
    """Likewise."""


@dataclass(slots=True)
class Effort:
    """What an attempt cost and came to."""

    total: int = 0
    """B, the sum of the baseline's energies."""
    marks: list[Mark] = field(default_factory=list)
    """Of the stages that measure something, in order."""
    spin_updates: int = 0
    crossing_s: float = 0.0
    """Of it, the processor time of crossing and recruiting, which are no spin updates."""
    stages: int = 0
    """Stages that were played."""
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
        base = model.baseline(self.puzzle.schedule, self.cancel)
        if base is None:
            effort.cancelled = True
            return effort
        effort.total = base.total
        effort.spin_updates += REPLICAS * model.n * self.puzzle.rules.sweeps
        start = int.from_bytes(seed[8:16], "little")
        played = _Attempt(self, _Instance(model, base, start, margin), best, effort)
        for stage in plan.stages:
            effort.stages += 1
            if not played.play(stage):
                break
        return effort


@dataclass(frozen=True, slots=True)
class _Instance:
    """What is tried, and what is asked."""

    model: ising.Model
    base: ising.Samples
    start: int
    """Seed of the first run."""
    margin: int


class _Attempt:
    """The state between stages."""

    def __init__(self, bench: Workbench, instance: _Instance, best: Best | None, effort: Effort) -> None:
        self._bench = bench
        self._instance = instance
        self._rules = bench.puzzle.rules
        self._total = instance.base.total
        self._baseline = min(self._total, self._rules.baseline_cap)
        self._best = best
        self._effort = effort
        self._runs = 0
        self._families: ising.Families | None = None

    def play(self, stage: Stage) -> bool:
        """Whether to go on. Raises SamplerFailure."""
        match stage:
            case Screen(cut):
                return self._screen(cut)
            case Probe(sweeps, cut):
                probed = self._sample(sweeps, ~self._instance.start)
                return probed is not None and self._screened(cut, probed)
            case Anneal(sweeps, cut):
                return self._anneal(sweeps, cut)
            case Found():
                return self._found(stage)
            case Round():
                return self._round(stage)
            case Recruit(keep, elites, slack):
                return self._recruit(keep, elites, slack) and not self._solved(self._reached())

    def _sample(self, sweeps: int, seed: int) -> Samples | None:
        bench = self._bench
        drawn: Drawn | None = bench.sampler.sample(
            self._instance.model, bench.reads, sweeps, seed & SEED_MASK, bench.cancel
        )
        if drawn is None:
            self._effort.cancelled = True
            return None
        self._effort.spin_updates += drawn.spin_updates
        return drawn.samples

    def _next_run(self, sweeps: int) -> Samples | None:
        self._runs += 1
        return self._sample(sweeps, self._instance.start + self._runs - 1)

    def _screen(self, cut: Cut | None) -> bool:
        base = self._instance.base
        if cut is not None and cut.of is not Measured.REACHED:
            return self._screened(cut, base)
        if self._take(base, self._least(cut)) or self._effort.cancelled:
            return False
        return cut is None or self._passed(cut, self._best_margin())

    def _anneal(self, sweeps: int, cut: Cut | None) -> bool:
        samples = self._next_run(sweeps)
        if samples is None or self._take(samples, self._least(cut)) or self._effort.cancelled:
            return False
        if self._best is not None:
            known = [one for one in (self._best.margin, self._effort.margin) if one is not None]
            if self._take(samples, max(known) + 1 if known else None):
                return False
        return cut is None or self._passed(cut, self._best_margin())

    def _least(self, cut: Cut | None) -> int:
        """The lowest margin of a set that matters: the one asked for, or what a cut goes on with."""
        asked = self._instance.margin
        return asked if cut is None else min(asked, math.ceil(cut.needed(self._total, asked)))

    def _best_margin(self) -> float:
        return float("-inf") if self._effort.margin is None else self._effort.margin

    def _take(self, samples: Samples, margin: int | None) -> bool:
        """Look for a set of at least this margin (None: of any); True if it meets the one asked for."""
        rules, effort = self._rules, self._effort
        bound = ANY_ENERGY if margin is None else (self._baseline - margin) // REPLICAS
        cancel = self._bench.cancel
        found = samples.diverse(bound, rules.min_solutions, rules.min_distance, rules.fold, cancel)
        if found is not None:
            reached = self._baseline - REPLICAS * found[0]
            effort.margin = reached if effort.margin is None else max(effort.margin, reached)
            if reached >= self._instance.margin:
                effort.solutions = tuple(found[1])
        else:
            effort.cancelled = cancel.is_set()
        return effort.solutions is not None

    def _found(self, stage: Found) -> bool:
        samples = self._next_run(stage.sweeps)
        if samples is None:
            return False
        rules, model = self._rules, self._instance.model
        self._families = ising.Families(model, rules.min_distance, rules.fold, self._instance.start)
        if isinstance(samples, ising.Samples):
            self._families.load(samples)
        else:
            assert isinstance(samples, PackedSamples), "the one other kind of samples there is"
            self._families.load_packed(list(samples.packed[:REPLICAS]), self._bench.cancel)
        if not self._recruit(0, stage.elites, stage.slack):
            return False
        reached = self._reached()
        self._mark(reached)
        return not self._solved(reached) and (
            stage.cut is None or self._passed(stage.cut, self._measured(stage.cut.of, samples))
        )

    def _round(self, stage: Round) -> bool:
        families, cancel = self._elites(), self._bench.cancel
        greedy = min(MINING_GREEDY, stage.sweeps - 1)
        schedule = native_schedule(stage.sweeps - greedy, Betas(stage.beta, MINING.last), greedy)
        if not (families.spread(stage.noise, stage.parents, cancel) and families.anneal(schedule, cancel)):
            self._effort.cancelled = True
            return False
        self._effort.spin_updates += REPLICAS * self._instance.model.n * stage.sweeps
        begun_s = time.thread_time()
        self._effort.cancelled = not families.cross(stage.near, cancel)
        self._effort.crossing_s += time.thread_time() - begun_s
        if self._effort.cancelled:
            return False
        reached = self._reached()
        self._mark(reached)
        return not self._solved(reached) and (stage.cut is None or self._passed(stage.cut, reached))

    def _recruit(self, keep: int, elites: int, slack: int) -> bool:
        """False: cancelled."""
        begun_s = time.thread_time()
        count = self._elites().recruit(keep, elites, slack, self._bench.cancel)
        self._effort.crossing_s += time.thread_time() - begun_s
        self._effort.cancelled = count is None
        return count is not None

    def _elites(self) -> ising.Families:
        assert self._families is not None, "a plan founds its elites before it refines them"
        return self._families

    def _reached(self) -> float:
        """The margin that the best elites meet."""
        energies = sorted(self._elites().energies)
        count = self._rules.min_solutions
        return self._baseline - REPLICAS * energies[count - 1] if len(energies) >= count else float("-inf")

    def _solved(self, reached: float) -> bool:
        """Note what the elites reach; True if it is enough."""
        if reached == float("-inf"):
            return False
        self._effort.margin = max(int(reached), self._effort.margin or int(reached))
        if reached < self._instance.margin:
            return False
        ranked = sorted(self._elites().elites(self._rules.fold))[: self._rules.min_solutions]
        self._effort.solutions = tuple(sorted(packed for _, packed in ranked))
        return True

    def _screened(self, cut: Cut, samples: Samples) -> bool:
        value = self._measured(cut.of, samples)
        self._mark(value)
        return self._passed(cut, value)

    def _mark(self, value: float) -> None:
        effort = self._effort
        effort.marks.append(Mark(effort.stages, value, effort.spin_updates, effort.crossing_s))

    def _passed(self, cut: Cut, measured: float) -> bool:
        return cut.passed(measured, self._total, self._instance.margin)

    def _measured(self, of: Measured, samples: Samples) -> float:
        if of is Measured.REACHED:
            return self._reached()
        if of is Measured.BEST:
            return self._total - REPLICAS * float(samples.best)
        energies = samples.energies
        share = heapq.nsmallest(max(1, len(energies) // TENTH), energies) if of is Measured.DECILE else energies
        return self._total - REPLICAS * sum(share) / len(share)
