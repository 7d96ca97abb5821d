"""The options that `quip` commands share, and how paths and addresses on a command line are read."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from quip.node.config.values import path

RPC_EXAMPLE = "such as http://127.0.0.1:8545"


def path_argument(text: str) -> Path | None:
    """A path whose `~` is a home directory; an empty one (an unset variable) is refused."""
    try:
        return path(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def url_argument(text: str) -> str:
    """The address of a JSON-RPC server, with its scheme."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port or an IPv6 address
        usable = False
    if not usable:
        given = repr(text) if text.strip() else "an empty text (an unset variable?)"
        raise typer.BadParameter(f"{given} is no address of a JSON-RPC server, {RPC_EXAMPLE}")
    return text


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data directory of the node, running or not", metavar="PATH", parser=path_argument),
]
Rpc = Annotated[
    str | None, typer.Option("--rpc", help="JSON-RPC address of the node", metavar="URL", parser=url_argument)
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--rpc-token-file",
        help="File with the node's token, for a node elsewhere",
        metavar="PATH",
        parser=path_argument,
    ),
]


@dataclass(frozen=True, slots=True)
class Target:
    """The node that a command line names; nothing: the only one that there is."""

    data_dir: Path | None = None
    rpc: str | None = None
    token_file: Path | None = None


NAMING: dict[str, Any] = {"data_dir": DataDir, "rpc": Rpc, "rpc_token_file": TokenFile}


def names_node(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes a `target` the three options that make one."""

    @wraps(command)
    def with_target(
        data_dir: Path | None = None, rpc: str | None = None, rpc_token_file: Path | None = None, **given: Any
    ) -> None:
        command(target=Target(data_dir, rpc, rpc_token_file), **given)

    own = [one for name, one in inspect.signature(command).parameters.items() if name != "target"]
    naming = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in NAMING.items()
    ]
    with_target.__signature__ = inspect.Signature([*own, *naming])  # type: ignore[attr-defined]
    with_target.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *naming)}
    return with_target
