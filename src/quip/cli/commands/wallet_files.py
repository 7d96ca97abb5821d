"""Which directory the commands of `quip wallet` mean, and the password that opens what is in it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from quip.cli.node_access import meant_data_dir
from quip.cli.terminal.options import DataDir, path_argument
from quip.cli.terminal.passwords import PasswordFile, read_password
from quip.node.config.data_dir import DataFiles, default_data_dir
from quip.node.config.node_config import FIRST_PORT

Records = Annotated[
    Path | None,
    typer.Option(
        "--records-dir", help="The node's records_dir, where it has one", metavar="PATH", parser=path_argument
    ),
]


@dataclass(frozen=True, slots=True)
class WalletPlace:
    """The wallet that a command line names; nothing: the only one that there is."""

    data_dir: Path | None = None
    records_dir: Path | None = None
    password_file: Path | None = None

    def existing(self) -> DataFiles:
        """Where a wallet is. Raises NoNode."""
        return DataFiles(meant_data_dir(self.data_dir), self.records_dir)

    def new(self) -> DataFiles:
        """Where a wallet is to be made: before the first node has run, where that one will look for it."""
        return DataFiles(meant_data_dir(self.data_dir, default_data_dir("public", FIRST_PORT)), self.records_dir)

    def password(self, purpose: str, new: bool = False) -> str:
        """Of --password-file, or typed. Raises UsageError, ExposedSecret."""
        return read_password(self.password_file, purpose, new)


PLACING: dict[str, Any] = {"data_dir": DataDir, "records_dir": Records, "password_file": PasswordFile}


def names_wallet(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes a `place` the options that make one."""

    @wraps(command)
    def with_place(
        data_dir: Path | None = None, records_dir: Path | None = None, password_file: Path | None = None, **given: Any
    ) -> None:
        command(place=WalletPlace(data_dir, records_dir, password_file), **given)

    own = [one for name, one in inspect.signature(command).parameters.items() if name != "place"]
    placing = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in PLACING.items()
    ]
    with_place.__signature__ = inspect.Signature([*own, *placing])  # type: ignore[attr-defined]
    with_place.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *placing)}
    return with_place
