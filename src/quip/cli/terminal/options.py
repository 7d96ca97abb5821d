"""The options that every `quip` command shares, and how paths on a command line are read."""

from pathlib import Path
from typing import Annotated

import typer

from quip.node.config.values import path


def path_argument(text: str) -> Path | None:
    """A path whose `~` is a home directory; an empty one (an unset variable) is refused."""
    try:
        return path(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data directory of the node, running or not", metavar="PATH", parser=path_argument),
]
Rpc = Annotated[str | None, typer.Option("--rpc", help="JSON-RPC address of the node", metavar="URL")]
