"""quip-network-simulator: comes with networking; says so."""

from quip.cli.exits import guarded
from quip.node.errors import NotBuilt


def main() -> None:
    """The program's entry point."""

    def refuse() -> None:
        raise NotBuilt(
            "the simulator runs several nodes that talk to each other, and networking is not built yet",
            "a single-node chain runs with: quip-network-node cpu --genesis-config dev --auto-mine",
        )

    guarded(refuse)
