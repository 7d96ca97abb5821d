"""What the environment says: variables named QUIP_..., D-Wave's, and the same ones in a file `.env`.

Only those are looked at: a `.env` may belong to another program, in another character set or to another user. A QUIP_
variable that nothing reads is an error, but for those that Kubernetes sets in every pod beside a service whose name
begins with quip (QUIP_PORT=tcp://10.0.0.7:20049, QUIP_RPC_SERVICE_HOST=...).
"""

import difflib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.main import resolve_variables
from dotenv.parser import parse_stream

from quip.node.config.settings import PATHS, SECTIONS, environment_name
from quip.node.errors import ConfigError

PREFIX = "QUIP_"
OTHER_NAMES = {"DWAVE_API_TOKEN": "DWAVE_API_KEY"}  # what D-Wave's own tools read
KNOWN: Mapping[str, tuple[str, str]] = {
    environment_name(section, key): (section, key) for section, model in SECTIONS.items() for key in model.model_fields
}
_OURS = re.compile(r"\s*(?:export\s+)?['\"]?(QUIP_|DWAVE_)")
_SERVICE_NAME = re.compile(
    r"QUIP_(?:[A-Z0-9_]+_)?(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT_\d+_[A-Z]+(?:_[A-Z]+)?)"
)
_SERVICE_URL = re.compile(r"(?:tcp|udp|sctp)://", re.IGNORECASE)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UNDECODED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: its text, and how an error names it."""

    text: str
    source: str


@dataclass(slots=True)
class Environment:
    """The variables that set keys, by (section, key); what the operator should hear."""

    values: dict[tuple[str, str], Variable] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def read_environment(environ: Mapping[str, str], dotenv: Path) -> Environment:
    """What the variables say, `.env` below the real ones. Raises ConfigError."""
    found = Environment()
    foreign = sorted(name for name, text in environ.items() if _is_of_kubernetes(name, text))
    if foreign:
        found.notices.append(
            f"ignored, as Kubernetes sets them for a service: {', '.join(foreign)} "
            "(enableServiceLinks: false in the pod's spec leaves them out)"
        )
    variables = _read_dotenv(dotenv, found.notices)
    variables |= {name: Variable(text, name) for name, text in environ.items() if name not in foreign}
    for name, variable in variables.items():
        known = OTHER_NAMES.get(name, name)
        if known != name and known in variables and variables[known].text:
            continue
        if known in KNOWN:
            section, key = KNOWN[known]
            if variable.text or key in PATHS:
                found.values[section, key] = variable
        elif name.startswith(PREFIX):
            raise _unknown(name, variable)
    return found


def _is_of_kubernetes(name: str, text: str) -> bool:
    if not name.startswith(PREFIX):
        return False
    is_port = name.endswith("PORT") and _SERVICE_URL.match(text) is not None
    return is_port or _SERVICE_NAME.fullmatch(name) is not None


def _unknown(name: str, variable: Variable) -> ConfigError:
    near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.0)
    place = variable.source.removeprefix(name)
    return ConfigError(
        f"the environment variable {name}{place} is unknown",
        f"did you mean {near[0]}? Variables that begin with {PREFIX} are this program's; unset it if it is not meant",
    )


def _read_dotenv(file: Path, notices: list[str]) -> dict[str, Variable]:
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except IsADirectoryError:
        notices.append(f"ignored {file}, which is a directory")
        return {}
    except OSError as error:
        notices.append(f"ignored {file}, which cannot be read: {error.strerror}")
        return {}
    if content.startswith(_UTF16):
        notices.append(f"ignored {file}, which is UTF-16: what is meant for this node has to be saved as UTF-8")
        return {}
    text = content.decode("utf-8-sig", errors="surrogateescape")
    found: dict[str, Variable] = {}
    texts: dict[str, str | None] = {}
    for binding in parse_stream(io.StringIO(text)):
        line = binding.original.line + _blank_lines(binding.original.string)
        if _OURS.match(binding.original.string):
            if binding.error or binding.key is None:
                raise ConfigError(f"{file}, line {line}: cannot be read as NAME=value", "mend that line")
            if _UNDECODED.search(binding.original.string):
                raise ConfigError(f"{file}, line {line}: {binding.key} is not UTF-8", "save the file as UTF-8")
            found[binding.key] = Variable("", f"{binding.key} in {file}, line {line}")
        if binding.key is not None:
            texts[binding.key] = binding.value
    resolved = resolve_variables(texts.items(), override=False)
    return {name: Variable(resolved.get(name) or "", variable.source) for name, variable in found.items()}


def _blank_lines(text: str) -> int:
    """The parser counts the empty lines before a binding as its own."""
    return text[: len(text) - len(text.lstrip())].count("\n")
