"""The command line of quip-network-node: runs one node. `cpu`, `gpu` and `qpu` say what it mines with."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import quip
from quip.cli.terminal.flags import BY_KIND, EVERY, GENERAL, environment_help, settings_of, takes_flags
from quip.cli.terminal.options import path_argument
from quip.node.config import node_config as configuration
from quip.node.config.merging import merged
from quip.node.config.settings import Kind
from quip.node.config.toml_file import as_toml

CONFIG_HELP = "TOML file; see quip-node.example.toml"
Config = Annotated[Path | None, typer.Option("--config", help=CONFIG_HELP, metavar="FILE", parser=path_argument)]
Check = Annotated[bool, typer.Option("--check-config", help="Print the merged configuration, secrets masked, and exit")]
Version = Annotated[bool, typer.Option("--version", help="Print the version and exit")]

THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

HELP: Mapping[Kind, str] = {
    "cpu": "Run a node that mines with this machine's processor.",
    "gpu": "Run a node that mines with GPUs (on the CPU where there is none, and in this version always).",
    "qpu": "Run a node that mines with D-Wave's annealers (on the CPU in this version).",
}

app = typer.Typer(
    help=f"Run a Quip node. {environment_help()}",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
@takes_flags(EVERY)
def without_subcommand(
    context: typer.Context, config: Config = None, check_config: Check = False, version: Version = False, **given: Any
) -> None:
    """Take what stands before the subcommand; without one, run the [global] default."""
    if version:
        typer.echo(f"quip-network-node {quip.__version__}")
        raise typer.Exit
    flags = settings_of(EVERY, given)
    if context.invoked_subcommand is None:
        start(None, flags, config, check_config)
    context.obj = (flags, config, check_config)


def _subcommand(kind: Kind) -> Callable[..., None]:
    table = (*GENERAL, *BY_KIND[kind])

    @takes_flags(table)
    def run(context: typer.Context, config: Config = None, check_config: Check = False, **given: Any) -> None:
        before, config_before, check_before = context.obj
        flags = settings_of(table, given)
        merged = {section: {**before.get(section, {}), **flags.get(section, {})} for section in {*before, *flags}}
        start(kind, merged, config or config_before, check_config or check_before)

    return run


for _kind, _help in HELP.items():
    app.command(_kind, help=_help)(_subcommand(_kind))


def start(kind: Kind | None, flags: Mapping[str, Mapping[str, Any]], file: Path | None, check: bool) -> None:
    """Merge the configuration, check all that it names, and run the node (or print the configuration)."""
    chosen = {} if kind is None else {"default": kind}
    settings = merged({**flags, "global": {**flags.get("global", {}), **chosen}}, file)
    config = configuration.freeze(settings)
    for notice in settings.notices:
        typer.echo(f"notice: {notice}", err=True)
    os.environ.update({variable: str(config.cpu.num_cpus) for variable in THREAD_LIMITS})
    from quip.node import preflight  # numerical libraries read the limits when they are first imported

    preflight.check(config)
    if check:
        settings.global_.genesis_config = config.genesis_config
        typer.echo(as_toml(settings))
        return
    from quip.node.node import run_node

    run_node(config)
