"""Flags as data: one table, from which a command's signature and its settings are both made.

A flag of quip-network-node sets one key of one section, so it is also a TOML key and an environment variable.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from quip.node.config.settings import SECTIONS, environment_name, option_name
from quip.node.config.values import path
from quip.node.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Flag:
    """`--name VALUE` sets [section] key; a list type means that the flag repeats."""

    section: str
    key: str
    help: str
    kind: Any = str
    name: str = ""

    @property
    def parameter(self) -> str:
        """The name of the Python parameter: unique over all sections."""
        return f"{self.section}_{self.key}"

    @property
    def option(self) -> str:
        """As it is written on the command line."""
        name = option_name(self.key)
        return self.name or (f"{name}/--no-{name[2:]}" if self.kind is bool else name)


GENERAL = (
    Flag("global", "port", "Port to listen on; the RPC port follows it", int),
    Flag("global", "listen", "Address to listen on", str),
    Flag("global", "public_host", "How others reach this node: host or host:port"),
    Flag("global", "public_port", "Port under which others reach this node", int),
    Flag("global", "peer", "A node to connect to, host:port (repeats)", list[str]),
    Flag(
        "global", "bootnodes", "Where to find the network, host:port, instead of the shipped ones (repeats)", list[str]
    ),
    Flag("global", "auto_mine", "Mine; without it the node follows and validates", bool),
    Flag(
        "global", "mine_on_demand", "A developer's chain (local): a block for each transaction, at once, no peers", bool
    ),
    Flag("global", "archive", "Keep the states of all blocks, from the first start on", bool),
    Flag(
        "global",
        "genesis_config",
        "Chain: public, dev, test, local, or a chain spec's path [default: the data directory's]",
    ),
    Flag("global", "data_dir", "Where the chain and the keys are kept", Path),
    Flag("global", "records_dir", "Where used one-time keys are remembered [default: ~/.quip/records]", Path),
    Flag("global", "payout", "Account that rewards are paid to"),
    Flag("global", "node_name", "Name in logs and statistics"),
    Flag("global", "log_level", "DEBUG, INFO, WARNING or ERROR"),
    Flag("global", "node_log", "Also log to this file, as JSON lines", Path),
    Flag("global", "http_log", "Log RPC requests to this file, as JSON lines", Path),
    Flag("global", "rpc_port", "JSON-RPC port; 0 takes any free one", int),
    Flag("global", "rpc_listen", "Address that the JSON-RPC server listens on"),
    Flag("global", "rpc_hosts", "Host name under which it may be called, beside loopback's (repeats)", list[str]),
    Flag("global", "rpc_cors", "Origin of web pages that may call it, such as https://host (repeats)", list[str]),
    Flag("global", "rpc_token_file", "File with the token for wallet and admin methods beyond loopback", Path),
    Flag("global", "metrics_port", "Serve Prometheus metrics on this port; 0 takes any free one", int),
    Flag("global", "metrics_listen", "Address that the metrics server listens on"),
    Flag("global", "metrics_hosts", "Host name under which it may be called, beside loopback's (repeats)", list[str]),
    Flag("global", "tls_cert_file", "Certificate of this node", Path),
    Flag("global", "tls_key_file", "Its private key", Path),
    Flag("global", "require_client_ca", "Only peers with a certificate by this authority", Path),
    Flag("global", "heartbeat_interval", "Seconds between heartbeats to a peer", float),
    Flag("global", "heartbeat_timeout", "Seconds of silence after which a peer is gone", float),
)
CPU = (
    Flag("cpu", "num_cpus", "Worker threads; at most the machine's logical CPUs", int),
    Flag("cpu", "num_reads", 'Reads a sample, or "auto"', str),
    Flag("cpu", "num_sweeps", 'Sweeps a read, or "auto"', str),
)
GPU = (
    Flag("gpu", "backend", "local, mps or modal", str),
    Flag("gpu", "devices", "GPU to mine with (repeats); default: all", list[str]),
    Flag("gpu", "types", "Modal machine type (repeats)", list[str]),
)
QPU = (
    Flag("qpu", "dwave_api_key", "D-Wave API key (better: DWAVE_API_KEY in the environment or .env)"),
    Flag("qpu", "dwave_api_solver", "D-Wave solver (repeats)", list[str]),
    Flag("qpu", "dwave_region_url", "D-Wave region"),
    Flag("qpu", "daily_budget", 'Access time a day, such as "40s/d" or "2m/d"'),
)
METAVARS: Mapping[Any, str] = {int: "N", float: "SECONDS", Path: "PATH"}
# Whatever mines, the processor stands in where the device is missing.
BY_KIND: Mapping[str, Sequence[Flag]] = {"cpu": CPU, "gpu": (*GPU, *CPU), "qpu": (*QPU, *CPU)}
EVERY = (*GENERAL, *CPU, *GPU, *QPU)


def takes_flags(flags: Sequence[Flag]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a function that takes **given (and perhaps a typer.Context) the table's flags as its signature."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for parameter in inspect.signature(function).parameters.values()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        parameters = [*own, *(_parameter(flag) for flag in flags)]
        function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return function

    return decorate


def _parameter(flag: Flag) -> inspect.Parameter:
    model = SECTIONS.get(flag.section)
    default = model.model_fields[flag.key].get_default(call_default_factory=True) if model else None
    shown = "" if default in (None, (), False) else f" [default: {default}]"
    kind = str if flag.kind is Path else flag.kind  # an empty path must be seen: typer would make it "."
    metavar = None if flag.kind is bool else METAVARS.get(flag.kind, "TEXT")
    option = typer.Option(flag.option, help=flag.help + shown, show_default=False, metavar=metavar)
    return inspect.Parameter(
        flag.parameter, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def settings_of(flags: Sequence[Flag], given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{section: {key: value}} of the flags that were really given."""
    found: dict[str, dict[str, Any]] = {}
    for flag in flags:
        value = given.get(flag.parameter)
        if value is not None and flag.kind is Path:
            value = _path(flag, value)
        if value is not None and value != []:
            found.setdefault(flag.section, {})[flag.key] = value
    return found


def _path(flag: Flag, text: str) -> Path | None:
    try:
        return path(text)
    except ValueError as error:
        raise ConfigError(f"{flag.option} {text or chr(34) * 2}: {error}", "name a path") from None


def environment_help() -> str:
    """One line that says how flags and variables go together."""
    return (
        f"Every option is also an environment variable, such as {environment_name('global', 'port')}, and a TOML key."
    )
