"""Screened plans of small graphs: many instances looked at, the promising ones played, every plan priced by counting.

A screened plan takes the baseline's own samples as its first run: they hold the set, or the instance goes on iff the
best set in them is good enough, and once more after the first anneal; then anneals until one holds the set. On a small
graph an instance costs little more than its baseline, so what counts is how many are looked at.

The survey has tiers. Each looks at more instances than the one before and plays those whose baseline reaches the tier's
*floor*, a quantile of what the first tier's baselines reached. A margin is priced in the last tier that has room for a
cut between its floor and the margin. Proofs, anneals and instances are counted, so nothing is assumed of their
distribution; beyond the last margin with ENOUGH proofs the plan stays as it is there, and its share of proofs is a
normal tail fitted to the highest margins that it proves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from quip._native import ising
from quip.ising.puzzle import REPLICAS, Puzzle
from quip.mining.calibration.measure import UNBOUNDED, Progress, instance_seed
from quip.mining.calibration.tail import TooFewMeasured, tail_line
from quip.mining.plan import Anneal, Cut, Measured, Plan, Screen
from quip.mining.samplers.sampler import Sampler, Samples

SHARES = (1.0, 0.1, 0.02, 0.003)
"""Of the baselines, those that reach a tier's floor."""
TRIES = ((0.5, 4), (1.0, 32), (2.0, 4))
"""Anneals of a played instance: their sweeps in those of the baseline, and how many."""
MOST = (1, 2, 4, 8, 16, 32)
"""Anneals of a plan, at most."""
SLACKS = (0.0, 1 / 3, 2 / 3, 1.0, 4 / 3, 2.0)
"""Candidates of a cut's slack, in standard deviations of what baselines reach."""
ROOM = 0.75
"""Between a tier's floor and the margins that are priced in it, in the same unit."""
POINTS = 48
"""Margins that are priced by counting."""
ENOUGH, ENOUGH_OF = 200, 40
"""A margin is priced by counting where there are so many proofs, or one of so many instances played."""
TAIL = 600
"""Values that the tail is fitted to."""
BATCH = 500


@dataclass(frozen=True, slots=True)
class Screening:
    """One plan; slacks are those of its cuts, None: no cut."""

    sweeps: int
    anneals: int
    """At most; 0: the baseline's samples or nothing."""
    screen: int | None = None
    retry: int | None = None
    """After the first anneal."""

    def plan(self) -> Plan:
        """As the miner runs it."""
        first = Anneal(self.sweeps, None if self.anneals < 2 else _cut(self.retry))
        anneals = (first, *[Anneal(self.sweeps)] * (self.anneals - 1)) if self.anneals else ()
        return Plan((Screen(_cut(self.screen)), *anneals))


def _cut(slack: int | None) -> Cut | None:
    return None if slack is None else Cut(Measured.REACHED, slack=float(slack))


@dataclass(frozen=True, slots=True)
class Counted:
    """The cheapest plan at one margin."""

    margin: int
    plan: Screening
    anneals: float
    """Per instance."""
    proof_share: float
    """Proofs per instance."""
    proofs: int
    """That were counted."""


@dataclass(frozen=True, slots=True)
class Screened:
    """A survey in numbers."""

    seed: int
    instances: tuple[int, ...]
    """Looked at, by tier."""
    played: tuple[int, ...]
    points: tuple[Counted, ...]
    """By rising margin."""
    tail_mean: float
    tail_sd: float
    """Beyond the last point P[an instance is a proof] = P[mean + sd N(0, 1) >= margin]."""


@dataclass(frozen=True, slots=True)
class ScreenSurvey:
    """How much to measure."""

    played: int
    """Instances that each tier plays, about."""
    seed: int
    threads: int


@dataclass(frozen=True, slots=True)
class Tier:
    """What one tier measured, margins in 1/512 energy; what lies below the floor counts as -inf."""

    instances: int
    floor: float
    looked: NDArray[np.float64]
    """(played,): what the baseline reaches."""
    runs: tuple[NDArray[np.float64], ...]
    """Per entry of TRIES (played, anneals)."""


