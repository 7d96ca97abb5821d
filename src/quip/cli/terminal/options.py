"""The options that every `quip` command shares."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Data directory of the node, running or not", metavar="PATH")
]
Rpc = Annotated[str | None, typer.Option("--rpc", help="JSON-RPC address of the node", metavar="URL")]
