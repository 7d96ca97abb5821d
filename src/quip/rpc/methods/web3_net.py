"""web3_* and net_*: who answers, and how it is connected."""

from quip.primitives.hashes import keccak256
from quip.rpc.encoding import data, quantity
from quip.rpc.view import RpcView


def client_version(view: RpcView) -> str:
    """Name, version and platform."""
    return view.node.version


def sha3(_view: RpcView, content: bytes) -> str:
    """keccak256."""
    return data(keccak256(content))


def network_version(view: RpcView) -> str:
    """The chain id in decimal."""
    return str(view.spec.chain_id)


def listening(view: RpcView) -> bool:
    """True while other nodes can connect."""
    return view.node.network.listening()


def peer_count(view: RpcView) -> str:
    """How many nodes are connected and joined."""
    return quantity(len(view.node.network.peers()))
