"""What a valid public proof costs: by the shipped plan, by the plans from before families, and by an outside miner.

All play the same fresh instances, a chunk each in turn; times are processor time; the validator checks every proof.
PROTOTYPE=DIRECTORY with a script "mine" and its families.cpp, and PROTOTYPE_PYTHON="COMMAND" (an interpreter that finds
the quip it was written for), add the outside miner. MINER_PROOFS=N: not 40 proofs each; OLD_PLANS=FILE: others.
MINER_PLANS=FILE adds plans to compare with the shipped one: a JSON object of names and lists of stages, as in
src/quip/mining/plans.

    python -m benchmarks miner
"""

import json
import math
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import report
from quip._native import ising
from quip.consensus.proof_of_work.proof import check_proof, puzzle_rules
from quip.ising.puzzle import REPLICAS, Puzzle
from quip.mining.attempt import Workbench
from quip.mining.calibration.measure import instance_seed
from quip.mining.plan import Plan, parse_plans, plan_of, shipped_plans
from quip.mining.samplers.cpu import CpuSampler
from quip.networks.shipped import load_spec

START = 223_371
"""A margin at which the first ladder began: what miners are compared at."""
OLD_MARGINS = ((207_000, 1_671_168), (212_000, 1_800_000))
"""Margin, and the level that the old plans had for it."""
PROOFS = int(os.environ.get("MINER_PROOFS", "40"))
CHUNK = 250
"""Instances of a stream."""
FIRST_STREAM = 90_001
RATE = 66.0
"""Spin updates per ns of the machine that costs are quoted for."""
CONFIDENCE = 0.9
OUTSIDE = "outside miner"
TRIED = "tried: "
"""Before the name of a plan of $MINER_PLANS."""
RESAMPLES = 2_000
ASKED_S = 1.2


@dataclass(slots=True)
class Contestant:
    """One way to mine at one margin, and what it came to so far."""

    name: str
    margin: int
    play: "Callable[[Contestant, int], None]"
    instances: int = 0
    proofs: int = 0
    core_s: float = 0.0
    updates: int = 0
    crossing_s: float = 0.0
    played: list[tuple[float, bool]] = field(default_factory=list)
    """Core-seconds of each instance, and whether it came to a proof; ours only."""

    def row(self, rate: float) -> tuple[str, ...]:
        """A line of the table; `rate`: this machine's updates per ns."""
        low, high = poisson_interval(self.proofs)
        cost = self.core_s / max(self.proofs, 1)
        bounds = f"{self.core_s / high:.2f}-{self.core_s / low:.2f}" if low else f"> {self.core_s / high:.2f}"
        updates = f"{self.updates / max(self.proofs, 1) / 1e9:.1f}" if self.updates else "-"
        crossing = f"{self.crossing_s / max(self.proofs, 1):.3f}" if self.updates else "-"
        return (self.name, f"{self.margin:,}", f"{self.instances:,}", str(self.proofs), f"{cost:.2f}", bounds,
                f"{self.at_quoted_rate(rate):.2f}", updates, crossing)  # fmt: skip

    def at_quoted_rate(self, rate: float) -> float:
        """Core-seconds a proof on a machine of RATE updates per ns: everything is taken to be faster by as much."""
        return self.core_s / max(self.proofs, 1) * rate / RATE


def poisson_interval(count: int) -> tuple[float, float]:
    """The exact (Garwood) interval of a Poisson mean of which `count` was seen."""
    tail = (1 - CONFIDENCE) / 2

    def at_most(k: int, mean: float) -> float:
        return sum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k + 1))

    def solve(above: Callable[[float], bool]) -> float:
        low, high = 1e-9, 10.0 * count + 20.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if above(middle) else (low, middle)
        return low

    lower = solve(lambda mean: 1 - at_most(count - 1, mean) < tail) if count else 0.0
    return lower, solve(lambda mean: at_most(count, mean) > tail)


