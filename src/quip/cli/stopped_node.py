"""A node that does not run, read from its data directory through the very methods that a running one serves."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from quip.chain.template import Template
from quip.networks.network import Network
from quip.node.config.data_dir import DataFiles
from quip.node.process.version import client_version
from quip.node.startup import stopped_chain
from quip.rpc.encoding import data
from quip.rpc.errors import CallFailed
from quip.rpc.methods.table import table
from quip.rpc.params import parse_arguments
from quip.rpc.transport.dispatch import Method
from quip.rpc.view import NodeView, RpcView
from quip.storage.chain_store import RedbChainStore
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import WalletError
from quip.wallet.mining_identity.identity import show_identity


@contextlib.contextmanager
def stopped_node(files: DataFiles) -> Iterator["StoppedNode"]:
    """The node of a data directory, which is locked meanwhile. Raises DataDirError, DataDirBusy where it runs."""
    with stopped_chain(files) as (rules, store, chain):
        yield StoppedNode(_view(files, rules, store, chain.tag))


class StoppedNode:
    """Calls the methods in this process."""

    def __init__(self, view: RpcView) -> None:
        self._methods: Mapping[str, Method] = {method.name: method for method in table(view)}

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises RpcError."""
        chosen = self._methods[method]
        return chosen.answer(*parse_arguments(chosen.params, list(params)))

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results in order. Raises RpcError."""
        return [self.call(method, *params) for method, params in calls]


def _view(files: DataFiles, rules: Network, store: RedbChainStore, tag: Callable[[str], bytes]) -> RpcView:
    def no_pending() -> Template:
        raise CallFailed("pending block is not available")

    node = NodeView(
        version=client_version(),
        now=lambda: int(time.time()),
        buried=tag,
        pending=no_pending,
        status=lambda: stopped_status(files),
        miners=list,
    )
    return RpcView(rules.spec, rules.text, rules.puzzle, store, node)


def stopped_status(files: DataFiles) -> dict[str, Any]:
    """The node's part of quip_getStatus while it does not run: what its files say."""
    status: dict[str, Any] = {
        "running": False,
        "pid": None,
        "uptime": 0,
        "nodeName": files.root.name,
        "dataDir": str(files.root.resolve()),
        "mining": False,
        "idleBecause": "the node does not run",
        "minerId": None,
        "signaturesLeft": None,
        "payout": None,
    }
    with contextlib.suppress(WalletError):
        identity = show_identity(files.identity)
        status |= {"minerId": data(identity.miner_id), "signaturesLeft": identity.remaining}
    with contextlib.suppress(WalletError):
        status["payout"] = PayoutWallet.show(files.wallet).checksum_address
    return status
