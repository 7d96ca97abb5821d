"""quip-network-node: the entry point. It imports almost nothing: a signal finds a handler from the first moment."""

import signal
import sys
from types import FrameType

import quip


def main() -> None:
    """Run the program. Told to stop before the node runs, it ends with status 0 like any stopped node."""
    if sys.argv[1:] == ["--version"]:  # asked for by scripts, which need not wait for the configuration's libraries
        sys.stdout.write(f"quip-network-node {quip.__version__}\n")
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    from quip.cli.commands.node import app
    from quip.cli.terminal.exits import guarded

    guarded(app)


def _end(number: int, frame: FrameType | None) -> None:
    """Unwinds whatever is open; from the event loop's start on the node has its own handler."""
    del number, frame
    sys.exit(0)
