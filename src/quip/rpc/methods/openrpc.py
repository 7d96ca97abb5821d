"""rpc_discover: the table of methods as an OpenRPC document (spec.open-rpc.org), made from the table itself."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from quip.rpc import fee_params, params
from quip.rpc.calls.call_params import block_overrides, call_request, state_overrides
from quip.rpc.calls.trace_params import call_options, trace_options
from quip.rpc.log_params import log_filter
from quip.rpc.params import REQUIRED, Param
from quip.rpc.storage_params import slot_requests, storage_key, storage_keys

VERSION = "1.3.2"  # of OpenRPC
_HEX = {"type": "string", "pattern": "^0x[0-9a-fA-F]*$"}
_QUANTITY = {"type": "string", "pattern": "^0x([1-9a-f][0-9a-f]*|0)$"}
_ADDRESS = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
_WORD = {"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"}
_NUMBER = {"anyOf": [_QUANTITY, {"enum": list(params.TAGS)}]}
SCHEMAS: dict[Callable[[Any], Any], dict[str, Any]] = {
    params.address: _ADDRESS,
    params.block_hash: _WORD,
    params.hash_reference: _WORD,
    params.block_number: _NUMBER,
    params.block_reference: {"anyOf": [*_NUMBER["anyOf"], _WORD, {"type": "object"}]},
    params.boolean: {"type": "boolean"},
    params.byte_string: _HEX,
    params.filter_id: {"type": "string"},
    params.item_index: _QUANTITY,
    params.nonce: _QUANTITY,
    params.row_limit: {"type": "integer", "minimum": 1, "maximum": params.MAX_ROWS},
    params.row_offset: {"type": "integer", "minimum": 0, "maximum": params.MAX_OFFSET},
    call_options: {"type": "object"},
    trace_options: {"type": "object"},
    call_request: {"type": "object"},
    state_overrides: {"type": "object"},
    block_overrides: {"type": "object"},
    fee_params.block_count: {"anyOf": [_QUANTITY, {"type": "integer", "minimum": 0}]},
    fee_params.percentiles: {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 100}},
    log_filter: {"type": "object"},
    slot_requests: {"type": "object", "additionalProperties": {"type": "array", "items": _WORD}},
    storage_key: _HEX,
    storage_keys: {"type": "array", "items": _HEX},
}
"""What a parser takes; of one that is not here: anything."""

Described = tuple[str, Iterable[Param], Callable[..., Any]]
"""(name, parameters, what answers)."""


def document(methods: Iterable[Described], version: str) -> dict[str, Any]:
    """The document; `version`: of this program."""
    return {
        "openrpc": VERSION,
        "info": {"title": "Quip JSON-RPC", "version": version, "license": {"name": "AGPL-3.0-or-later"}},
        "methods": [_method(*one) for one in methods],
    }


def _method(name: str, wanted: Iterable[Param], answer: Callable[..., Any]) -> dict[str, Any]:
    return {
        "name": name,
        "summary": (inspect.getdoc(answer) or "").partition("\n")[0],
        "params": [
            {"name": one.name, "required": one.default is REQUIRED, "schema": SCHEMAS.get(one.parse, {})}
            for one in wanted
        ],
        "result": {"name": "result", "schema": {}},
    }
