"""How a program of ours ends: expected errors become two lines and an exit status, never a traceback.

With --json an error is one JSON document on stderr, whose `code` stays the same from version to version.
"""

import errno
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import typer

from quip.cli.terminal.completion import answer_shells
from quip.primitives.errors import OperatorError

ABORTED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
COLOURS = {"error": "red", "hint": "cyan"}


_Refused: Any = typer.BadParameter.__mro__[2]  # click's root of errors, which some versions of typer bring along


class UsageError(OperatorError):
    """A command line that says what no command understands."""

    code = "usage"
    exit_status = 2


class OutputFailed(OperatorError):
    """What a command has to say cannot be written."""

    code = "output"


PLAIN_WORDS = {
    "Input should be a valid integer, unable to parse string as an integer": "it must be a whole number",
    "Input should be a valid number, unable to parse string as a number": "it must be a number",
    "Input should be greater than or equal to 0": "it must be 0 or more",
    "Value error, ": "",
}
"""What the library that converts arguments says, and how a person says it."""


def run_app(app: typer.Typer) -> None:
    """Run a program's command line to its end, and exit."""
    guarded(partial(_run, app))


def _run(app: typer.Typer) -> None:
    try:
        status = app(standalone_mode=False)
    except _Refused as error:
        for library, person in PLAIN_WORDS.items():
            error.message = error.message.replace(library, person)
        if wants_json():
            raise UsageError(error.format_message(), "the command's --help lists what it takes") from None
        error.show()
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(ABORTED)
    sys.stdout.flush()  # what cannot be written shows here, where it can be said
    if isinstance(status, int):
        sys.exit(status)


def guarded(program: Callable[[], None]) -> None:
    """Run `program`; on an expected error print what is wrong and the hint, and exit with its status."""
    answer_shells()
    try:
        program()
    except OperatorError as error:
        _end_with(error)
    except KeyboardInterrupt:
        sys.exit(ABORTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone: nothing to say and nobody to hear
        sys.exit(0)
    except OSError as error:
        if error.filename is not None or error.errno not in NO_ROOM:
            raise
        _give_up_output()
        _end_with(OutputFailed(f"cannot write the output: {error.strerror}", "free some space, or send it elsewhere"))


def _end_with(error: OperatorError) -> None:
    report(error)
    sys.exit(error.exit_status)


def wants_json() -> bool:
    """Does this program's command line ask for JSON? Asked for errors, which may come before it is understood."""
    return "--json" in sys.argv[1:]


def report(error: OperatorError) -> None:
    """Print the error and its hint to stderr."""
    if wants_json():
        found = {"code": error.code, "message": error.message, "hint": error.hint, "exitStatus": error.exit_status}
        typer.echo(json.dumps({"error": found}), err=True)
        return
    for label, text in (("error", error.message), ("hint", error.hint)):
        shown = f"{label}: " if os.environ.get("NO_COLOR") else typer.style(f"{label}: ", fg=COLOURS[label], bold=True)
        typer.echo(shown + text, err=True)


def _give_up_output() -> None:
    """What waits in stdout is lost: else the interpreter would try it once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
