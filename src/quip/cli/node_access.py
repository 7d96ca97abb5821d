"""The node that a command talks to: by --rpc, by --data-dir (running or not), or the only one that runs.

A node that does not run is read from its data directory through the very methods that a running one serves.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from quip.consensus.types.header import Header
from quip.node.config.data_dir import DataFiles
from quip.node.errors import NodeError, NoNode
from quip.node.process.running_nodes import running_nodes
from quip.node.process.version import client_version
from quip.node.startup import Rules, stopped_chain
from quip.rpc.client import RpcClient, RpcRefused, RpcUnreachable
from quip.rpc.encoding import data
from quip.rpc.errors import CallFailed, RpcError
from quip.rpc.methods.table import table
from quip.rpc.params import parse_arguments
from quip.rpc.transport.dispatch import Method
from quip.rpc.view import NodeView, RpcView
from quip.storage.chain_store import RedbChainStore
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import WalletError
from quip.wallet.mining_identity.identity import show_identity

START_HINT = "start one with: quip-network-node cpu --auto-mine, or name a data directory with --data-dir"


class Caller(Protocol):
    """Answers the methods of the JSON-RPC."""

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call."""

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of several calls, in order."""


@contextlib.contextmanager
def open_target(rpc: str | None, data_dir: Path | None) -> Iterator[Caller]:
    """The node that the options name. Raises NodeError where there is none, or it refuses a call."""
    try:
        url = rpc or running_url(data_dir)
        if url is not None:
            yield RpcClient(url)
            return
        if data_dir is None:
            raise NoNode("no node runs on this machine", START_HINT)
        with stopped_chain(DataFiles(data_dir)) as (rules, store, chain):
            yield StoppedNode(_view(data_dir, rules, store, chain.tag))
    except RpcUnreachable as error:
        raise NoNode(
            str(error), "check the address; a running node prints it, and writes it to <data-dir>/rpc"
        ) from None
    except (RpcRefused, RpcError) as error:
        raise NodeError(f"the node refuses: {error}", "quip status shows what it has") from None


def running_url(data_dir: Path | None) -> str | None:
    """The RPC address of the running node; None where none runs (on that data directory). Raises NoNode for several."""
    nodes = running_nodes()
    if data_dir is not None:
        mine = [node.rpc_url for node in nodes if node.data_dir == data_dir.resolve()]
        return mine[0] if mine else _written_url(data_dir)
    if len(nodes) > 1:
        listed = ", ".join(f"{node.rpc_url} ({node.data_dir})" for node in nodes)
        raise NoNode(f"several nodes run on this machine: {listed}", "name one with --rpc URL or --data-dir PATH")
    return nodes[0].rpc_url if nodes else None


def _written_url(data_dir: Path) -> str | None:
    """What <data-dir>/rpc says, if somebody answers there (a killed node leaves the file behind)."""
    # Whatever lies there or answers there: what is not our node, is not meant.
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RpcUnreachable, RpcRefused):
        url = DataFiles(data_dir).rpc.read_text().strip()
        found = RpcClient(url, timeout_s=2.0).call("quip_getStatus")
        return url if Path(found["dataDir"]) == data_dir.resolve() else None
    return None


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


def _view(data_dir: Path, rules: Rules, store: RedbChainStore, tag: Callable[[str], bytes]) -> RpcView:
    def no_pending() -> Header:
        raise CallFailed("pending block is not available")

    node = NodeView(
        version=client_version(),
        now=lambda: int(time.time()),
        buried=tag,
        pending=no_pending,
        status=lambda: stopped_status(DataFiles(data_dir)),
        miners=list,
    )
    return RpcView(rules.spec, rules.spec_json, rules.puzzle, store, node)


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
