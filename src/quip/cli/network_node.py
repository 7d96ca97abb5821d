"""quip-network-node: the entry point. It imports almost nothing: a signal finds a handler from the first moment."""

import sys

import quip
from quip.cli.terminal.streams import prepare_streams
from quip.node.process import signals


def main() -> None:
    """Run the program. Told to stop before the node runs, it ends with status 0 like any stopped node."""
    prepare_streams()
    signals.until_ready()
    if sys.argv[1:] == ["--version"]:  # asked for by scripts, which need not wait for the configuration's libraries
        sys.stdout.write(f"quip-network-node {quip.__version__}\n")
        return
    from quip.cli.commands.node import app
    from quip.cli.terminal.exits import run_app

    run_app(app)
