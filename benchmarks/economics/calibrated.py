"""What the calibration measured, read from docs/calibration: prices by level, plans, checks."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from benchmarks import report
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.work.ladder import margin_at
from quip.ising.puzzle import REPLICAS, Puzzle
from quip.mining.calibration.ladder import UNIT
from quip.mining.calibration.stages import Chain, StagePrices
from quip.mining.calibration.summary import Summary, parse_summary
from quip.mining.calibration.trajectories import Trajectories
from quip.mining.plan import Plan, PlanTable, shipped_plans
from quip.networks.shipped import load_spec


@dataclass(frozen=True, slots=True)
class CheckedCost:
    """A level at which proofs were mined."""

    level: int
    """16.16."""
    proofs: int
    ratio: float
    """Measured cost over the level's work."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One network."""

    spec: ChainSpec
    summary: Summary
    staged: Trajectories
    checks: tuple[CheckedCost, ...]
    """By level."""
    entry_updates: float
    """Gate and baseline of an instance."""
    chain: Chain
    """The staged plan's."""
    prices: StagePrices
    plans: PlanTable

    @property
    def start(self) -> int:
        """The start level, 16.16."""
        return self.spec.difficulty.start

    def margin(self, level: int) -> int:
        """What a proof at a level has to meet."""
        return margin_at(self.spec.puzzle.ladder, level)

    def puzzle(self) -> Puzzle:
        """The network's, to mine proofs of."""
        return Puzzle(puzzle_rules(self.spec.puzzle))

    def cuts(self, plan: Plan, margin: float) -> tuple[float, ...]:
        """Those of a staged plan at a margin in the values of the price model; inf where the plan ends."""
        cuts = []
        for fit in self.staged.fits[:-1]:
            if fit.stages >= len(plan.stages):
                cuts.append(math.inf)
            else:
                cut = getattr(plan.stages[fit.stages - 1], "cut", None)
                cuts.append(margin - cut.slack if cut else -math.inf)
        return tuple(cuts)


class NoStagedPlan(Exception):
    """A network was calibrated before it had a staged plan."""


def calibrated(name: str) -> Calibrated:
    """A network with a staged plan. Raises NoStagedPlan where its calibration knows none."""
    file = report.ROOT / "docs" / "calibration" / f"{name}.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    summary = parse_summary(document["summary"])
    if summary.staged is None:
        raise NoStagedPlan(f"{file.name} knows no staged plan: run `quip calibrate {name}` anew")
    spec = load_spec(name)
    checks = [
        CheckedCost(one["level"], one["proofs"], one["measured_updates"] / (UNIT * 2.0 ** (one["level"] / 65536)))
        for one in document["checks"]
    ]
    entry = summary.gate_updates + float(REPLICAS * summary.spins * summary.baseline_sweeps)
    chain = summary.staged.chain(entry, summary.kernel_updates_per_second)
    return Calibrated(
        spec=spec,
        summary=summary,
        staged=summary.staged,
        checks=tuple(sorted(checks, key=lambda check: check.level)),
        entry_updates=entry,
        chain=chain,
        prices=StagePrices(chain),
        plans=shipped_plans(name, spec.puzzle.topology.digest),
    )
