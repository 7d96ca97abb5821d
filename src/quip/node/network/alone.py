"""Mining on a network that others share, without ever having met one of them: a fork that nobody will take."""

from typing import Protocol

from quip.networks.network import Network
from quip.networks.shipped import DEFAULT_NETWORK

ALONE = "alone: this node has never met another one, and mines a fork of its own that the network will not take"
ALONE_HINT = "name a node of the network: --peer HOST:PORT, or peer in the TOML file, or: quip peers add HOST:PORT"

OLD_GENESIS = "the genesis block is old and the chain was empty: whoever mined in between has a heavier one"
OLD_GENESIS_HINT = (
    "ask the network's people for their newest chain spec and a peer; for one of your own: quip genesis cut"
)
OLD_S = 30 * 86_400


class Acquaintance(Protocol):
    """The network, as far as it is asked here (NetworkDriver)."""

    @property
    def has_met(self) -> bool:
        """True if a peer joined, now or in an earlier run."""


def is_alone(rules: Network, network: Acquaintance) -> bool:
    """On dev, on test, and on a chain of one's own, one node is a network."""
    return rules.spec.name == DEFAULT_NETWORK and not network.has_met


def is_old(rules: Network, now_s: int) -> bool:
    """Whether the network was cut so long ago that an empty chain cannot be its head."""
    return now_s - rules.spec.genesis.timestamp > OLD_S