def survey(puzzle: Puzzle, sampler: Sampler, todo: ScreenSurvey, progress: Progress) -> list[Tier]:
    """Measures all tiers; the same seed measures the same. Raises TooFewMeasured."""
    counts = [max(1, round(todo.played / share)) for share in SHARES]
    tiers: list[Tier] = []
    done = 0
    for number, (share, count) in enumerate(zip(SHARES, counts, strict=True)):
        floor = -math.inf
        if tiers:
            floor = float(np.quantile(tiers[0].looked, 1 - share))
            if not math.isfinite(floor):
                raise TooFewMeasured("too few instances whose baseline holds a diverse set")
        tier = _Tier(puzzle, sampler, todo.seed, number, floor)
        rows: list[list[float]] = []
        with ThreadPoolExecutor(todo.threads) as pool:
            for part in pool.map(tier.batch, range(0, count, BATCH), [count] * -(-count // BATCH)):
                rows += part
                done = min(done + BATCH, sum(counts[: number + 1]))
                progress(done, sum(counts))
        tiers.append(_tier(count, floor, rows))
    return tiers


def _tier(count: int, floor: float, rows: Sequence[Sequence[float]]) -> Tier:
    table = np.array(rows).reshape(len(rows), 1 + sum(anneals for _, anneals in TRIES))
    ends = np.cumsum([1] + [anneals for _, anneals in TRIES])
    runs = tuple(table[:, first:last] for first, last in pairwise(ends))
    return Tier(count, floor, table[:, 0], runs)


def sweeps_of(baseline_sweeps: int) -> tuple[int, ...]:
    """Of the anneals, per entry of TRIES."""
    return tuple(max(1, round(times * baseline_sweeps)) for times, _ in TRIES)


class _Tier:
    def __init__(self, puzzle: Puzzle, sampler: Sampler, seed: int, number: int, floor: float) -> None:
        self._puzzle, self._sampler, self._floor = puzzle, sampler, floor
        self._seed, self._label = seed, b"screened-%d" % number

    def batch(self, first: int, count: int) -> list[list[float]]:
        """Of up to BATCH instances those that reach the floor: what the baseline and each anneal reach."""
        numbers = range(first, min(first + BATCH, count))
        rows = (self._row(instance_seed(self._seed, number, self._label)) for number in numbers)
        return [row for row in rows if row is not None]

    def _row(self, seed: bytes) -> list[float] | None:
        puzzle, cancel = self._puzzle, ising.CancelFlag()
        model = puzzle.model(seed)
        base = model.baseline(puzzle.schedule, cancel)
        assert base is not None, "nobody cancels a survey"
        total = min(base.total, puzzle.rules.baseline_cap)
        row = [self._reached(base, total)]
        if row[0] < self._floor:
            return None
        start = int.from_bytes(seed[8:15], "little")
        for sweeps, (_, anneals) in zip(sweeps_of(puzzle.rules.sweeps), TRIES, strict=True):
            for _ in range(anneals):
                start += 1
                drawn = self._sampler.sample(model, REPLICAS, sweeps, start, cancel)
                assert drawn is not None, "nobody cancels a survey"
                row.append(self._reached(drawn.samples, total))
        return row

    def _reached(self, samples: Samples, total: int) -> float:
        rules = self._puzzle.rules
        bound = UNBOUNDED if math.isinf(self._floor) else math.floor((total - self._floor) / REPLICAS)
        found = samples.diverse(bound, rules.min_solutions, rules.min_distance, rules.fold)
        return -math.inf if found is None else float(total - REPLICAS * found[0])


@dataclass(frozen=True, slots=True)
class Costs:
    """In spin updates."""

    entry: float
    """Gate and baseline of one instance."""
    sweep: float
    """Of all replicas."""


def counted(tiers: Sequence[Tier], baseline_sweeps: int, costs: Costs, seed: int) -> Screened:
    """Prices of every margin and the tail above them. Raises TooFewMeasured."""
    reached = tiers[0].looked[np.isfinite(tiers[0].looked)]
    if len(reached) < len(tiers[0].looked) / 2 or len(reached) < 20:
        raise TooFewMeasured("too few instances whose baseline holds a diverse set")
    unit = float(reached.std())
    efforts = sweeps_of(baseline_sweeps)
    last = tiers[-1]
    hardest = max((tier.floor for tier in tiers), default=0.0)
    best = np.sort(np.maximum(last.looked, np.maximum.reduce([runs.max(axis=1) for runs in last.runs])))
    if len(best) < 10:
        raise TooFewMeasured("too few instances: none was played in the last tier")
    hardest = max(hardest + ROOM * unit, float(best[-min(len(best), ENOUGH)]))
    points: list[Counted] = []
    for margin in np.linspace(np.quantile(reached, 0.001), hardest, POINTS).round():
        tier = next(tier for tier in reversed(tiers) if margin >= tier.floor + ROOM * unit)
        point = _cheapest(tier, float(margin), efforts, costs, unit)
        if point is None or (points and point.proofs < min(ENOUGH, len(tier.looked) // ENOUGH_OF)):
            break
        points.append(point)
    if not points:
        raise TooFewMeasured("too few instances: no margin was proved")
    mean, sd = _tail(last, points[-1].plan, efforts)
    score = (points[-1].margin - mean) / sd
    points[-1] = Counted(
        points[-1].margin, points[-1].plan, points[-1].anneals, _short(_above(score)),
        points[-1].proofs,
    )  # fmt: skip
    played = tuple(len(tier.looked) for tier in tiers)
    return Screened(seed, tuple(tier.instances for tier in tiers), played, tuple(points), _short(mean), _short(sd))


def _cheapest(tier: Tier, margin: float, efforts: Sequence[int], costs: Costs, unit: float) -> Counted | None:
    """By counting; None where nothing was proved."""
    slacks: list[int | None] = [round(unit * slack) for slack in SLACKS if margin - unit * slack >= tier.floor]
    slacks += [None] if math.isinf(tier.floor) else []
    at_once = int((tier.looked >= margin).sum())
    best: tuple[float, Counted] | None = None
    for effort, sweeps in enumerate(efforts):
        for screen in slacks:
            for retry in slacks:
                for found in _played(tier, effort, margin, Screening(sweeps, 0, screen, retry)):
                    plan, anneals, proofs = found
                    if at_once + proofs == 0:
                        continue
                    cost = (tier.instances * costs.entry + anneals * sweeps * costs.sweep) / (at_once + proofs)
                    if best is None or cost < best[0]:
                        shares = _short(anneals / tier.instances), _short((at_once + proofs) / tier.instances)
                        best = cost, Counted(int(margin), plan, *shares, at_once + proofs)
    return None if best is None else best[1]


def _played(tier: Tier, effort: int, margin: float, cuts: Screening) -> list[tuple[Screening, int, int]]:
    """With these cuts, per number of anneals: the plan, the anneals played, and the proofs that they found."""
    runs, looked = tier.runs[effort], tier.looked
    entered = looked < margin
    if cuts.screen is not None:
        entered &= looked >= margin - cuts.screen
    out = [(Screening(cuts.sweeps, 0, 0), 0, 0)] if cuts.screen == 0 else []
    first = runs[entered, 0]
    proofs, anneals = int((first >= margin).sum()), len(first)
    out.append((Screening(cuts.sweeps, 1, cuts.screen), anneals, proofs))
    again = first < margin
    if cuts.retry is not None:
        again &= np.maximum(first, looked[entered]) >= margin - cuts.retry
    rest = np.maximum.accumulate(runs[entered][again, 1:], axis=1) >= margin
    for most in MOST:
        if 1 < most <= runs.shape[1]:
            played = len(rest) + int((~rest[:, : most - 2]).sum())
            plan = Screening(cuts.sweeps, most, cuts.screen, cuts.retry)
            out.append((plan, anneals + played, proofs + int(rest[:, most - 2].sum())))
    return out


def _tail(tier: Tier, plan: Screening, efforts: Sequence[int]) -> tuple[float, float]:
    """Mean and sd of the normal distribution that the highest margins follow. Raises TooFewMeasured."""
    proved = np.sort(proved_margins(tier, plan, efforts))
    valid = proved[proved >= tier.floor + (plan.screen or 0)][-TAIL:]
    return tail_line(valid, tier.instances)


def proved_margins(tier: Tier, plan: Screening, efforts: Sequence[int]) -> NDArray[np.float64]:
    """Per played instance the highest margin that a plan proves on it."""
    runs = tier.runs[efforts.index(plan.sweeps)]
    screen = tier.looked + (math.inf if plan.screen is None else plan.screen)
    if plan.anneals == 0:
        return tier.looked
    first = np.minimum(runs[:, 0], screen)
    proved = np.maximum(tier.looked, first)
    if plan.anneals > 1:
        retry = math.inf if plan.retry is None else plan.retry
        again = np.minimum(screen, np.maximum(tier.looked, runs[:, 0]) + retry)
        proved = np.maximum(proved, np.minimum(runs[:, 1 : plan.anneals].max(axis=1), again))
    return proved


class ScreenedPrices:
    """Prices at any margin."""

    def __init__(self, screened: Screened, costs: Costs) -> None:
        self._screened, self._costs = screened, costs
        points = screened.points
        self._margins = np.array([point.margin for point in points], dtype=np.float64)
        prices = [
            (costs.entry + point.anneals * point.plan.sweeps * costs.sweep) / point.proof_share for point in points
        ]
        self._logs = np.log(np.maximum.accumulate(prices))
        last = points[-1]
        self._anneals = last.anneals * last.plan.sweeps * costs.sweep / last.proof_share
        """Of a proof; beyond the last point as there."""

    def updates(self, margin: float) -> float:
        """Spin updates a proof; inf where no instance ever reaches the margin."""
        if margin < self._margins[-1]:
            return float(np.exp(np.interp(margin, self._margins, self._logs)))
        score = (margin - self._screened.tail_mean) / self._screened.tail_sd
        share = _above(score)
        if share < 1e-250:
            return math.inf
        return max(self._costs.entry / share + self._anneals, float(np.exp(self._logs[-1])))

    def plan(self, margin: float) -> Plan:
        """The plan of the nearest margin below that was counted."""
        index = int(np.searchsorted(self._margins, margin, side="right")) - 1
        return self._screened.points[max(index, 0)].plan.plan()

    def bracket(self) -> tuple[float, float]:
        """Margins that are surely too easy and too hard."""
        return float(self._margins[0]), float(self._margins[-1] + 30 * self._screened.tail_sd)


def _above(score: float) -> float:
    """P[N(0, 1) > score]."""
    return 0.5 * math.erfc(score / math.sqrt(2))


def _short(value: float) -> float:
    return float(f"{value:.7g}")
