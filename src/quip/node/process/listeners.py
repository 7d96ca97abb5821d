"""The TCP sockets of a node, opened before it makes or changes anything."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from quip.node.config.node_config import FIRST_RPC_PORT, NodeConfig, rpc_port_for
from quip.node.errors import PortBusy
from quip.rpc.transport import http

log = structlog.get_logger("quip.node")


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where local programs connect."""

    rpc: socket.socket
    metrics: socket.socket | None


@contextlib.contextmanager
def listening(config: NodeConfig) -> Iterator[Listeners]:
    """Hold the ports that the configuration names. Raises PortBusy."""
    with contextlib.ExitStack() as stack:
        rpc = stack.enter_context(_rpc(config))
        metrics = None
        if config.metrics.port is not None:
            metrics = stack.enter_context(_listen(config.metrics.port, "metrics", "--metrics-port"))
        yield Listeners(rpc, metrics)


def _rpc(config: NodeConfig) -> socket.socket:
    if config.rpc.port is not None:
        return _listen(config.rpc.port, "JSON-RPC server", "--rpc-port")
    port = rpc_port_for(config)
    if port is not None:
        with contextlib.suppress(OSError):
            return http.listen(port)
        log.warning("the usual RPC port is in use: another one is taken", usual=port, hint="--rpc-port chooses one")
    try:
        return http.listen_from(FIRST_RPC_PORT)
    except OSError:
        raise PortBusy("JSON-RPC server", FIRST_RPC_PORT, "--rpc-port") from None


def _listen(port: int, what: str, flag: str) -> socket.socket:
    try:
        return http.listen(port)
    except OSError:
        raise PortBusy(what, port, flag) from None


async def serve(server: http.LocalServer) -> None:
    """Serve until cancelled; answers under way are finished then."""
    serving = asyncio.create_task(server.run_until_stopped())
    try:
        await asyncio.shield(serving)
    finally:
        server.stop()
        await serving
