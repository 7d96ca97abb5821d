"""How a miner spends its time on an instance: stages, and after each whether to go on.

A plan is data of the package (plans/NAME.json), found by measuring; no rule of consensus depends on it. Its stages are
played in order until a set meets the margin, a cut says that this instance is not worth more, or the plan ends.
Margins are in 1/512 energy. docs/mining.md says what families are.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias


class Measured(StrEnum):
    """What a cut looks at: B - 512 times an energy."""

    MEAN = "mean"
    """The mean of the run's energies."""
    DECILE = "decile"
    """The mean of its best tenth."""
    BEST = "best"
    """Its lowest one."""
    REACHED = "reached"
    """The highest one of the set to hand in: the margin that the elites reach now (B no more than the spec's cap).
    Without elites, that of the best diverse set in any run so far; the baseline's own samples are a run, too."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Go on iff baseline * B + value * (what is measured) + constant >= (the margin asked for) - slack."""

    of: Measured
    value: float = 1.0
    baseline: float = 0.0
    constant: float = 0.0
    slack: float = 0.0
    least: float | None = None
    """Instead of the margin asked for."""

    def passed(self, measured: float, total: int, margin: int) -> bool:
        """`total`: B, the sum of the baseline's energies."""
        predicted = self.baseline * total + self.value * measured + self.constant
        return predicted >= (margin if self.least is None else self.least) - self.slack

    def needed(self, total: int, margin: int) -> float:
        """What has to be measured to go on; `value` is above 0."""
        least = (margin if self.least is None else self.least) - self.slack
        return (least - self.baseline * total - self.constant) / self.value


@dataclass(frozen=True, slots=True)
class Screen:
    """Look at the baseline's own samples: they cost nothing. With a cut of `reached`, or none, they are a run like any
    other, and may hold a set."""

    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """A short run of the sampler, only to be looked at."""

    sweeps: int
    cut: Cut


@dataclass(frozen=True, slots=True)
class Anneal:
    """A run of the sampler; its samples may hold a set that meets the margin."""

    sweeps: int
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A run of the sampler; its best far-apart samples become the elites."""

    sweeps: int
    elites: int
    slack: int
    """Distance at which elites are recruited."""
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """Noisy copies of the elites are annealed from beta `beta` and crossed with their elite."""

    sweeps: int
    beta: float
    near: int
    """Elites nearer than this are to stay as far apart as they are."""
    noise: int = 32
    """A spin of a copy is flipped with probability noise / 256."""
    parents: int = 0
    """Elites that are copied, from the first on; 0: all."""
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Recruit:
    """The best elites stay; the best replicas far from them join."""

    keep: int
    elites: int
    slack: int


Stage: TypeAlias = Screen | Probe | Anneal | Found | Round | Recruit
KINDS: dict[str, type[Stage]] = {kind.__name__.lower(): kind for kind in (Screen, Probe, Anneal, Found, Round, Recruit)}


@dataclass(frozen=True, slots=True)
class Plan:
    """One strategy."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        """Raises ValueError where elites are refined before they are found, or measured where there are none."""
        founded = False
        for stage in self.stages:
            founded |= isinstance(stage, Found)
            cut = getattr(stage, "cut", None)
            reached = isinstance(cut, Cut) and cut.of is Measured.REACHED
            if not founded and (isinstance(stage, Round | Recruit) or (reached and isinstance(stage, Probe))):
                raise ValueError(f"a {type(stage).__name__.lower()} stage needs elites, and none were found yet")
            if isinstance(stage, Round | Anneal) and cut is not None and not reached:
                raise ValueError(f"a {type(stage).__name__.lower()} stage is cut by what is reached")
            if isinstance(cut, Cut) and reached and cut.value <= 0:
                raise ValueError("what is reached counts for an instance: the cut's value is above 0")

    def __str__(self) -> str:
        words = []
        for stage in self.stages:
            sweeps = getattr(stage, "sweeps", None)
            words.append(type(stage).__name__.lower() + (f" {sweeps}" if sweeps else ""))
        runs = [f"{words.count(word)} x {word}" if words.count(word) > 1 else word for word in dict.fromkeys(words)]
        return ", ".join(runs)


def annealing_plan(sweeps: int, probe_sweeps: int = 0, probe_margin: int = 0, retries: int = 0) -> Plan:
    """Anneal every instance, and again with fresh draws up to `retries` times.

    With `probe_sweeps`, only those where B - (sum of a probe's 512 energies) is at least `probe_margin`.
    """
    probe = Probe(probe_sweeps, Cut(Measured.MEAN, least=probe_margin))
    return Plan(((probe,) if probe_sweeps else ()) + (Anneal(sweeps),) * (1 + retries))


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
        """The file's text: a stage a line."""
        parts = []
        for level, plan in self.entries:
            stages = ",\n   ".join(json.dumps(_document(stage)) for stage in plan.stages)
            parts.append(f'  {{"level": {level}, "stages": [\n   {stages}]}}')
        return f'{{\n "graph": {json.dumps(self.digest)},\n "plans": [\n' + ",\n".join(parts) + "\n ]\n}\n"


FALLBACK = PlanTable("", ((0, annealing_plan(512)),))
"""For a graph that nobody has calibrated."""


def parse_plans(text: str) -> PlanTable:
    """The reverse of `PlanTable.dumps`. Raises ValueError, KeyError or TypeError."""
    document: dict[str, Any] = json.loads(text)
    entries = []
    for row in document["plans"]:
        entries.append((int(row["level"]), Plan(tuple(_stage(stage) for stage in row["stages"]))))
    return PlanTable(str(document["graph"]), tuple(sorted(entries, key=lambda entry: entry[0])))


def plan_document(plan: Plan) -> list[dict[str, Any]]:
    """The stages as JSON has them."""
    return [_document(stage) for stage in plan.stages]


def plan_of(document: Sequence[Mapping[str, Any]]) -> Plan:
    """The reverse of `plan_document`. Raises ValueError, KeyError or TypeError."""
    return Plan(tuple(_stage(stage) for stage in document))


def _document(part: Stage | Cut) -> dict[str, Any]:
    """What differs from the defaults."""
    given = {one.name: getattr(part, one.name) for one in fields(part) if getattr(part, one.name) != one.default}
    if "cut" in given:
        given["cut"] = _document(given["cut"])
    return given if isinstance(part, Cut) else {"kind": type(part).__name__.lower(), **given}


def _stage(members: Mapping[str, Any]) -> Stage:
    rest = {name: value for name, value in members.items() if name not in {"kind", "cut"}}
    if "cut" in members:
        rest["cut"] = Cut(**{**members["cut"], "of": Measured(members["cut"]["of"])})
    return KINDS[members["kind"]](**rest)


def staged_template() -> Plan:
    """The stages of the plan that large graphs are mined with; calibration adds the cuts."""
    return plan_of(json.loads(plan_file("staged").read_text(encoding="utf-8"))["stages"])


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
