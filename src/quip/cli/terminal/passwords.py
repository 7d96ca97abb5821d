"""Passwords: from a file that only its owner reads, or typed where nobody sees them. Never from the command line, whose
words every process of the machine can read.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from quip.cli.terminal.exits import UsageError
from quip.cli.terminal.options import path_argument
from quip.wallet import secret_files
from quip.wallet.errors import WalletMissing

MAX_BYTES = 4_096
PasswordFile = Annotated[
    Path | None,
    typer.Option("--password-file", help="File whose first line is the password", metavar="PATH", parser=path_argument),
]


def read_password(file: Path | None, purpose: str, new: bool = False) -> str:
    """The password in a file, or typed (a new one twice). Raises UsageError, ExposedSecret."""
    if file is None:
        if not sys.stdin.isatty():
            raise UsageError(f"no password for {purpose}", "give --password-file, or run it in a terminal")
        typed: str = typer.prompt(f"password for {purpose}", hide_input=True, confirmation_prompt=new, err=True)
        return typed
    try:
        lines = secret_files.read_secret(file)[:MAX_BYTES].decode().splitlines()
    except WalletMissing:
        raise UsageError(f"there is no password file {file}", "check its path") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no text in UTF-8", "write the password into its first line") from None
    if not lines or not lines[0]:
        raise UsageError(f"{file} has no password in its first line", "write the password there")
    return lines[0]
