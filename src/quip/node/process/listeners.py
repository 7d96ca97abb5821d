"""The TCP sockets of a node, and who may call by them: opened and read before it makes or changes anything."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from quip.node.config.node_config import FIRST_RPC_PORT, NodeConfig, rpc_port_for
from quip.node.config.token_file import read_token
from quip.node.errors import ConfigError, NodeError, PortBusy, PortForbidden
from quip.rpc.transport import http
from quip.rpc.transport.access import LOOPBACK_ONLY, Access
from quip.rpc.transport.sockets import LOOPBACK, Listener, is_loopback

log = structlog.get_logger("quip.node")


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where other programs connect, and which of them may."""

    rpc: Listener
    metrics: Listener | None
    rpc_access: Access = LOOPBACK_ONLY
    metrics_access: Access = LOOPBACK_ONLY


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What an error says about a socket that cannot be had."""

    what: str
    host: str
    key: str
    flag: str


@contextlib.contextmanager
def listening(config: NodeConfig) -> Iterator[Listeners]:
    """Hold the ports that the configuration names. Raises PortBusy, PortForbidden, ConfigError."""
    rpc_access, metrics_access = rpc_access_of(config), Access.of(_hosts(config.metrics.hosts, config.metrics.listen))
    with contextlib.ExitStack() as stack:
        rpc = stack.enter_context(_rpc(config))
        metrics = None
        if config.metrics.port is not None:
            wanted = _Wanted("metrics", config.metrics.listen, "metrics_listen", "--metrics-port")
            metrics = stack.enter_context(_listen(config.metrics.port, wanted))
        _tell(config, rpc, rpc_access)
        yield Listeners(rpc, metrics, rpc_access, metrics_access)


async def serve(server: http.LocalServer) -> None:
    """Serve until cancelled; answers under way are finished then."""
    serving = asyncio.create_task(server.run_until_stopped())
    try:
        await asyncio.shield(serving)
    finally:
        server.stop()
        await serving


def rpc_access_of(config: NodeConfig) -> Access:
    """Who may call the RPC. Raises ConfigError where the token cannot be used."""
    token = None if config.rpc.token_file is None else read_token(config.rpc.token_file)
    return Access.of(_hosts(config.rpc.hosts, config.rpc.listen), config.rpc.cors, token)


def _hosts(named: tuple[str, ...], listen: str) -> tuple[str, ...]:
    """An address that the operator gave to listen on may be called by that address."""
    return named if listen in ("0.0.0.0", "::") else (*named, listen)


def _rpc(config: NodeConfig) -> Listener:
    host = config.rpc.listen
    wanted = _Wanted("JSON-RPC server", host, "rpc_listen", "--rpc-port")
    if config.rpc.port is not None:
        return _listen(config.rpc.port, wanted)
    port = rpc_port_for(config)
    if port is not None:
        try:
            return _listen(port, wanted)
        except PortBusy:
            hint = "--rpc-port chooses one"
            log.warning("the usual RPC port is in use: another one is taken", usual=port, hint=hint)
    try:
        return http.listen_from(FIRST_RPC_PORT, host)
    except OSError as error:
        raise _explained(error, FIRST_RPC_PORT, wanted) from None


def _listen(port: int, wanted: _Wanted) -> Listener:
    try:
        return http.listen(port, wanted.host)
    except OSError as error:
        raise _explained(error, port, wanted) from None


def _explained(error: OSError, port: int, wanted: _Wanted) -> NodeError:
    if error.errno == errno.EADDRINUSE:
        return PortBusy(wanted.what, port, wanted.flag)
    if error.errno in (errno.EACCES, errno.EPERM):
        return PortForbidden(wanted.what, port, wanted.flag)
    reason = "no such name" if isinstance(error, socket.gaierror) else error.strerror
    return ConfigError(
        f"[global] {wanted.key} = {wanted.host!r} is no address of this machine: {reason}",
        f"give one that it has (ip addr shows them), 0.0.0.0 or :: for all, or {LOOPBACK}",
    )


def _tell(config: NodeConfig, rpc: Listener, access: Access) -> None:
    listen = config.rpc.listen
    if listen != "localhost" and not is_loopback(listen):
        admin = "with the token" if access.token else "this machine alone (rpc_token_file admits others)"
        log.info("rpc for others", listen=listen, port=rpc.port, hosts=sorted(access.hosts), admin=admin)
