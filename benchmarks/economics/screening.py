"""What choosing instances is worth: looking at many, and mining only the promising ones.

A miner draws as many instances as it likes (every nonce behind the gate is one) and may give each up at any time. The
shipped plans do that already; the question is what is left beyond them. Prices are those of the calibration's model of
staged plans (`quip.mining.calibration.stages`), under cuts of our own; at one cheap level proofs are mined as well.

* *none*: every instance is played to its end;
* *no look before elites*: the baseline and the probe are not looked at, the later cuts stay;
* *shipped*: the plan that the miner has at that level;
* *best cuts*: nobody who looks at what the plan measures does better;
* *oracle, after the baseline*: knows for nothing which instance the plan would solve, once its baseline is made;
* *free oracle*: gate and baseline of the others are for nothing too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks import report
from benchmarks.economics.calibrated import Calibrated, calibrated
from quip._native import ising
from quip.mining.attempt import Workbench
from quip.mining.calibration.measure import instance_seed
from quip.mining.calibration.stages import StagedCost
from quip.mining.calibration.trajectories import uncut
from quip.mining.plan import Plan, Probe, Screen
from quip.mining.samplers.cpu import CpuSampler

NAME = "public"
BESIDE_START = (-6.0, -3.0, 0.0, 3.0, 6.0)
"""Octaves."""
MINED_BELOW_START = -9.0
"""Octaves: cheap enough to be mined."""
LOOKS = 2
"""Cuts before there are elites: of the baseline and of the probe."""
NO_CUT = -math.inf
SEED = 77


@dataclass(frozen=True, slots=True)
class Screened:
    """Spin updates a proof."""

    none: float
    late: float
    shipped: float
    best: float
    oracle: float
    free_oracle: float


def screened(network: Calibrated, level: int) -> Screened:
    """The prices at a level. Raises ValueError where the plan there is not staged."""
    margin = network.margin(level)
    plan = network.plans.at(level)
    if len(plan.stages) <= network.staged.fits[LOOKS].stages:
        raise ValueError(f"the plan at level {level / 65536:.2f} is not staged")
    prices = network.prices
    cuts = network.cuts(plan, margin)
    everything = prices.under(margin, [NO_CUT] * len(cuts))
    entry, proofs = network.entry_updates, sum(everything.proofs)
    winning = winners_updates(network, everything) / proofs
    return Screened(
        none=_per_proof(everything),
        late=_per_proof(prices.under(margin, (*[NO_CUT] * LOOKS, *cuts[LOOKS:]))),
        shipped=_per_proof(prices.under(margin, cuts)),
        best=prices.at(margin).updates,
        oracle=entry / proofs + winning,
        free_oracle=entry + winning,
    )


def winners_updates(network: Calibrated, cost: StagedCost) -> float:
    """Spin updates behind the baseline, per instance drawn, that are spent on those that are solved in the end."""
    spent = np.cumsum([step.updates for step in network.chain.steps])
    first = network.chain.entry_updates - network.entry_updates
    return float(np.dot(cost.proofs, spent + first))


def section(long: bool) -> str:
    """The tables."""
    network = calibrated(NAME)
    unit = network.summary.kernel_updates_per_second
    rows = []
    for octaves in BESIDE_START:
        prices = screened(network, network.start + round(octaves * 65536))
        columns = (prices.none, prices.late, prices.shipped, prices.best, prices.oracle, prices.free_oracle)
        rows.append([f"{octaves:+g}", *(f"{updates / unit:.3g}" for updates in columns),
                     f"x{prices.shipped / prices.best:.2f}", f"x{prices.shipped / prices.oracle:.1f}"])  # fmt: skip
    level = network.start + round(MINED_BELOW_START * 65536)
    margin, plan, proofs = network.margin(level), network.plans.at(level), 400 if long else 60
    priced = screened(network, level)
    plans = (uncut(plan), priced.none), (without_looks(plan), priced.late), (plan, priced.shipped)
    names = ("none", "no look before elites", "shipped")
    mined_rows = [
        [name, f"{mined(network, one, margin, proofs) / unit:.3f}", f"{price / unit:.3f}"]
        for name, (one, price) in zip(names, plans, strict=True)
    ]
    head = ["octaves from the start", "none", "no look before elites", "shipped", "best cuts",
            "oracle after the baseline", "free oracle", "best cuts gain", "oracle gains"]  # fmt: skip
    return f"""## Choosing instances

Core-seconds a proof of the {NAME} network (at the kernel's own speed) by how instances are chosen: prices of the
calibration's model ({network.staged.instances} random instances through all stages), which is pessimistic where proofs
are dear. Best cuts: nobody who looks at what the plan measures does better. The oracles are no miners: they know for
nothing which instance the plan would solve, the first once the baseline is made, the second before anything is.

{report.table(head, rows)}

Mined, {-MINED_BELOW_START:g} octaves below the start, {proofs} proofs each, beside the model's prices:

{report.table(["choosing", "mined", "priced"], mined_rows)}
"""


def _per_proof(cost: StagedCost) -> float:
    return cost.updates / sum(cost.proofs)


def without_looks(plan: Plan) -> Plan:
    """The plan without what is done only to look at an instance."""
    return Plan(tuple(stage for stage in plan.stages if not isinstance(stage, Screen | Probe)))


def mined(network: Calibrated, plan: Plan, margin: int, proofs: int) -> float:
    """Spin updates a proof, crossing included, of so many mined proofs."""
    bench = Workbench(network.puzzle(), CpuSampler(), ising.CancelFlag())
    summary = network.summary
    found = attempts = 0
    updates = 0.0
    while found < proofs:
        effort = bench.attempt(instance_seed(SEED, attempts, b"screening"), margin, plan)
        attempts += 1
        updates += effort.spin_updates + effort.crossing_s * summary.kernel_updates_per_second
        found += effort.solutions is not None
    return (updates + attempts * summary.gate_updates) / found
