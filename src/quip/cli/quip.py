"""quip: looks at a node, its chain, its wallet and its store."""

from typing import Annotated

import typer

import quip
from quip.cli.terminal.exits import run_app
from quip.cli.terminal.lazy_commands import Command, LazyGroup
from quip.cli.terminal.streams import prepare_streams
from quip.node.process import signals

COMMANDS = {
    "status": Command("quip.cli.commands.status", "Show the chain's head, the miners and the wallet of a node."),
    "blocks": Command("quip.cli.commands.blocks", "List the latest blocks, or show one with its proof."),
    "miners": Command("quip.cli.commands.miners", "Show who mined the chain, and how this node's own miners fare."),
    "peers": Command("quip.cli.commands.peers", "Look at the node's peers; add, ban and trust them."),
    "chain": Command("quip.cli.commands.chain", "Verify or export the chain."),
    "wallet": Command(
        "quip.cli.commands.wallet", "Make, show and restore the wallet that rewards go to; sign with its accounts."
    ),
    "db": Command(
        "quip.cli.commands.db", "Check the store of a stopped node, rebuild it, go back to a block, or set it aside."
    ),
    "genesis": Command("quip.cli.commands.genesis", "Cut a network out of a chain spec; show what a spec makes."),
    "calibrate": Command("quip.cli.commands.calibrate", "Measure what a valid proof costs."),
    "completion": Command("quip.cli.commands.completion", "Print a shell's completion for the three programs."),
}


class Commands(LazyGroup):
    """The commands of `quip`."""

    table = COMMANDS


app = typer.Typer(
    cls=Commands,
    help="Look at a Quip node: its chain, its miners, its wallet, its store.",
    no_args_is_help=True,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
Version = Annotated[bool, typer.Option("--version", help="Print the version and exit")]


@app.callback(invoke_without_command=True)
def before(version: Version = False) -> None:
    """Take the options that stand before a command."""
    if version:
        typer.echo(f"quip {quip.__version__}")
        raise typer.Exit


def main() -> None:
    """The program's entry point."""
    prepare_streams()
    signals.for_commands()
    run_app(app)
