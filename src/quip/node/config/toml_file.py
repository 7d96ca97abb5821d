"""The configuration as a TOML file: read with its mistakes explained, and written with its secrets masked."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from quip.node.config.settings import SECTIONS, Settings
from quip.node.errors import ConfigError

MASK = "********"
EXAMPLE_HINT = "docs/operations.md and quip-node.example.toml (in the project's root) show the form"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_toml(file: Path) -> dict[str, Any]:
    """The file's tables. Raises ConfigError where it is missing, not TOML, or has a key that nothing reads."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration file {file}", "check the path after --config") from None
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", "check the path and its permissions") from None
    if content.startswith(_UTF16):
        raise ConfigError(f"{file} is UTF-16, a TOML file is UTF-8", "save it as UTF-8")
    try:
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file}, line {line}: not UTF-8", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}", EXAMPLE_HINT) from None
    refuse_unknown(tables, file)
    return tables


def refuse_unknown(toml: Mapping[str, Any], file: Path) -> None:
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
    return '"' + "".join(map(_toml_letter, str(value))) + '"'


def _toml_letter(letter: str) -> str:
    if letter in '\\"':
        return "\\" + letter
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
