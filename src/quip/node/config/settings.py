"""The edge of the configuration: what the TOML file and the environment may say, checked by pydantic.

Everything here is input. The rest of the program sees only the frozen values of `config.py`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

Kind = Literal["cpu", "gpu", "qpu"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LOOPBACK = "127.0.0.1"
ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s?#@]+")
BUDGET = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*/\s*d\s*")


def _listed(value: object) -> object:
    """One value or a list of them; the environment separates by commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _texts(value: object) -> object:
    """As `_listed`, and numbers become text: devices = [0, 1] is what people write."""
    parts = _listed([value] if isinstance(value, int) else value)
    if not isinstance(parts, list | tuple):
        return parts
    return [str(part) if type(part) is int else part for part in parts]


def _budget(value: object) -> object:
    if value is None or isinstance(value, int | float):
        return value
    match = BUDGET.fullmatch(str(value))
    if match is None:
        raise ValueError('a budget is a time a day, such as "40s/d" or "2m/d"')
    return float(match[1]) * SECONDS_PER_UNIT[match[2]]


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _host(value: str) -> str:
    """An address of this machine, or a name for one; a port has a key of its own."""
    name = value.strip("[]")
    if not name or not all(letter.isalnum() or letter in "-_.:%" for letter in name):
        raise ValueError("not an address: give one of this machine, such as 127.0.0.1, 0.0.0.0 or ::")
    return name


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers send them (RFC 6454): scheme and host, no path; "*" is any."""
    for value in values:
        if value != "*" and ORIGIN.fullmatch(value) is None:
            raise ValueError(f'{value!r} is not an origin: write https://host or http://host:port, or "*" for any')
    return tuple(value.lower() for value in values)


def _auto(value: object) -> object:
    return None if value == "auto" else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
AutoCount = Annotated[Count | None, BeforeValidator(_auto)]


class Section(BaseModel):
    """One table of the TOML file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class GlobalSection(Section):
    """[global]: the node itself."""

    default: Kind = "cpu"
    node_name: str | None = None
    host: str | None = None
    listen: str | None = None
    port: Port = 20049
    public_host: str | None = None
    public_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    peer: Texts = ()
    auto_mine: bool = False
    genesis_config: str = "public"
    data_dir: Path | None = None
    records_dir: Path | None = None
    payout: str | None = None
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = "INFO"
    node_log: Path | None = None
    http_log: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    require_client_ca: Path | None = None
    heartbeat_interval: Annotated[float, Field(gt=0)] = 15.0
    heartbeat_timeout: Annotated[float, Field(gt=0)] = 60.0
    rpc_port: Port | None = None
    rpc_batch_limit: Annotated[int, Field(ge=1, le=1000)] = 100
    rpc_body_limit: Annotated[int, Field(ge=1024, le=64 << 20)] = 5 << 20
    rpc_listen: Host = LOOPBACK
    rpc_hosts: Texts = ()
    rpc_cors: Annotated[Texts, AfterValidator(_origins)] = ()
    rpc_token_file: Path | None = None
    metrics_port: Port | None = None
    metrics_listen: Host = LOOPBACK
    metrics_hosts: Texts = ()


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
    daily_budget: Annotated[float | None, BeforeValidator(_budget)] = None


class MinersSection(Section):
    """[miners]: mixes kinds; without it the subcommand names the only kind."""

    cpu: Annotated[int, Field(ge=0, le=64)] | None = None
    gpu: Texts | None = None
    qpu: Texts | None = None


SECTIONS: Mapping[str, type[Section]] = {
    "global": GlobalSection,
    "cpu": CpuSection,
    "gpu": GpuSection,
    "qpu": QpuSection,
    "miners": MinersSection,
}


def environment_name(section: str, key: str) -> str:
    """The variable that sets a key: QUIP_PORT, QUIP_CPU_NUM_CPUS, DWAVE_API_KEY (as D-Wave's own tools call it)."""
    if section == "global":
        return f"QUIP_{key.upper()}"
    if key.startswith("dwave_"):
        return key.upper()
    return f"QUIP_{section.upper()}_{key.upper()}"


class MappingSource(PydanticBaseSettingsSource):
    """A source that hands over what was read elsewhere: the TOML file, or the variables."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self.values = dict(values)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The raw value of one section (pydantic-settings' own protocol)."""
        return self.values.get(field.alias or field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Everything at once."""
        return self.values


def read_environment(environ: Mapping[str, str], dotenv: Path) -> dict[str, Any]:
    """What the variables say, `.env` below the real ones, as {section: {key: text}}."""
    merged: dict[str, str | None] = {**dotenv_values(dotenv), **environ} if dotenv.is_file() else dict(environ)
    found: dict[str, Any] = {}
    for section, model in SECTIONS.items():
        for key in model.model_fields:
            value = merged.get(environment_name(section, key))
            if value:
                found.setdefault(section, {})[key] = value
    return found


class Settings(BaseSettings):
    """All sections. Precedence: flags (given to the constructor) > environment > TOML > default."""

    model_config = SettingsConfigDict(extra="forbid")

    global_: GlobalSection = Field(default_factory=GlobalSection, alias="global")
    cpu: CpuSection = Field(default_factory=CpuSection)
    gpu: GpuSection = Field(default_factory=GpuSection)
    qpu: QpuSection = Field(default_factory=QpuSection)
    miners: MinersSection = Field(default_factory=MinersSection)


def merge(flags: Mapping[str, Any], toml: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Settings:
    """Merge the three sources, each {section: {key: value}}; raises pydantic's ValidationError."""
    variables = read_environment(os.environ if environ is None else environ, Path(".env"))

    class Merged(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            *_: PydanticBaseSettingsSource,
            **__: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings, MappingSource(settings_cls, variables), MappingSource(settings_cls, toml))

    return Merged(**flags)
