"""`quip calibrate`: measures a spec's puzzle, writes its ladder, the miner's plans, the raw summary and a plot."""

import json
import math
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import ChainSpec, parse_spec
from quip.ising.puzzle import Puzzle
from quip.mining.calibration.cheapest import Cheapest
from quip.mining.calibration.kept import Kept
from quip.mining.calibration.ladder import Ladder, build_ladder
from quip.mining.calibration.measure import Survey, measure
from quip.mining.calibration.pilots import Climb, climbed
from quip.mining.calibration.pricing import AnnealPlan, PriceList
from quip.mining.calibration.report import Measured, measured_in, write_table
from quip.mining.calibration.screened import ScreenSurvey, counted
from quip.mining.calibration.screened import survey as screened_survey
from quip.mining.calibration.spec_update import recalibrated
from quip.mining.calibration.summary import Pilot, Summary, correlations, effort_summaries, parse_summary, pooled
from quip.mining.calibration.trajectories import TrajectorySurvey, trajectories
from quip.mining.calibration.verify import (
    SMALL,
    Check,
    CheckPlan,
    attempt_updates_per_second,
    gate_hashes_per_second,
    kernel_updates_per_second,
    verify,
)
from quip.mining.plan import plan_file, staged_template
from quip.mining.samplers.cpu import CpuSampler

CHECKS, CHECKS_SMALL = ((0.5, 1.0), (4.0, 1.0)), ((0.05, 1.0), (0.25, 1.0))
"""Core-seconds of a proof at the levels that are checked below the start, and how many proofs each gets, in units of
`proofs`."""
START_SHARE = 0.3
"""Likewise, of the start."""
SWEEPS, SWEEPS_SMALL = (32, 64, 128, 256, 512, 1024), (2, 4, 8, 16, 32, 64, 128)
"""Efforts that are surveyed. On large graphs longer anneals are dearer than the staged plan at every margin."""
REFINED_SEED = 1_000
"""Seeds of a refinement's checks are so far from those of earlier pilots and checks: none sees the same instances."""
TOLERANCE = 0.25
"""Predicted and measured cost agree within this."""
Stage = Callable[[str, int, int], None]


class NoSummary(Exception):
    """There is nothing to refine."""


