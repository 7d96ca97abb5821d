"""Opens what the network stands on: node key, trust.db, addresses, the required authority. Errors are explained."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from quip.net.address import Address
from quip.net.peers.trust_db import TrustDb
from quip.net.quic.endpoint import EndpointConfig
from quip.net.quic.node_identity import NodeIdentity, read_certificates
from quip.net.quic.udp import UdpSocket
from quip.node.config.data_dir import DataFiles
from quip.node.config.node_config import NodeConfig, split_address
from quip.node.core import NodeCore
from quip.node.errors import ConfigError
from quip.node.mempool_service import MempoolService
from quip.node.mining.setup import MiningSetup
from quip.node.network.driver import NetworkDriver, NetworkParts
from quip.node.network.limited_log import LimitedLog
from quip.node.network.peer_resolver import addresses_of

log = structlog.get_logger("quip.net")

LOOKUP_S = 3.0  # so long a start waits for the name server
AS_SEEN = "0.0.0.0"  # as public host: others shall dial the address that they see


def listening_host(config: NodeConfig) -> str:
    """Where to listen, once it is known that this can be done: before a first run makes keys and a wallet in vain.

    Raises LocalError, ConfigError.
    """
    host = _address_of(config.listen, 0)
    if host is None:
        raise ConfigError(f"listen = {config.listen!r} is no address", "give one of this machine, or 0.0.0.0, or ::")
    UdpSocket(host.host, config.port).close()
    return host.host


def open_transport(config: NodeConfig, host: str, files: DataFiles) -> EndpointConfig:
    """Where to listen and who we are; the node's key is made on the first run. Raises LocalError."""
    network = config.network
    ca = None
    if network.require_client_ca is not None:
        read_certificates(network.require_client_ca)
        ca = network.require_client_ca.read_bytes()
    identity = NodeIdentity.open(files.root, network.tls_cert_file, network.tls_key_file)
    return EndpointConfig(host, config.port, identity, ca, network.heartbeat_timeout_s)


def open_trust(path: Path) -> TrustDb:
    """The peers' database, made where absent. Raises LocalError."""
    limited = LimitedLog()
    return TrustDb(
        path, lambda error: limited.write("error", "peers are not saved", reason=error.message, hint=error.hint)
    )


def open_network(
    core: NodeCore, transport: EndpointConfig, mining: MiningSetup, pool: MempoolService, stack: contextlib.ExitStack
) -> NetworkDriver:
    """The network of this node, not started yet; `stack` closes the peers' database. Raises LocalError."""
    trust = open_trust(core.files.trust)
    stack.callback(trust.close)
    return NetworkDriver(
        NetworkParts(
            config=core.config,
            rules=core.rules,
            transport=transport,
            trust=trust,
            writer=core.writer,
            clock=core.clock,
            public=public_address(core.config),
            has_made=mining.producer.has_made,
            mining=lambda: mining.idle_because is None,
            counters=core.metrics.public,
            failures=core.failures,
            pool=pool,
        )
    )


def public_address(config: NodeConfig) -> Address:
    """Where others shall dial this node; port 0: the one that the system gives."""
    if config.public is None:
        return Address(AS_SEEN, config.port)
    host, port = split_address(config.public, "public_host")
    address = _address_of(host, port or config.port)
    if address is not None:
        return address
    log.warning("public_host has no address", public_host=host, hint="peers are told to use the address that they see")
    return Address(AS_SEEN, port or config.port)


def _address_of(host: str, port: int) -> Address | None:
    addresses = _within(LOOKUP_S, lambda: addresses_of(host, port))
    v4 = [one for one in addresses if ":" not in one.host]
    return next(iter(v4 or addresses), None)


def _within(seconds: float, question: Callable[[], list[Address]]) -> list[Address]:
    """The answer, or nothing where it does not come in time."""
    found: list[Address] = []

    def ask() -> None:
        try:
            found.extend(question())
        except OSError:
            return

    asking = threading.Thread(target=ask, name="names", daemon=True)
    asking.start()
    asking.join(seconds)
    return list(found)
