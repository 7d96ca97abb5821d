"""How the CPU miner spends its time at a level: the plan that calibration found cheapest.

A plan anneals every instance with `sweeps`, or first probes it with `probe_sweeps` and goes on only where the probe's
summed energy lies at least `probe_margin` below the instance's baseline; then it may anneal again with fresh draws
(`retries`). Plans are data of the package (plans/NAME.json), made by `quip calibrate`; no rule depends on them.
"""

import json
from bisect import bisect_right
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Plan:
    """One strategy."""

    sweeps: int
    probe_sweeps: int = 0
    """0: no probe."""
    probe_margin: int = 0
    """Go on iff B - (sum of the probe's 512 energies) is at least this, in 1/512 energy."""
    retries: int = 0
    """Further anneals of an instance that was not solved."""

    def __str__(self) -> str:
        probe = f"probe of {self.probe_sweeps} sweeps, " if self.probe_sweeps else ""
        retries = f", up to {self.retries} times again" if self.retries else ""
        return f"{probe}{self.sweeps} sweeps{retries}"


@dataclass(frozen=True, slots=True)
class PlanTable:
    """Plans by the level from which each is the cheapest."""

    digest: str
    """Hex digest of the graph that they were measured on."""
    entries: tuple[tuple[int, Plan], ...]
    """(level, plan), ascending."""

    def at(self, level: int) -> Plan:
        """The plan for a level (16.16)."""
        index = bisect_right([start for start, _ in self.entries], level) - 1
        return self.entries[max(index, 0)][1]

    def dumps(self) -> str:
        """The file's text."""
        rows = [{"level": level, **asdict(plan)} for level, plan in self.entries]
        return json.dumps({"graph": self.digest, "plans": rows}, indent=1) + "\n"


FALLBACK = PlanTable("", ((0, Plan(sweeps=512)),))
"""For a graph that nobody has calibrated."""


def parse_plans(text: str) -> PlanTable:
    """The reverse of `PlanTable.dumps`. Raises ValueError."""
    document: dict[str, Any] = json.loads(text)
    entries = []
    for row in document["plans"]:
        level = int(row.pop("level"))
        entries.append((level, Plan(**{name: int(value) for name, value in row.items()})))
    return PlanTable(str(document["graph"]), tuple(sorted(entries, key=lambda entry: entry[0])))


def plan_file(name: str) -> Path:
    """Where the plans of a network lie in the package."""
    return Path(str(files("quip.mining"))) / "plans" / f"{name}.json"


def shipped_plans(name: str, graph_digest: bytes) -> PlanTable:
    """The shipped plans of a network if they were measured on this graph, else one plan for all levels."""
    path = plan_file(name)
    if not path.is_file():
        return FALLBACK
    table = parse_plans(path.read_text(encoding="utf-8"))
    return table if table.digest == graph_digest.hex() else FALLBACK