@dataclass(frozen=True, slots=True)
class CalibrateOptions:
    """What the operator may choose; 0 means the default for the graph's size."""

    instances: int = 0
    trajectories: int = 800
    """Instances that are played through the staged plan (large graphs)."""
    played: int = 8_000
    """Instances that each tier of the screened plans' survey plays (small graphs); it looks at up to 333 times more."""
    proofs: int = 100
    start_seconds: float = 0.0
    """Core-seconds of a proof at the start level; default: T, for large graphs 4 T (twice T on two cores)."""
    threads: int = os.cpu_count() or 1
    seed: int = 2026
    docs: Path = Path("docs/calibration")
    write: bool = True


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What came out."""

    summary: Summary
    ladder: Ladder
    start_seconds: float
    checks: tuple[Check, ...]

    @property
    def agrees(self) -> bool:
        """Whether every check is within the tolerance."""
        return all(abs(check.measured_updates / check.predicted_updates - 1) <= TOLERANCE for check in self.checks)

    @property
    def measured(self) -> list[Measured]:
        """The checks by level, with their intervals."""
        return [row for row in measured_in(self.document()) if not row.pilot]

    def document(self) -> dict[str, Any]:
        """What docs/calibration/NAME.json holds."""
        return {
            "start_seconds": self.start_seconds,
            "summary": asdict(self.summary),
            "checks": [asdict(check) for check in self.checks],
        }


def run(spec_path: Path, options: CalibrateOptions, progress: Stage) -> CalibrationReport:
    """Calibrates the spec file at `spec_path` and, with `options.write`, rewrites it. Raises InvalidSpec, OSError.

    That is done when everything is measured. Until then `options.write` keeps what is in NAME.partial.json beside the
    summary: the same call goes on from there.
    """
    data = spec_path.read_bytes()
    spec = parse_spec(data)
    puzzle = Puzzle(replace(puzzle_rules(spec.puzzle), baseline_cap=0))  # energies are negative: no cap while measuring
    sampler = CpuSampler()
    small = puzzle.rules.topology.n < SMALL
    start_seconds = options.start_seconds or float(spec.difficulty.target_block_time) * (1 if small else 4)
    kept = Kept(options.docs / f"{spec.name}.partial.json" if options.write else None, _call(data, options))
    summary = kept.summary
    if summary is None:
        summary = _surveyed(_empty(spec, puzzle, sampler, options), puzzle, sampler, options, progress)
        summary = _timed(summary, puzzle, sampler, start_seconds)
        kept.keep_summary(summary)
    if not small:
        climb = Climb(options.proofs, options.threads, options.seed, kept)
        summary = climbed(puzzle, summary, start_seconds, climb, partial(progress, "piloting"))
    ladder = build_ladder(summary, start_seconds)
    checks = verify(
        puzzle, summary, ladder, _to_check(small, start_seconds, options, kept), partial(progress, "checking")
    )
    report = CalibrationReport(summary, ladder, start_seconds, tuple(checks))
    if options.write:
        _write(spec_path, data, spec.name, report, options.docs)
    kept.remove()
    return report


def refine(spec_path: Path, options: CalibrateOptions, progress: Stage) -> CalibrationReport:
    """Makes pilots of the last calibration's checks, and checks the ladder that they give; writes like `run`.

    Raises InvalidSpec, OSError, NoSummary.
    """
    data = spec_path.read_bytes()
    spec = parse_spec(data)
    path = options.docs / f"{spec.name}.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        summary, checks = parse_summary(document["summary"]), document["checks"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoSummary(f"{path} is no summary of a calibration: {error!r}") from None
    surveyed = Cheapest(replace(summary, pilots=()))
    pilots = list(summary.pilots)
    for check in checks:
        updates = surveyed.updates(check["margin"])
        pilots.append(Pilot(updates, check["measured_updates"] / updates, check["proofs"]))
    summary = replace(summary, pilots=pooled(pilots))
    puzzle = Puzzle(replace(puzzle_rules(spec.puzzle), baseline_cap=0))
    fresh = replace(options, seed=options.seed + REFINED_SEED * len(summary.pilots))
    start_seconds = document["start_seconds"]
    ladder = build_ladder(summary, start_seconds)
    todo = _to_check(summary.spins < SMALL, start_seconds, fresh, Kept())
    mined = verify(puzzle, summary, ladder, todo, partial(progress, "checking"))
    report = CalibrationReport(summary, ladder, start_seconds, tuple(mined))
    if options.write:
        _write(spec_path, data, spec.name, report, options.docs)
    return report


def _to_check(small: bool, start_seconds: float, options: CalibrateOptions, kept: Kept) -> CheckPlan:
    """Two levels below the start, and the start."""
    shares = (*(CHECKS_SMALL if small else CHECKS), (start_seconds, START_SHARE))
    levels = tuple((seconds, max(1, round(options.proofs * share))) for seconds, share in shares)
    return CheckPlan(levels, options.threads, options.seed, kept)


def _call(data: bytes, options: CalibrateOptions) -> dict[str, Any]:
    """What is asked for, without what changes no result."""
    asked = asdict(options)
    del asked["docs"], asked["threads"], asked["write"]
    return {**asked, "spec": sha256(data).hexdigest()}


def _empty(spec: ChainSpec, puzzle: Puzzle, sampler: CpuSampler, options: CalibrateOptions) -> Summary:
    """What is known before anything is surveyed: the puzzle, and what a core does."""
    rules = puzzle.rules
    kernel = kernel_updates_per_second(puzzle, sampler, 16 if rules.topology.n < SMALL else 256)
    return Summary(
        name=spec.name,
        graph=rules.topology.digest.hex(),
        spins=rules.topology.n,
        baseline_sweeps=rules.sweeps,
        gate_bits=rules.gate_bits,
        instances=0,
        seed=options.seed,
        baseline_mean=0.0,
        baseline_sd=0.0,
        gate_hash_updates=kernel / gate_hashes_per_second(),
        updates_per_second=kernel,
        efforts=(),
        correlations=(),
        machine=f"{platform.machine()}, {os.cpu_count()} cores, kernel path {sampler.device}",
        kernel_updates_per_second=kernel,
    )


def _surveyed(
    summary: Summary, puzzle: Puzzle, sampler: CpuSampler, options: CalibrateOptions, progress: Stage
) -> Summary:
    """Adds what random instances show."""
    small = summary.spins < SMALL
    instances = options.instances or (4_000 if small else 1_600)
    survey = Survey(SWEEPS_SMALL if small else SWEEPS, instances, options.seed, options.threads, 1 if small else 5)
    measured = measure(puzzle, sampler, survey, lambda done, total: progress("measuring", done, total))
    found = replace(
        summary,
        instances=instances,
        baseline_mean=float(measured.baselines.mean()),
        baseline_sd=float(measured.baselines.std()),
        efforts=effort_summaries(measured),
        correlations=correlations(measured),
    )
    if small:
        looks = ScreenSurvey(options.played, options.seed, options.threads)
        tiers = screened_survey(puzzle, sampler, looks, lambda done, total: progress("screening", done, total))
        return replace(found, screened=counted(tiers, summary.baseline_sweeps, found.costs, options.seed))
    todo = TrajectorySurvey(staged_template(), options.trajectories, options.seed, options.threads)
    staged = trajectories(puzzle, sampler, todo, lambda done, total: progress("trajectories", done, total))
    return replace(found, staged=staged)


def _timed(summary: Summary, puzzle: Puzzle, sampler: CpuSampler, start_seconds: float) -> Summary:
    """Adds what a core does in a second of attempts at the start level."""
    timed = summary
    for _ in range(2):  # the plan depends on the start level, and that on the rate
        ladder = build_ladder(timed, start_seconds)
        start = ladder.calibration.start
        margin = next(margin for level, margin in ladder.calibration.ladder if level >= start)
        rate = attempt_updates_per_second(puzzle, sampler, ladder.plans.at(start), margin, timed)
        timed = replace(timed, updates_per_second=rate)
    return timed


def _write(spec_path: Path, data: bytes, name: str, report: CalibrationReport, docs: Path) -> None:
    docs.mkdir(parents=True, exist_ok=True)
    spec_path.write_bytes(recalibrated(data, report.ladder.calibration))
    (docs / f"{name}.json").write_text(json.dumps(report.document(), indent=1) + "\n", encoding="utf-8")
    write_table(docs / f"{name}.json")
    plans = plan_file(name)
    plans.parent.mkdir(exist_ok=True)
    plans.write_text(report.ladder.plans.dumps(), encoding="utf-8")
    plot(report, docs / f"{name}.png")


def plot(report: CalibrationReport, path: Path) -> bool:
    """The ladder and its checks as a picture; False (and no file) where matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return False
    mpl.use("Agg")
    from matplotlib import pyplot

    calibration, summary = report.ladder.calibration, report.summary
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    axes.plot([p[0] / 65536 for p in calibration.ladder], [p[1] / 512 for p in calibration.ladder], label="ladder")
    prices = PriceList(summary)
    for effort in summary.efforts[2::2]:
        plan = AnnealPlan(effort.sweeps)
        margins = [p[1] for p in calibration.ladder]
        costs = [prices.price(plan, margin).updates for margin in margins]
        shown = [
            (cost, margin)
            for cost, margin in zip(costs, margins, strict=True)
            if cost < 1e3 * 2.0 ** (calibration.hi / 65536)
        ]
        axes.plot(
            [math.log2(cost / 1e3) for cost, _ in shown],
            [margin / 512 for _, margin in shown],
            ":",
            linewidth=1,
            label=f"{effort.sweeps} sweeps, no probe",
        )
    axes.plot(
        [math.log2(check.measured_updates / 1e3) for check in report.checks],
        [check.margin / 512 for check in report.checks],
        "ko",
        label="measured",
    )
    axes.axvline(calibration.start / 65536, color="grey", linewidth=0.8)
    axes.set_xlabel("level: log2(1,000 spin updates per proof); the grey line is the start")
    axes.set_ylabel("margin (energy below the baseline's mean)")
    axes.set_title(f"{summary.name}: cost of a valid proof")
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return True
