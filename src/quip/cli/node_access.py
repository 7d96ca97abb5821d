"""The node that a command talks to, and the data directory that it means.

By --rpc: whoever answers there (--rpc-token-file has its token, where it is elsewhere). By --data-dir: the node of that
directory, running or not. By neither: the only node that runs, else the only data directory that there is. A node that
does not run is read from its directory.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from quip.cli.terminal.options import Target
from quip.node.config.data_dir import DataFiles, existing_data_dirs
from quip.node.config.token_file import read_token
from quip.node.errors import DataDirBusy, NodeError, NoNode
from quip.node.process.running_nodes import running_nodes, url_of
from quip.rpc.client import RpcClient, RpcRefused, RpcUnreachable, TokenRefused
from quip.rpc.errors import NEEDS_TOKEN, RpcError
from quip.storage.lock import is_locked

START_HINT = "start one with: quip-network-node cpu --auto-mine, or name a data directory with --data-dir"
TOKEN_HINT = "give the file that its rpc_token_file names, or a copy: --rpc-token-file PATH"
NAME_ONE = "name one with --data-dir PATH"


class Caller(Protocol):
    """Answers the methods of the JSON-RPC."""

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call."""

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of several calls, in order."""


@contextlib.contextmanager
def open_target(target: Target) -> Iterator[Caller]:
    """The node that the options name. Raises NodeError where there is none, or it refuses a call."""
    token = None if target.token_file is None else read_token(target.token_file)
    try:
        if target.rpc is not None:
            yield RpcClient(target.rpc, token=token)
            return
        meant = meant_data_dir(target.data_dir)
        url = running_url(meant)
        if url is not None:
            yield RpcClient(url, token=token)
            return
        with _stopped(meant) as node:
            yield node
    except RpcUnreachable as error:
        raise NoNode(
            str(error), "check the address; a running node prints it, and writes it to <data-dir>/rpc"
        ) from None
    except TokenRefused as error:
        raise NodeError(str(error), TOKEN_HINT) from None
    except (RpcRefused, RpcError) as error:
        hint = TOKEN_HINT if NEEDS_TOKEN in str(error) else "quip status shows what it has"
        raise NodeError(f"the node refuses: {error}", hint) from None


def meant_data_dir(data_dir: Path | None, default: Path | None = None) -> Path:
    """The named directory, that of the only running node, the only one that there is, or (where none is) the default.

    Raises NoNode.
    """
    if data_dir is not None:
        return data_dir
    running = running_nodes()
    if len(running) > 1:
        listed = "".join(f"\n  {node.data_dir}  {node.rpc_url}" for node in running)
        raise NoNode(f"several nodes run on this machine:{listed}", f"{NAME_ONE} or --rpc URL")
    if running:
        return running[0].data_dir
    existing = existing_data_dirs()
    if len(existing) > 1:
        listed = "".join(f"\n  {place}" for place in existing)
        raise NoNode(f"no node runs on this machine; there are several data directories:{listed}", NAME_ONE)
    if existing:
        return existing[0]
    if default is None:
        raise NoNode("no node runs on this machine, and none has run", START_HINT)
    return default


def running_url(data_dir: Path) -> str | None:
    """Where the node of a data directory answers; None if it does not run.

    The directory's lock decides that. Whoever answers at an address on file is asked whose node it is: a killed node
    leaves the file behind, and another program may answer there by now.
    """
    if is_locked(data_dir) is False:
        return None
    resolved = data_dir.resolve()
    noted = [node.rpc_url for node in running_nodes() if node.data_dir == resolved]
    for url in dict.fromkeys(filter(None, (url_of(data_dir), *noted))):
        # What lies there may be no URL, and what answers there no node.
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, RpcUnreachable, RpcRefused, TokenRefused):
            if Path(RpcClient(url).call("quip_getStatus")["dataDir"]) == resolved:
                return url
    return None


@contextlib.contextmanager
def _stopped(data_dir: Path) -> Iterator[Caller]:
    from quip.cli.stopped_node import stopped_node  # the chain and its libraries

    try:
        with stopped_node(DataFiles(data_dir)) as node:
            yield node
    except DataDirBusy as error:
        who = "another process" if error.pid is None else f"process {error.pid}"
        raise NoNode(
            f"{who} uses the data directory {data_dir} and does not answer",
            "it may still be starting, or be another command: try again, or look at its log",
        ) from None
