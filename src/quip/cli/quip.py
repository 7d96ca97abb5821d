"""quip: looks at a node, its chain, its wallet and its store."""

from typing import Annotated

import typer

import quip
from quip.cli.commands import calibrate, chain, db, peers, show, wallet
from quip.cli.terminal.exits import guarded

app = typer.Typer(
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


app.command()(show.status)
app.command()(show.blocks)
app.command()(show.miners)
app.command()(calibrate.calibrate)
app.add_typer(peers.app, name="peers")
app.add_typer(chain.app, name="chain")
app.add_typer(wallet.app, name="wallet")
app.add_typer(db.app, name="db")


def main() -> None:
    """The program's entry point."""
    guarded(app)
