"""The node's configuration as one frozen value, made once at the start: flag > environment > TOML > default.

    load(flags, file, kind) -> NodeConfig

Every mistake raises ConfigError, which names the key, the nearest known key, and what to do.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from quip.node.config.settings import SECTIONS, GlobalSection, Kind, LogLevel, Settings, merge
from quip.node.errors import ConfigError

DEFAULT_HOST = "0.0.0.0"
FIRST_RPC_PORT = 8545
FIRST_PORT = 20049
RPC_RULE_PORTS = range(FIRST_PORT, FIRST_PORT + 100)
MASK = "********"


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
    """Everything an operator may choose; `public` is host:port as others shall dial it."""

    kind: Kind
    node_name: str
    listen: str
    port: int
    public: str | None
    peers: tuple[str, ...]
    network: NetworkConfig
    auto_mine: bool
    genesis_config: str
    data_dir: Path | None
    records_dir: Path | None
    payout: str | None
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


def merged(
    flags: Mapping[str, Mapping[str, Any]], file: Path | None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The checked, merged settings; raises ConfigError."""
    toml = read_toml(file) if file is not None else {}
    refuse_unknown(toml, file)
    try:
        return merge(flags, toml, environ)
    except ValidationError as error:
        raise _explained(error, file) from None


def read_toml(file: Path) -> dict[str, Any]:
    """The file's tables; raises ConfigError where it is missing or not TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file {file}", "copy quip-node.example.toml and edit it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}", "check the path and its permissions") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}", "see quip-node.example.toml for the form") from None


def refuse_unknown(toml: Mapping[str, Any], file: Path | None) -> None:
    """Raise ConfigError on the first table or key that nothing reads, naming the nearest known one."""
    for section, values in toml.items():
        if section not in SECTIONS:
            raise ConfigError(f"{file}: unknown table or key [{section}]", _nearest_section(section))
        if not isinstance(values, dict):
            raise ConfigError(f"{file}: {section} must be a table", f"write it as [{section}]")
        for key in values:
            if key not in SECTIONS[section].model_fields:
                raise ConfigError(f"{file}: unknown key {key!r} in [{section}]", _nearest_key(section, key))


def _nearest_section(name: str) -> str:
    homes = [section for section, model in SECTIONS.items() if name in model.model_fields]
    if homes:
        return f"{name} belongs into the table [{homes[0]}]"
    near = difflib.get_close_matches(name, SECTIONS, n=1, cutoff=0.0)
    return f"did you mean [{near[0]}]? The tables are: " + ", ".join(f"[{section}]" for section in SECTIONS)


def _nearest_key(section: str, key: str) -> str:
    homes = [other for other, model in SECTIONS.items() if key in model.model_fields]
    if homes:
        return f"{key} belongs into the table [{homes[0]}]"
    known = dict.fromkeys(SECTIONS[section].model_fields, section)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if not near:
        known = {name: other for other, model in SECTIONS.items() for name in model.model_fields}
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"did you mean {near[0]!r} in [{known[near[0]]}]?"


def _explained(error: ValidationError, file: Path | None) -> ConfigError:
    first = error.errors(include_url=False)[0]
    section, *rest = (str(part) for part in first["loc"])
    key = rest[0] if rest else section
    text = first["msg"].removeprefix("Value error, ")
    shown = MASK if key == "dwave_api_key" else repr(first.get("input"))
    source = f" (configuration file: {file})" if file else ""
    return ConfigError(
        f"[{section}] {key} = {shown}: {text}{source}",
        "quip-node.example.toml lists every key with its values; quip-network-node --check-config tries it out",
    )


def freeze(settings: Settings, kind: Kind | None = None) -> NodeConfig:
    """The frozen value of checked settings; `kind` is the subcommand, or None for [global] default."""
    general = settings.global_
    chosen: Kind = kind or general.default
    if general.host and general.listen and general.host != general.listen:
        raise ConfigError("[global] host and listen differ", "they mean the same thing: keep one of them")
    if bool(general.tls_cert_file) != bool(general.tls_key_file):
        raise ConfigError("tls_cert_file and tls_key_file belong together", "give both or none")
    if general.heartbeat_timeout <= general.heartbeat_interval:
        raise ConfigError("heartbeat_timeout must exceed heartbeat_interval", "the defaults are 60 and 15 seconds")
    secret = settings.qpu.dwave_api_key
    return NodeConfig(
        kind=chosen,
        node_name=general.node_name or f"quip-{general.port}",
        listen=general.listen or general.host or DEFAULT_HOST,
        port=general.port,
        public=_public_address(settings),
        peers=tuple(_peer(peer) for peer in general.peer),
        network=NetworkConfig(
            general.tls_cert_file,
            general.tls_key_file,
            general.require_client_ca,
            general.heartbeat_interval,
            general.heartbeat_timeout,
        ),
        auto_mine=general.auto_mine,
        genesis_config=general.genesis_config,
        data_dir=general.data_dir.expanduser() if general.data_dir else None,
        records_dir=general.records_dir.expanduser() if general.records_dir else None,
        payout=general.payout,
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
    wanted = settings.cpu.num_cpus or available
    return CpuConfig(min(wanted, available), settings.cpu.num_reads, settings.cpu.num_sweeps)


def logical_cpus() -> int:
    """The CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
    host, port = split_address(general.public_host, "public_host")
    if port is not None and general.public_port is not None and port != general.public_port:
        raise ConfigError(
            f"public_host says port {port}, public_port {general.public_port}", "give the port in one place only"
        )
    return f"{host}:{port or general.public_port or general.port}"


def _peer(text: str) -> str:
    host, port = split_address(text, "peer")
    return f"{host}:{port or FIRST_PORT}"


def split_address(text: str, key: str) -> tuple[str, int | None]:
    """("host", port or None) of host, host:port or [v6]:port; raises ConfigError."""
    host, colon, port = text.rpartition(":")
    if not colon or (text.count(":") > 1 and not host.endswith("]")):
        host, port = text, ""
    if not _is_host(host) or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ConfigError(f"{key} = {text!r} is no address", "write host:port, such as localhost:20049 or [::1]:20049")
    return host, int(port) if port else None


def _is_host(text: str) -> bool:
    """Can this be an IP address or a name (RFC 1123; letters of any script)?"""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not host or not all(letter.isalnum() or letter in "-_.:%" for letter in host):
        return False
    return ":" in host or all(0 < len(label) <= 63 for label in host.removesuffix(".").split("."))


def rpc_port_for(config: NodeConfig) -> int | None:
    """The RPC port that flag or rule fixes: 8545 + (port - 20049) for the 100 ports from 20049; else None, take the
    first free one from 8545 up."""
    if config.rpc.port is not None:
        return config.rpc.port
    if config.port in RPC_RULE_PORTS:
        return FIRST_RPC_PORT + config.port - FIRST_PORT
    return None


def as_toml(settings: Settings) -> str:
    """The merged settings as a TOML file with its secrets masked; keys without a value are left out."""
    lines: list[str] = []
    for section, values in settings.model_dump(by_alias=True).items():
        rows = [f"{key} = {_toml_value(value)}" for key, value in values.items() if value is not None]
        if rows:
            lines += [f"[{section}]", *rows, ""]
    return "\n".join(lines).rstrip()


def _toml_value(value: object) -> str:
    if isinstance(value, SecretStr):
        return f'"{MASK}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml_value(part) for part in value) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
