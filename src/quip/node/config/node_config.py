"""The node's configuration as one frozen value, made once at the start.

    load(flags, file, kind) -> NodeConfig

Every mistake raises ConfigError, which names the flag, variable or key, and what to do.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quip.node.config.cpus import logical_cpus, mining_cpus
from quip.node.config.data_dir import SPEC_FILE
from quip.node.config.merging import merged
from quip.node.config.on_demand import DEVELOPER_CHAIN, check_on_demand
from quip.node.config.settings import LOOPBACK, GlobalSection, Kind, LogLevel, Settings
from quip.node.config.values import split
from quip.node.errors import ConfigError
from quip.primitives.address import parse_address

DEFAULT_HOST = "0.0.0.0"
FIRST_RPC_PORT = 8545
FIRST_PORT = 20049
RPC_RULE_PORTS = range(FIRST_PORT, FIRST_PORT + 100)
DEFAULT_CHAIN = "public"


@dataclass(frozen=True, slots=True)
class CpuConfig:
    """`num_cpus` worker threads (never more than the machine has); None for reads or sweeps is "auto"."""

    num_cpus: int
    num_reads: int | None
    num_sweeps: int | None


@dataclass(frozen=True, slots=True)
class GpuConfig:
    """Which GPUs mine, and by what."""

    backend: str
    devices: tuple[str, ...]
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QpuConfig:
    """Which annealers mine; `daily_budget_s` is access time."""

    api_key: str | None = field(repr=False)
    solvers: tuple[str, ...]
    region_url: str
    daily_budget_s: float | None


@dataclass(frozen=True, slots=True)
class RpcConfig:
    """The JSON-RPC server; port None follows the rule of `rpc_port_for`."""

    port: int | None
    batch_limit: int
    body_limit_bytes: int
    access_log: Path | None
    listen: str
    """The address to listen on: an IP address or a name."""
    hosts: tuple[str, ...]
    """Names that a request's Host header may bear beside those of loopback; "*" is any."""
    cors: tuple[str, ...]
    """Origins of web pages that may call it; "*" is any."""
    token_file: Path | None
    """What a caller must know to use wallet and admin methods where it listens beyond loopback."""


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """The metrics server; port None leaves it off."""

    port: int | None
    listen: str
    hosts: tuple[str, ...]
    """Names that a request's Host header may bear beside those of loopback; "*" is any."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """How this node proves who it is to peers, whom it admits, and how long it waits for them."""

    tls_cert_file: Path | None
    tls_key_file: Path | None
    require_client_ca: Path | None
    heartbeat_interval_s: float
    heartbeat_timeout_s: float


@dataclass(frozen=True, slots=True)
class MinerCounts:
    """How many miners of each kind, GPUs and QPUs by device."""

    cpu: int
    gpu: tuple[str, ...]
    qpu: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything an operator may choose; `public` is host:port as others shall dial it, `payout` an address's 20 bytes.

    `genesis_config` is a network's name or the path of a chain spec: where none was given, that of the data directory.
    """

    kind: Kind
    node_name: str
    listen: str
    port: int
    public: str | None
    peers: tuple[str, ...]
    bootnodes: tuple[str, ...] | None
    """None: those of the shipped network."""
    network: NetworkConfig
    auto_mine: bool
    mine_on_demand: bool
    """Make a block for each transaction, at once: on a developer's chain, without peers."""
    archive: bool
    """Keep the states of all blocks; only in a store that did from its first block on."""
    genesis_config: str
    data_dir: Path | None
    records_dir: Path | None
    payout: bytes | None
    log_level: LogLevel
    node_log: Path | None
    metrics: MetricsConfig
    rpc: RpcConfig
    cpu: CpuConfig
    gpu: GpuConfig
    qpu: QpuConfig
    miners: MinerCounts


def load(flags: Mapping[str, Mapping[str, Any]], file: Path | None, kind: Kind | None = None) -> NodeConfig:
    """The frozen configuration. `flags` is {section: {key: value}} of what the command line gave."""
    return freeze(merged(flags, file), kind)


def freeze(settings: Settings, kind: Kind | None = None) -> NodeConfig:
    """The frozen value of checked settings; `kind` is the subcommand, or None for [global] default."""
    general = settings.global_
    chosen: Kind = kind or general.default
    _check_pairs(settings)
    check_on_demand(settings)
    secret = settings.qpu.dwave_api_key
    return NodeConfig(
        kind=chosen,
        node_name=general.node_name or f"quip-{general.port}",
        listen=general.listen or general.host or (LOOPBACK if general.mine_on_demand else DEFAULT_HOST),
        port=general.port,
        public=_public_address(settings),
        peers=tuple(peer_address(peer) for peer in general.peer),
        bootnodes=_bootnodes(general),
        network=NetworkConfig(
            general.tls_cert_file,
            general.tls_key_file,
            general.require_client_ca,
            general.heartbeat_interval,
            general.heartbeat_timeout,
        ),
        auto_mine=general.auto_mine,
        mine_on_demand=general.mine_on_demand,
        archive=general.archive,
        genesis_config=_genesis_config(general),
        data_dir=general.data_dir,
        records_dir=general.records_dir,
        payout=parse_address(general.payout) if general.payout else None,
        log_level=general.log_level,
        node_log=general.node_log,
        metrics=MetricsConfig(general.metrics_port, general.metrics_listen, general.metrics_hosts),
        rpc=_rpc(general),
        cpu=_cpu(settings),
        gpu=GpuConfig(settings.gpu.backend, settings.gpu.devices, settings.gpu.types),
        qpu=QpuConfig(
            secret.get_secret_value() if secret else None,
            settings.qpu.dwave_api_solver,
            settings.qpu.dwave_region_url,
            settings.qpu.daily_budget,
        ),
        miners=_miners(settings, chosen),
    )


