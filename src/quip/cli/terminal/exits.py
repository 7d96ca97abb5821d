"""How a program of ours ends: expected errors become two lines and an exit status, never a traceback."""

import errno
import os
import sys
from collections.abc import Callable

import typer

from quip.cli.terminal.completion import answer_shells
from quip.primitives.errors import OperatorError

ABORTED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
COLOURS = {"error": "red", "hint": "cyan"}


def guarded(program: Callable[[], None]) -> None:
    """Run `program`; on an expected error print what is wrong and the hint, and exit with its status."""
    answer_shells()
    try:
        program()
    except OperatorError as error:
        report(error.message, error.hint)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(ABORTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone: nothing to say and nobody to hear
        sys.exit(0)
    except OSError as error:
        if error.filename is not None or error.errno not in NO_ROOM:
            raise
        _give_up_output()
        report(f"cannot write the output: {error.strerror}", "free some space, or send it elsewhere")
        sys.exit(1)


def report(message: str, hint: str) -> None:
    """Print the error and its hint to stderr."""
    for label, text in (("error", message), ("hint", hint)):
        shown = f"{label}: " if os.environ.get("NO_COLOR") else typer.style(f"{label}: ", fg=COLOURS[label], bold=True)
        typer.echo(shown + text, err=True)


def _give_up_output() -> None:
    """What waits in stdout is lost: else the interpreter would try it once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
