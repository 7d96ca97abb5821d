"""quip-network-simulator: starts a network of real nodes on this machine, watches it, and reports."""

import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from quip.cli.terminal.exits import run_app
from quip.cli.terminal.flags import Flag, settings_of, takes_flags
from quip.cli.terminal.live_table import LiveTable, text_of
from quip.cli.terminal.streams import prepare_streams
from quip.localnet.plan import SCENARIOS, Crew, NodePlan, plan_nodes
from quip.localnet.report import NetworkReport
from quip.localnet.run import Ending, LocalnetRun
from quip.node.config.home import quip_home
from quip.node.config.node_config import FIRST_PORT
from quip.node.errors import ConfigError, NodeError
from quip.node.process import signals
from quip.node.startup import load_rules

SECTION = "simulator"
FLAGS = (
    Flag(SECTION, "num_cpu", "Nodes that mine by CPU, whatever the scenario says", int),
    Flag(SECTION, "num_gpu", "Nodes that mine by GPU", int),
    Flag(SECTION, "num_qpu", "Nodes that mine by QPU", int),
    Flag(SECTION, "base_port", f"First UDP port; 0: any free ones [default: {FIRST_PORT}]", int),
    Flag(SECTION, "genesis_config", "Chain: public, dev, test, or the path of a chain spec [default: dev]"),
    Flag(SECTION, "duration", "Mine for so long [default: until Ctrl-C]", float),
    Flag(SECTION, "blocks", "Mine until a node's head has this number", int),
    Flag(SECTION, "seed", "Seed of what is random [default: 0]", int),
    Flag(
        SECTION, "data_dir", "Where the nodes keep their data; must be empty [default: ~/.quip/simulator/<time>]", Path
    ),
    Flag(
        SECTION,
        "report",
        "Write the report here as JSON, and beside it as text [default: <data-dir>/report.json]",
        Path,
    ),
)
Scenario = Annotated[Literal["mixed", "cpu", "gpu"], typer.Option(help="mixed: 3 CPU, 2 GPU, 1 QPU; cpu: 4; gpu: 2")]
PrintOnly = Annotated[bool, typer.Option("--print-only", help="Print the nodes' commands and exit")]
KillRandom = Annotated[bool, typer.Option("--kill-random", help="kill -9 a node now and then, and start it again")]

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False)


@app.command()
@takes_flags(FLAGS)
def simulate(
    scenario: Scenario = "mixed", print_only: PrintOnly = False, kill_random: KillRandom = False, **given: object
) -> None:
    """Run a network of real nodes: each a process of its own, with its own ports and data directory.

    Devices that are not there are replaced by the CPU. Ctrl-C ends the mining and reports; a second one ends at once.
    """
    options = settings_of(FLAGS, given).get(SECTION, {})
    for name in ("duration", "blocks"):
        if not options.get(name, 1) > 0:
            raise ConfigError(f"--{name} {options[name]} is over before it begins", f"give more than 0, or no --{name}")
    directory = _directory(options.get("data_dir"), print_only)
    genesis = options.get("genesis_config", "dev")
    chain = load_rules(genesis).spec.name
    plans = plan_nodes(_crew(scenario, options), options.get("base_port", FIRST_PORT), genesis, directory)
    if print_only:
        for plan in plans:
            typer.echo(shlex.join(plan.arguments(mining=True)))
        return
    seed = options.get("seed", 0)
    ending = Ending(options.get("duration"), options.get("blocks"), seed if kill_random else None)
    outcome = _run(plans, ending)
    outcome.figures = {"scenario": scenario, "genesis": chain, "seed": seed, **outcome.figures}
    _publish(outcome, options.get("report") or directory / "report.json")
    if not outcome.good:
        raise typer.Exit(1)


def _crew(scenario: str, options: Mapping[str, int]) -> Crew:
    default = SCENARIOS[scenario]
    return Crew(
        options.get("num_cpu", default["cpu"]),
        options.get("num_gpu", default["gpu"]),
        options.get("num_qpu", default["qpu"]),
    )


def _directory(wanted: Path | None, print_only: bool) -> Path:
    home = quip_home()
    if wanted is None and home is None:
        raise ConfigError("this user has no home directory for the nodes' data", "name a directory with --data-dir")
    directory = (wanted or (home or Path()) / "simulator" / time.strftime("%Y%m%d-%H%M%S")).absolute()
    if print_only:
        return directory
    try:
        directory.mkdir(parents=True, exist_ok=True)
        used = any(directory.iterdir())
    except OSError as error:
        raise NodeError(f"cannot use {directory}: {error.strerror}", "name another --data-dir") from None
    if used:
        raise ConfigError(f"{directory} is not empty", "a simulation begins afresh: name another --data-dir")
    return directory


def _run(plans: list[NodePlan], ending: Ending) -> NetworkReport:
    console = Console(highlight=False)
    console.print(f"{len(plans)} node{'s' if len(plans) > 1 else ''} in {plans[0].data_dir.parent}", soft_wrap=True)
    with LiveTable(console) as screen:
        return LocalnetRun(plans, ending, screen.show).run()


def _publish(outcome: NetworkReport, file: Path) -> None:
    text = text_of(outcome)
    typer.echo("\n" + text)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(outcome.as_json(), indent=2) + "\n", encoding="utf-8")
        file.with_suffix(".txt").write_text(text, encoding="utf-8")
    except OSError as error:
        raise NodeError(f"cannot write the report {file}: {error.strerror}", "name another file: --report") from None
    typer.echo(f"report: {file}")


def main() -> None:
    """The program's entry point."""
    prepare_streams()
    signals.for_commands()
    run_app(app)