def _check_pairs(settings: Settings) -> None:
    """Values that are right alone, and wrong together."""
    general = settings.global_
    if general.host and general.listen and general.host != general.listen:
        raise ConfigError(
            f"{settings.named('host')} and {settings.named('listen')} differ",
            "they mean the same thing: keep one of them",
        )
    if bool(general.tls_cert_file) != bool(general.tls_key_file):
        given = settings.named("tls_cert_file" if general.tls_cert_file else "tls_key_file")
        raise ConfigError(f"{given} stands alone: tls_cert_file and tls_key_file belong together", "give both or none")
    if general.heartbeat_timeout <= general.heartbeat_interval:
        raise ConfigError(
            f"{settings.named('heartbeat_timeout')} ({general.heartbeat_timeout:g} s) must exceed "
            f"{settings.named('heartbeat_interval')} ({general.heartbeat_interval:g} s)",
            "the defaults are 60 and 15 seconds",
        )


def _bootnodes(general: GlobalSection) -> tuple[str, ...] | None:
    if general.mine_on_demand:
        return ()
    return None if general.bootnodes is None else tuple(peer_address(node) for node in general.bootnodes)


def _genesis_config(general: GlobalSection) -> str:
    if general.mine_on_demand:
        return DEVELOPER_CHAIN
    return general.genesis_config or _chain_of(general.data_dir)


def _chain_of(data_dir: Path | None) -> str:
    """The chain spec that a data directory was made with; the public network where there is none."""
    spec = None if data_dir is None else data_dir / SPEC_FILE
    return DEFAULT_CHAIN if spec is None or not os.path.isfile(spec) else str(spec)  # noqa: PTH113 (never raises)


def _rpc(general: GlobalSection) -> RpcConfig:
    return RpcConfig(
        port=general.rpc_port,
        batch_limit=general.rpc_batch_limit,
        body_limit_bytes=general.rpc_body_limit,
        access_log=general.http_log,
        listen=general.rpc_listen,
        hosts=general.rpc_hosts,
        cors=general.rpc_cors,
        token_file=general.rpc_token_file,
    )


def _cpu(settings: Settings) -> CpuConfig:
    available = logical_cpus()
    wanted = settings.cpu.num_cpus or mining_cpus(available)
    return CpuConfig(min(wanted, available), settings.cpu.num_reads, settings.cpu.num_sweeps)


def _miners(settings: Settings, kind: Kind) -> MinerCounts:
    named = settings.miners
    if named.cpu is not None or named.gpu is not None or named.qpu is not None:
        return MinerCounts(named.cpu or 0, named.gpu or (), named.qpu or ())
    gpus = settings.gpu.types if settings.gpu.backend == "modal" else settings.gpu.devices
    return MinerCounts(
        cpu=1 if kind == "cpu" else 0,
        gpu=(gpus or ("0",)) if kind == "gpu" else (),
        qpu=(settings.qpu.dwave_api_solver or ("default",)) if kind == "qpu" else (),
    )


def _public_address(settings: Settings) -> str | None:
    general = settings.global_
    if general.public_host is None:
        return None
    host, port = _host_and_port(general.public_host, "public_host")
    if port is not None and general.public_port is not None and port != general.public_port:
        raise ConfigError(
            f"{settings.named('public_host')} says port {port}, {settings.named('public_port')} {general.public_port}",
            "give the port in one place only",
        )
    return f"{host}:{port or general.public_port or general.port}"


def peer_address(text: str) -> str:
    """host:port of a node to dial, [v6]:port. Raises ConfigError."""
    host, port = _host_and_port(text, "peer")
    return f"{host}:{port or FIRST_PORT}"


def _host_and_port(text: str, key: str) -> tuple[str, int | None]:
    """As `split_address`, with an IPv6 address in brackets: a port will follow."""
    host, port = split_address(text, key)
    return (f"[{host}]" if ":" in host and not host.startswith("[") else host), port


def split_address(text: str, key: str) -> tuple[str, int | None]:
    """("host", port or None) of host, host:port or [v6]:port; raises ConfigError."""
    try:
        return split(text)
    except ValueError as error:
        raise ConfigError(f"{key}: {error}", "write host:port, such as localhost:20049 or [::1]:20049") from None


def rpc_port_for(config: NodeConfig) -> int | None:
    """The RPC port that flag or rule fixes: 8545 + (port - 20049) for the 100 ports from 20049; else None, take the
    first free one from 8545 up."""
    if config.rpc.port is not None:
        return config.rpc.port
    if config.port in RPC_RULE_PORTS:
        return FIRST_RPC_PORT + config.port - FIRST_PORT
    return None
