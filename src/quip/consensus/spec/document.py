"""The chain spec as a JSON document: strict parsing, canonical form, digest, and the layout of the published files.

A document holds only objects, arrays, strings, booleans and integers of at most 2^53 - 1 in size. Its canonical form
is RFC 8785's; the digest, keccak256 of that, is the genesis block's mixHash. What a document *means* is `spec`'s
business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeAlias

import rfc8785

from quip.consensus.errors.spec import InvalidSpec
from quip.primitives.hashes import keccak256

MAX_JSON_INTEGER = (1 << 53) - 1
MAX_DOCUMENT_SIZE = 16 << 20
"""Bytes; a Pegasus- or Zephyr-sized spec with all its cutoffs is far below 1 MiB."""

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json]"


def parse_document(data: bytes) -> dict[str, Json]:
    """The document in `data`. Raises InvalidSpec: not JSON, a float, null, a duplicate key, an integer too large."""
    if len(data) > MAX_DOCUMENT_SIZE:
        raise InvalidSpec("", f"{len(data)} bytes, more than {MAX_DOCUMENT_SIZE}")
    try:
        document = json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8, no JSON, thousands of digits
        raise InvalidSpec("", f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidSpec("", "not a JSON object")
    _check(document, "")
    return document


def canonical(document: Mapping[str, Json]) -> bytes:
    """RFC 8785 form of a parsed document."""
    return bytes(rfc8785.dumps(_plain(document)))


def digest(document: Mapping[str, Json]) -> bytes:
    """keccak256 of the canonical form, 32 bytes: the genesis block's mixHash."""
    return keccak256(canonical(document))


def render(document: Mapping[str, Json]) -> str:
    """The document as people read it: two spaces of indentation, an array of integers on one line."""
    return _render(document, "") + "\n"


def _render(value: Json, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, Mapping) and value:
        lines = [f"{inner}{json.dumps(key)}: {_render(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + indent + "}"
    if isinstance(value, Sequence) and any(isinstance(item, Mapping | list | tuple) for item in value):
        lines = [inner + _render(item, inner) for item in value]
        return "[\n" + ",\n".join(lines) + "\n" + indent + "]"
    return json.dumps(_plain(value))


def _plain(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidSpec(twice, "given twice")
    return document


def _no_float(text: str) -> NoReturn:
    raise InvalidSpec("", f"{text}: a number with a fraction or exponent; only integers are allowed")


def _check(value: object, path: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, path)
            _check(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]")
    elif isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise InvalidSpec(path, "half of a surrogate pair is no text")
    elif value is None:
        raise InvalidSpec(path, "null is not allowed")
    elif isinstance(value, int) and abs(value) > MAX_JSON_INTEGER:
        raise InvalidSpec(path, f"{value} is beyond 2^53 - 1; write it as a decimal string")
