"""What a calibration measured, as a table: docs/calibration/NAME.md, made from docs/calibration/NAME.json alone.

A check mines until it has so many proofs. What they cost together then follows a gamma distribution about the true
cost a proof (proofs come as a Poisson process in work done), so that with n proofs of u spin updates each

    2 n u / chi2(0.95; 2n)  <=  true cost  <=  2 n u / chi2(0.05; 2n)

is a 90 % interval. The factor per bit between two levels is (measured cost / measured cost) ** (1 / levels between).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

CONFIDENCE = 0.9
ONE = 1 << 16
UNIT = 1_000.0
"""Spin updates in a unit of work."""
GOAL = 1.8, 2.2
"""Of the factor per bit."""
HALVINGS = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """What mining showed at one level; costs in spin updates a proof."""

    level: float
    """log2 of the units of work predicted."""
    predicted: float
    measured: float
    proofs: int
    pilot: bool
    """The ladder was corrected by it, so that it checks nothing."""

    @property
    def interval(self) -> tuple[float, float]:
        """The 90 % interval of the true cost."""
        return cost_interval(self.measured, self.proofs)

    @property
    def inside(self) -> bool:
        """Whether the prediction lies in it."""
        low, high = self.interval
        return low <= self.predicted <= high


@dataclass(frozen=True, slots=True)
class PerBit:
    """How much dearer a proof gets with a level, measured between two checks."""

    low: float
    """Levels."""
    high: float
    factor: float
    interval: tuple[float, float]
    """90 %, by the normal approximation of the logarithms (sd 1 / sqrt(proofs) each)."""


def measured_in(document: Mapping[str, Any]) -> list[Measured]:
    """Pilots and checks of a calibration's document, by level."""
    found = [
        Measured(math.log2(pilot["updates"] / UNIT), pilot["updates"], pilot["updates"] * pilot["ratio"],
                 pilot["proofs"], True)
        for pilot in document["summary"].get("pilots", ())
    ]  # fmt: skip
    found += [
        Measured(check["level"] / ONE, check["predicted_updates"], check["measured_updates"], check["proofs"], False)
        for check in document["checks"]
    ]
    return sorted(found, key=lambda one: one.level)


def factors(checks: Sequence[Measured]) -> list[PerBit]:
    """Between neighbouring checks, by rising level."""
    out = []
    for low, high in pairwise(checks):
        bits = high.level - low.level
        centre = math.log2(high.measured / low.measured) / bits
        half = 1.645 * math.sqrt(1 / low.proofs + 1 / high.proofs) / math.log(2) / bits
        out.append(PerBit(low.level, high.level, 2**centre, (2 ** (centre - half), 2 ** (centre + half))))
    return out


def cost_interval(measured: float, proofs: int) -> tuple[float, float]:
    """The 90 % interval of the true cost a proof: 2 n u over the quantiles of chi2 with 2n degrees of freedom."""
    tail = (1 - CONFIDENCE) / 2
    total = 2 * proofs * measured
    return total / chi2_quantile(1 - tail, proofs), total / chi2_quantile(tail, proofs)


def chi2_quantile(share: float, half_degrees: int) -> float:
    """Of the chi-square distribution with 2 * `half_degrees` degrees of freedom, by bisection.

    P[chi2 <= 2 x] = P[a Poisson variable of mean x is at least `half_degrees`].
    """
    low, high = 0.0, 4.0 * half_degrees + 100.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - _poisson_below(half_degrees, middle) < share else (low, middle)
    return 2 * high


def _poisson_below(count: int, mean: float) -> float:
    """P[Poisson(mean) < count]."""
    if mean <= 0:
        return 1.0
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))


def table(document: Mapping[str, Any]) -> str:
    """The page."""
    rows = measured_in(document)
    checks = [row for row in rows if not row.pilot]
    name = document["summary"]["name"]
    lines = [
        f"# {name}: predicted and measured cost of a proof",
        "",
        f"`quip calibrate {name} --report` makes this page from [{name}.json]({name}.json). Levels are log2 of",
        "1,000 spin updates. An interval holds 90 %: n proofs of u updates each give 2 n u over the chi-square",
        "quantiles of 95 and 5 % (2 n degrees of freedom). A pilot corrects the ladder and checks nothing; what was",
        "predicted for it is what the survey alone said.",
        "",
        "| level | mined as | proofs | predicted updates | measured | 90 % interval | measured / predicted | inside |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row.interval
        lines.append(
            f"| {row.level:.2f} | {'pilot' if row.pilot else 'check'} | {row.proofs} | {row.predicted:.3g}"
            f" | {row.measured:.3g} | {low:.3g} to {high:.3g} | {row.measured / row.predicted:.2f} | {_answer(row)} |"
        )
    lines += [
        "",
        "How much dearer a proof gets with each level, measured between neighbouring checks (by the ladder: 2; goal:",
        f"{GOAL[0]} to {GOAL[1]}):",
        "",
        "| from level | to level | factor per bit | 90 % interval | within the goal |",
        "|---|---|---|---|---|",
    ]
    for step in factors(checks):
        low, high = step.interval
        lines.append(
            f"| {step.low:.2f} | {step.high:.2f} | {step.factor:.2f} | {low:.2f} to {high:.2f}"
            f" | {'yes' if GOAL[0] <= step.factor <= GOAL[1] else 'no'} |"
        )
    highest = max(row.level for row in rows)
    lines += ["", f"Above level {highest:.2f} nothing was mined: what the ladder says there is the tail of a fit.", ""]
    return "\n".join(lines)


def _answer(row: Measured) -> str:
    return "" if row.pilot else "yes" if row.inside else "no"


def write_table(document_path: Path) -> Path:
    """Writes the page beside the JSON file. Raises OSError, ValueError or KeyError on a file that is none."""
    page = document_path.with_suffix(".md")
    page.write_text(table(json.loads(document_path.read_text(encoding="utf-8"))), encoding="utf-8")
    return page
