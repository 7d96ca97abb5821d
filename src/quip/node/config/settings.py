"""The edge of the configuration: every key that there is, with its type and default, checked by pydantic.

Everything here is input. The rest of the program sees only the frozen values of `node_config.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from quip.node.config import values

Kind = Literal["cpu", "gpu", "qpu"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

LOOPBACK = "127.0.0.1"
Texts = Annotated[tuple[str, ...], BeforeValidator(values.texts)]
PathText = Annotated[Path | None, BeforeValidator(values.path)]
Host = Annotated[str, AfterValidator(values.host)]
HostNames = Annotated[Texts, AfterValidator(values.host_names)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
AutoCount = Annotated[Count | None, BeforeValidator(values.auto)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """One table of the TOML file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class GlobalSection(Section):
    """[global]: the node itself."""

    default: Kind = "cpu"
    node_name: str | None = None
    host: Host | None = None
    listen: Host | None = None
    port: Port = 20049
    public_host: Annotated[str, AfterValidator(values.dialled)] | None = None
    public_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    peer: Annotated[Texts, AfterValidator(values.all_dialled)] = ()
    bootnodes: Annotated[Texts, AfterValidator(values.all_dialled)] | None = None
    auto_mine: bool = False
    mine_on_demand: bool = False
    archive: bool = False
    genesis_config: Annotated[str | None, BeforeValidator(values.chain)] = None
    data_dir: PathText = None
    records_dir: PathText = None
    payout: Annotated[str | None, BeforeValidator(values.payee)] = None
    log_level: Annotated[LogLevel, BeforeValidator(values.upper)] = "INFO"
    node_log: PathText = None
    http_log: PathText = None
    tls_cert_file: PathText = None
    tls_key_file: PathText = None
    require_client_ca: PathText = None
    heartbeat_interval: Seconds = 15.0
    heartbeat_timeout: Seconds = 60.0
    rpc_port: Port | None = None
    rpc_batch_limit: Annotated[int, Field(ge=1, le=1000)] = 100
    rpc_body_limit: Annotated[int, Field(ge=1024, le=64 << 20)] = 5 << 20
    rpc_listen: Host = LOOPBACK
    rpc_hosts: HostNames = ()
    rpc_cors: Annotated[Texts, AfterValidator(values.origins)] = ()
    rpc_token_file: PathText = None
    metrics_port: Port | None = None
    metrics_listen: Host = LOOPBACK
    metrics_hosts: HostNames = ()


class CpuSection(Section):
    """[cpu]: the CPU miner; "auto" leaves reads and sweeps to the calibrated plan."""

    num_cpus: Count | None = None
    num_reads: AutoCount = None
    num_sweeps: AutoCount = None


class GpuSection(Section):
    """[gpu]: devices by index (none: all) or Modal machine types."""

    backend: Literal["local", "mps", "modal"] = "local"
    devices: Texts = ()
    types: Texts = ()


class QpuSection(Section):
    """[qpu]: D-Wave's service; `daily_budget` becomes seconds of access time a day."""

    dwave_api_key: SecretStr | None = None
    dwave_api_solver: Texts = ()
    dwave_region_url: str = "https://na-west-1.cloud.dwavesys.com/sapi/v2/"
    daily_budget: Annotated[float | None, BeforeValidator(values.budget)] = None


class MinersSection(Section):
    """[miners]: mixes kinds; without it the subcommand names the only kind."""

    cpu: Annotated[int, Field(ge=0, le=64)] | None = None
    gpu: Texts | None = None
    qpu: Texts | None = None


class Settings(BaseModel):
    """All sections, checked; where each value came from, and what the operator should hear before the start."""

    model_config = ConfigDict(extra="forbid")

    global_: GlobalSection = Field(default_factory=GlobalSection, alias="global")
    cpu: CpuSection = Field(default_factory=CpuSection)
    gpu: GpuSection = Field(default_factory=GpuSection)
    qpu: QpuSection = Field(default_factory=QpuSection)
    miners: MinersSection = Field(default_factory=MinersSection)
    sources: Mapping[tuple[str, str], str] = Field(default_factory=dict, exclude=True)
    notices: tuple[str, ...] = Field(default=(), exclude=True)

    def named(self, key: str, section: str = "global") -> str:
        """How the operator wrote a key: `--port`, `QUIP_PORT`, `port in [global] of node.toml`."""
        return self.sources.get((section, key), key)


SECTIONS: Mapping[str, type[Section]] = {
    "global": GlobalSection,
    "cpu": CpuSection,
    "gpu": GpuSection,
    "qpu": QpuSection,
    "miners": MinersSection,
}
SECRETS = ("dwave_api_key",)
PATHS = frozenset(
    (
        "data_dir",
        "records_dir",
        "node_log",
        "http_log",
        "tls_cert_file",
        "tls_key_file",
        "require_client_ca",
        "rpc_token_file",
    )
)
_OPTIONS = {"backend": "--gpu-backend", "devices": "--device", "types": "--gpu-type"}


def option_name(key: str) -> str:
    """The flag that sets a key."""
    return _OPTIONS.get(key) or "--" + key.replace("_", "-")


def environment_name(section: str, key: str) -> str:
    """The variable that sets a key: QUIP_PORT, QUIP_CPU_NUM_CPUS, DWAVE_API_KEY."""
    if section == "global":
        return f"QUIP_{key.upper()}"
    if key.startswith("dwave_"):
        return key.upper()
    return f"QUIP_{section.upper()}_{key.upper()}"
