"""Pilots: proofs mined at rising levels before the ladder is made.

A survey's staged prices err by a factor that grows with the price. So pilots climb: each is aimed, and its plan's cuts
are chosen, by the ladder that the pilots below it have corrected, until one lies at the start. The ladder's line then
reaches as far as its checks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from quip.consensus.work.ladder import margin_at
from quip.ising.puzzle import Puzzle
from quip.mining.calibration.cheapest import Cheapest
from quip.mining.calibration.kept import Kept
from quip.mining.calibration.ladder import Ladder, build_ladder, level_of
from quip.mining.calibration.measure import Progress
from quip.mining.calibration.summary import Pilot, Summary
from quip.mining.calibration.verify import CheckPlan, verify
from quip.mining.plan import PlanTable


@dataclass(frozen=True, slots=True)
class Aim:
    """Where the next pilot is mined."""

    seconds: float
    """Core-seconds a proof, by the ladder so far."""
    share: float
    """Proofs, in units of `proofs`."""


CLIMB = (Aim(0.12, 3.0), Aim(0.5, 2.0), Aim(2.0, 1.5), Aim(8.0, 0.5), Aim(30.0, 0.1))
"""Below the start. A line's far end costs least to know if its near end, where proofs are cheap, is known well."""
LAST_RISE = 2.0
"""The highest of them lies this far below the start, at least."""
TOP, TOP_SHARE = 1.1, 0.1
"""The one at the start is aimed this far above it."""
NEAR = 0.8
"""By the line fitted to all pilots, the highest costs at least this share of a proof at the start. If not, one more is
mined,"""
MOST_TOPS = 3
"""but no more than these at the start."""


@dataclass(frozen=True, slots=True)
class Climb:
    """How much to mine."""

    proofs: int
    threads: int
    seed: int
    """Pilot n has seed + 1 + n: checks, with `seed` itself, see other instances."""
    kept: Kept = field(default_factory=Kept)


def climbed(puzzle: Puzzle, summary: Summary, start_seconds: float, todo: Climb, progress: Progress) -> Summary:
    """Adds pilots until one lies at the start. `puzzle` as surveyed, without a cap. Raises OSError."""
    surveyed = Cheapest(replace(summary, pilots=()))
    while (aim := next_aim(summary, start_seconds)) is not None:
        index = len(summary.pilots)
        level = aim.seconds, max(1, round(todo.proofs * aim.share))
        mined = CheckPlan((level,), todo.threads, todo.seed + 1 + index, todo.kept)
        ladder = _own_plan(summary, build_ladder(summary, start_seconds), aim.seconds)
        (check,) = verify(puzzle, summary, ladder, mined, lambda done, total: None)
        updates = surveyed.updates(check.margin)
        pilot = Pilot(updates, check.measured_updates / updates, check.proofs)
        summary = replace(summary, pilots=tuple(sorted((*summary.pilots, pilot), key=lambda one: one.updates)))
        progress(index + 1, max(index + 1, len(_below(start_seconds)) + 1))
    return summary


def _own_plan(summary: Summary, ladder: Ladder, seconds: float) -> Ladder:
    """With the plan that is best at just this level, which is what a price is of."""
    points = ladder.calibration.ladder
    level = max(level_of(summary.updates_per_second * seconds), points[0][0])
    plan = Cheapest(summary).plan(margin_at(points, level))
    return replace(ladder, plans=PlanTable(summary.graph, ((points[0][0], plan),)))


def next_aim(summary: Summary, start_seconds: float) -> Aim | None:
    """The next pilot after those of `summary`; None: the line reaches the start."""
    below, mined = _below(start_seconds), len(summary.pilots)
    if mined < len(below):
        return below[mined]
    tops = mined - len(below)
    reached = max((summary.corrected(pilot.updates) for pilot in summary.pilots), default=0.0)
    start = summary.updates_per_second * start_seconds
    if tops and (tops >= MOST_TOPS or reached >= NEAR * start):
        return None
    return Aim(TOP * start_seconds, TOP_SHARE)


def _below(start_seconds: float) -> tuple[Aim, ...]:
    return tuple(aim for aim in CLIMB if aim.seconds * LAST_RISE <= start_seconds)
