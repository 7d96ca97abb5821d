"""quip calibrate: measures what a proof costs and writes a chain spec's ladder."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from quip.cli.terminal import output
from quip.cli.terminal.flags import Flag, settings_of, takes_flags
from quip.cli.terminal.lazy_commands import command_app
from quip.cli.terminal.options import Json
from quip.cli.terminal.progress import progress_bar
from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec.chain_spec import parse_spec
from quip.mining.calibration.command import CalibrateOptions, CalibrationReport, NoSummary, Stage, refine, run
from quip.mining.calibration.report import factors, write_table
from quip.mining.calibration.tail import TooFewMeasured
from quip.mining.calibration.trajectories import TooFewTrajectories
from quip.networks.shipped import NETWORKS, file_name
from quip.node.errors import ConfigError, NodeError

SECTION = "calibrate"
FLAGS = (
    Flag(SECTION, "instances", "Instances to measure; default: by the size of the graph", int),
    Flag(SECTION, "trajectories", "Instances to play through the staged plan (large graphs)", int),
    Flag(SECTION, "played", "Instances that each tier of the survey plays (small graphs)", int),
    Flag(SECTION, "proofs", "Unit of the proofs that are mined to compare with what was predicted", int),
    Flag(SECTION, "start_seconds", "Core-seconds of a proof at the start level", float),
    Flag(SECTION, "threads", "Threads to measure with; default: all", int),
    Flag(SECTION, "seed", "Seed of the instances", int),
    Flag(SECTION, "docs", "Where the raw summary and the plot go", Path),
    Flag(SECTION, "write", "Write the ladder into the chain spec", bool, "--write/--dry-run"),
)
LEAST = {"instances": 1, "trajectories": 20, "played": 1, "proofs": 1, "threads": 1, "seed": 0}
Spec = Annotated[str, typer.Argument(help="public, dev, test, or the path of a chain spec")]
Report = Annotated[
    bool, typer.Option("--report", help="Measure nothing: write the page that says what the last calibration measured")
]
Refine = Annotated[
    bool,
    typer.Option("--refine", help="Survey nothing: correct the last calibration by what its checks cost; check again"),
]
Method: TypeAlias = Callable[[Path, CalibrateOptions, Stage], CalibrationReport]

app = command_app()


@app.command()
@takes_flags(FLAGS)
def calibrate(
    chain: Spec, report: Report = False, refined: Refine = False, as_json: Json = False, **given: Any
) -> None:
    """Measure what a valid proof costs. Writes the ladder of the chain spec and the miner's plans."""
    options = CalibrateOptions(**_checked(settings_of(FLAGS, given).get(SECTION, {})))
    path = spec_path(chain)
    if report:
        _report(path, options.docs)
    else:
        _calibrate(path, options, refine if refined else run, as_json)


def _report(path: Path, docs: Path) -> None:
    try:
        summary = docs / f"{parse_spec(path.read_bytes()).name}.json"
        output.emit_pairs({"written": str(write_table(summary))})
    except InvalidSpec as error:
        raise ConfigError(f"{path}: {error}", "name a chain spec that was calibrated") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{summary} is no summary of a calibration", "calibrate first, without --report") from None
    except OSError as error:
        raise ConfigError(f"no report: {error}", "calibrate first, or name the summary's folder: --docs") from None


def _calibrate(path: Path, options: CalibrateOptions, method: Method, as_json: bool) -> None:
    with progress_bar() as progress:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        try:
            made = method(path, options, show)
        except InvalidSpec as error:
            raise ConfigError(f"{path}: {error}", "give a chain spec that is valid but for its ladder") from None
        except (TooFewMeasured, TooFewTrajectories) as error:
            more = "measure more: --instances, --trajectories, --played"
            raise NodeError(f"cannot calibrate: {error}", more) from None
        except NoSummary as error:
            raise ConfigError(str(error), "calibrate first, without --refine; or name the folder: --docs") from None
        except OSError as error:
            raise NodeError(f"cannot write: {error}", "--dry-run measures without writing") from None
    _emit(made, path, options, as_json)


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    for key, least in LEAST.items():
        if settings.get(key, least) < least:
            raise ConfigError(f"--{key} {settings[key]} is too small", f"give at least {least}")
    if settings.get("start_seconds", 1) <= 0:
        raise ConfigError(f"--start-seconds {settings['start_seconds']:g} is not a duration", "give more than 0")
    return settings


def spec_path(chain: str) -> Path:
    """The file of a network's name, in this directory; or the path as it is. Raises ConfigError."""
    path = Path(file_name(chain)) if chain in NETWORKS else Path(chain)
    if not path.is_file():
        raise ConfigError(
            f"there is no chain spec {path}", "run this in the project's root, or name a chain spec's path"
        )
    return path


def _emit(report: CalibrationReport, path: Path, options: CalibrateOptions, as_json: bool) -> None:
    if as_json:
        output.emit_json({**report.document(), "agrees": report.agrees, "spec": str(path), "written": options.write})
        return
    calibration = report.ladder.calibration
    output.emit_pairs(
        {
            "spec": f"{path} ({'written' if options.write else 'not written'})",
            "ladder": f"{len(calibration.ladder)} points, levels {output.level(calibration.lo)} to "
            f"{output.level(calibration.hi)}",
            "start": f"level {output.level(calibration.start)}, {report.start_seconds} core-seconds a proof",
            "prediction": "agrees" if report.agrees else "does not agree within 25 %",
        }
    )
    rows = [
        (f"{row.level:.2f}", row.proofs, f"{row.predicted:.3g}", f"{row.measured:.3g}",
         "{:.3g} to {:.3g}".format(*row.interval), f"{row.measured / row.predicted - 1:+.0%}",
         "yes" if row.inside else "no")
        for row in report.measured
    ]  # fmt: skip
    output.emit_table(("level", "proofs", "predicted updates", "measured", "90 % interval", "off by", "inside"), rows)
    steps = [
        (f"{step.low:.2f}", f"{step.high:.2f}", f"{step.factor:.2f}", "{:.2f} to {:.2f}".format(*step.interval))
        for step in factors(report.measured)
    ]
    output.emit_table(("from level", "to level", "dearer per bit", "90 % interval"), steps)