def ratio_of_costs(one: Contestant, other: Contestant) -> tuple[float, float, float, int]:
    """Of the instances that both played: the ratio, its interval, how many. Whole instances are drawn again: a good
    one is good for both, so the ratio is known better than either cost."""
    common = min(len(one.played), len(other.played))
    cost, proofs = np.array([one.played[:common], other.played[:common]]).transpose(2, 0, 1)
    drawn = np.random.default_rng(1).multinomial(common, np.full(common, 1 / common), RESAMPLES)
    costs, counts = drawn @ cost.T, np.maximum(drawn @ proofs.T, 1)
    ratios = costs[:, 0] / counts[:, 0] / (costs[:, 1] / counts[:, 1])
    (mine, theirs), (found, others) = cost.sum(1), np.maximum(proofs.sum(1), 1)
    low, high = np.quantile(ratios, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(mine / found / (theirs / others)), float(low), float(high), common


class Ours:
    """Attempts of the miner's own code."""

    def __init__(self) -> None:
        self.spec = load_spec("public")
        self.puzzle = Puzzle(puzzle_rules(self.spec.puzzle))
        self.bench = Workbench(self.puzzle, CpuSampler(), ising.CancelFlag())

    def player(self, plan: Plan) -> Callable[[Contestant, int], None]:
        """Plays a chunk by a plan."""

        def play(contestant: Contestant, stream: int) -> None:
            for number in range(CHUNK):
                seed = instance_seed(stream, number)
                begun_s = time.process_time()
                effort = self.bench.attempt(seed, contestant.margin, plan)
                spent_s = time.process_time() - begun_s
                contestant.core_s += spent_s
                contestant.played.append((spent_s, effort.solutions is not None))
                contestant.updates += effort.spin_updates
                contestant.crossing_s += effort.crossing_s
                if effort.solutions is not None:
                    check_proof(self.puzzle, seed, effort.solutions, contestant.margin)
                    contestant.proofs += 1
            contestant.instances += CHUNK

        return play

    def rate(self) -> float:
        """Spin updates per ns just now."""
        model, flag = self.puzzle.model(bytes(32)), ising.CancelFlag()
        begun_s = time.process_time()
        drawn = self.bench.sampler.sample(model, REPLICAS, 256, 1, flag)
        assert drawn is not None
        return drawn.spin_updates / (time.process_time() - begun_s) / 1e9


class Outside:
    """The miner of $PROTOTYPE: it draws the same instances and checks its proofs itself."""

    def __init__(self, folder: Path, python: str) -> None:
        self._work = Path(tempfile.mkdtemp())
        for name in ("mine.py", "families.cpp"):
            shutil.copy(folder / name, self._work)
        flags = ("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC", "-w")
        library, source = str(self._work / "libfamilies.so"), str(self._work / "families.cpp")
        subprocess.run(["g++", *flags, "-o", library, source], check=True)
        self._command = [*shlex.split(python), str(self._work / "mine.py")]

    def play(self, contestant: Contestant, stream: int) -> None:
        """A chunk of instances."""
        words = [*self._command, "new", str(CHUNK), str(contestant.margin), str(stream)]
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        out = subprocess.run(words, check=True, capture_output=True, text=True, env=clean).stdout
        last = out.strip().splitlines()[-1].split(": ", 1)[1].split(", ")
        contestant.instances += int(last[0].split()[0])
        contestant.proofs += int(last[1].split()[0])
        contestant.core_s += float(last[2].split()[0])


def contestants(ours: Ours) -> list[Contestant]:
    """The first one is the shipped plan at START."""
    folder = Path(__file__).parent
    shipped = shipped_plans("public", ours.puzzle.rules.topology.digest)

    def plan(margin: int) -> Plan:
        """The one for the highest level that asks for no more than this."""
        return shipped.at(max(level for level, asked in ours.spec.puzzle.ladder if asked <= margin))

    old = parse_plans(Path(os.environ.get("OLD_PLANS", folder / "annealing_plans.json")).read_text(encoding="utf-8"))
    found = [Contestant("shipped plan", START, ours.player(plan(START)))]
    prototype, python = os.environ.get("PROTOTYPE", ""), os.environ.get("PROTOTYPE_PYTHON", "")
    if python and (Path(prototype) / "mine.py").is_file():
        found.append(Contestant(OUTSIDE, START, Outside(Path(prototype), python).play))
    for margin, level in OLD_MARGINS:
        found.append(Contestant("shipped plan", margin, ours.player(plan(margin))))
        found.append(Contestant("old plan", margin, ours.player(old.at(level))))
    if tried := os.environ.get("MINER_PLANS"):
        for name, stages in json.loads(Path(tried).read_text(encoding="utf-8")).items():
            found.append(Contestant(TRIED + name, START, ours.player(plan_of(stages))))
    return found


def section() -> str:
    """The section of docs/benchmarks.md."""
    ours = Ours()
    entrants = contestants(ours)
    rates, stream = [ours.rate()], FIRST_STREAM
    while unfinished := [one for one in entrants if one.proofs < PROOFS and one.name != OUTSIDE]:
        for contestant in entrants:
            # The outside miner plays what the first contestant plays.
            if contestant in unfinished or (contestant.name == OUTSIDE and entrants[0] in unfinished):
                contestant.play(contestant, stream)
        rates.append(ours.rate())
        stream += 1
    rate = sorted(rates)[len(rates) // 2]
    return written(entrants, rate)


def written(entrants: list[Contestant], rate: float) -> str:
    """The table and what was asked."""
    head = ("miner", "margin", "instances", "proofs", "core-s a proof", f"{CONFIDENCE:.0%} interval",
            f"core-s at {RATE:.0f}/ns", "G updates a proof", "crossing s a proof")  # fmt: skip
    best = entrants[0].at_quoted_rate(rate)
    lines = [
        "## Miner, public puzzle, one core", "",
        f"All play the same fresh instances, in turn, {CHUNK} at a time; processor time of whole attempts (baseline "
        "included, gate search not: see above); every proof checked by the validator's function. The kernel's median "
        f"rate meanwhile: {rate:.1f} spin updates/ns; the machine was shared, so costs are also quoted at {RATE:.0f}.",
        "", report.table(head, [contestant.row(rate) for contestant in entrants]), "",
        f"* at margin {START:,}: {best:.2f} core-seconds a proof at {RATE:.0f} updates/ns, {ASKED_S} asked: "
        f"{report.verdict(best <= ASKED_S)}",
    ]  # fmt: skip
    by = {(one.name, one.margin): one for one in entrants}
    outside = by.get((OUTSIDE, START))
    if outside is not None and outside.proofs:
        ratio = entrants[0].core_s / entrants[0].proofs / (outside.core_s / outside.proofs)
        lines.append(
            f"* {ratio:.2f} times the outside miner's cost, 1.0 asked: {report.verdict(ratio <= 1)}; "
            f"goal 0.5: {report.verdict(ratio <= 0.5)}"
        )
    else:
        lines.append("* no outside miner was run")
    for margin, _ in OLD_MARGINS:
        new, old = by["shipped plan", margin], by["old plan", margin]
        times = old.core_s / old.proofs / (new.core_s / new.proofs)
        lines.append(f"* at margin {margin:,} the old plan costs {times:.1f} times as much")
    for contestant in entrants:
        if contestant.name.startswith(TRIED):
            ratio, low, high, common = ratio_of_costs(contestant, entrants[0])
            lines.append(
                f"* {contestant.name} costs {ratio:.2f} times the shipped plan on the same {common:,} instances "
                f"({CONFIDENCE:.0%}: {low:.2f} to {high:.2f})"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section())
