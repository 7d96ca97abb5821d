"""One set of checked settings from all sources: flag > environment > `.env` > TOML file > default.

A refused value is named as its operator wrote it: `--port abc`, `QUIP_PORT=abc`, `node.toml: [global] port = "abc"`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from quip.node.config.environment import read_environment
from quip.node.config.settings import SECRETS, Settings, option_name
from quip.node.config.toml_file import MASK, read_toml
from quip.node.errors import ConfigError

DOTENV = Path(".env")
HINT = "mend it there; quip-network-node --check-config tries a configuration out"
WORDS: Mapping[str, str] = {
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false (or 1 or 0)",
    "bool_type": "must be true or false (or 1 or 0)",
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list of texts",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "value_error": "{error}",
}
"""What pydantic finds, in our words; the names in braces are its own."""


@dataclass(frozen=True, slots=True)
class Given:
    """One value that somebody gave, how they wrote it, and the key as an error names it without the value."""

    value: Any
    written: str
    source: str


def merged(
    flags: Mapping[str, Mapping[str, Any]], file: Path | None, environ: Mapping[str, str] | None = None
) -> Settings:
    """The checked, merged settings. `flags` is {section: {key: value}} of the command line. Raises ConfigError."""
    toml = read_toml(file) if file is not None else {}
    environment = read_environment(os.environ if environ is None else environ, DOTENV)
    given: dict[tuple[str, str], Given] = {}
    for section, values in toml.items():
        for key, value in values.items():
            written = f"{file}: [{section}] {key} = {_shown(key, repr(value))}"
            given[section, key] = Given(value, written, f"{key} in [{section}] of {file}")
    for place, variable in environment.values.items():
        name, _, where = variable.source.partition(" ")
        written = f"{name}={_shown(place[1], variable.text)}" + (f" ({where})" if where else "")
        given[place] = Given(variable.text, written, variable.source)
    for section, values in flags.items():
        for key, value in values.items():
            option = option_name(key)
            given[section, key] = Given(value, f"{option} {_shown(key, _on_the_command_line(value))}", option)
    return _checked(given, tuple(environment.notices))


def _checked(given: Mapping[tuple[str, str], Given], notices: tuple[str, ...]) -> Settings:
    tables: dict[str, dict[str, Any]] = {}
    for (section, key), one in given.items():
        tables.setdefault(section, {})[key] = one.value
    sources = {place: one.source for place, one in given.items()}
    try:
        return Settings.model_validate({**tables, "sources": sources, "notices": notices})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = str(first["loc"][0]), str(first["loc"][1])
        raise ConfigError(f"{given[place].written}: {words(first)}", HINT) from None


def words(error: ErrorDetails) -> str:
    """What is wrong with a value, as a person says it."""
    return WORDS[error["type"]].format(**error.get("ctx", {}))


def _on_the_command_line(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_on_the_command_line, value))
    return str(value) or '""'


def _shown(key: str, text: str) -> str:
    return MASK if key in SECRETS else text
