"""How a program of ours ends: expected errors become two lines and an exit status, never a traceback."""

import sys
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from quip.net.local_errors import LocalError
from quip.node.errors import NodeError
from quip.wallet.errors import WalletError


def guarded(program: Callable[[], None]) -> None:
    """Run `program`; on an expected error print what is wrong and the hint, and exit with its status."""
    try:
        program()
    except NodeError as error:
        report(error.message, error.hint)
        sys.exit(error.exit_code)
    except (WalletError, LocalError) as error:
        report(error.message, error.hint)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone: nothing to say and nobody to hear
        sys.exit(0)


def report(message: str, hint: str) -> None:
    """Print the error and its hint to stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text("error: ", "bold red") + Text(message))
    console.print(Text("hint: ", "bold cyan") + Text(hint))
