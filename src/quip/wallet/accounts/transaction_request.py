"""What a person wants signed: a transaction as JSON, in the names of eth_sendTransaction.

{"chainId": 20050, "nonce": 0, "gas": 21000, "maxFeePerGas": "2000000000", "maxPriorityFeePerGas": "1000000000",
"to": "0x...", "value": "1000000000000000000"}. Numbers may be JSON integers, decimal text, or 0x hex. `data` and
`accessList` may be left out, and so may `value`; `to` must be there: null makes a contract.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from quip.primitives.address import AddressError, parse_address
from quip.primitives.transaction_fields import AccessList, TransactionFields
from quip.wallet.errors import BadTransaction

MAX_TEXT = 5 << 20
"""Characters: hex of the largest transaction, and its frame."""
_NUMBER = re.compile(r"0x[0-9a-fA-F]{1,64}|[0-9]{1,78}")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_BITS = {"chainId": 64, "nonce": 64, "gas": 64, "maxFeePerGas": 128, "maxPriorityFeePerGas": 128, "value": 256}
_OPTIONAL = {"value": 0, "data": "0x", "accessList": []}
_FIELDS = {*_BITS, "to", "data", "accessList", "from", "type"}
_EXAMPLE = (
    'such as {"chainId": 20050, "nonce": 0, "gas": 21000, "maxFeePerGas": "2000000000", '
    '"maxPriorityFeePerGas": "1000000000", "to": "0x...", "value": "1"}'
)


@dataclass(frozen=True, slots=True)
class TransactionRequest(TransactionFields):
    """What every account signs of a transaction, whatever its kind."""

    @classmethod
    def parse(cls, text: str) -> TransactionRequest:
        """From JSON. Raises BadTransaction, which names the field."""
        try:
            document = json.loads(text) if len(text) <= MAX_TEXT else None
        except (ValueError, RecursionError) as error:
            raise BadTransaction(f"no JSON: {error}", f"give one object, {_EXAMPLE}") from None
        if not isinstance(document, dict):
            raise BadTransaction("no JSON object", f"give one object, {_EXAMPLE}")
        unknown, missing = set(document) - _FIELDS, _FIELDS - {"from", "type", *_OPTIONAL} - set(document)
        if unknown:
            raise BadTransaction(f"it has {', '.join(sorted(unknown))}", f"known: {', '.join(sorted(_FIELDS))}")
        if missing:
            hint = 'say "to": null to make a contract' if missing == {"to"} else _EXAMPLE
            raise BadTransaction(f"it lacks {', '.join(sorted(missing))}", hint)
        return cls._of({**_OPTIONAL, **document})

    @classmethod
    def _of(cls, document: dict[str, Any]) -> TransactionRequest:
        numbers = {name: _number(name, document[name], bits) for name, bits in _BITS.items()}
        if numbers["maxPriorityFeePerGas"] > numbers["maxFeePerGas"]:
            raise BadTransaction("maxPriorityFeePerGas is above maxFeePerGas", "the first is a part of the second")
        if document.get("type", 2) not in (2, "0x2", "0x02", 0x51, "0x51"):
            raise BadTransaction(
                f"type {document['type']!r}", "leave it out: the account's kind decides it (2 or 0x51)"
            )
        return cls(
            chain_id=numbers["chainId"],
            nonce=numbers["nonce"],
            max_priority_fee_per_gas=numbers["maxPriorityFeePerGas"],
            max_fee_per_gas=numbers["maxFeePerGas"],
            gas=numbers["gas"],
            to=b"" if document["to"] is None else _address("to", document["to"]),
            value=numbers["value"],
            data=_bytes("data", document["data"]),
            access_list=_accesses(document["accessList"]),
        )


def _number(name: str, value: Any, bits: int) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value, 16 if value.startswith("0x") else 10)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise BadTransaction(f"{name} is {value!r}", f"give a whole number below 2^{bits}; large ones as text")
    return value


def _bytes(name: str, value: Any, length: int | None = None) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value) or (length is not None and len(value) != 2 + 2 * length):
        size = "" if length is None else f" of {length} bytes"
        raise BadTransaction(f"{name} is {str(value)[:70]!r}", f"give 0x and the hex digits{size}")
    return bytes.fromhex(value[2:])


def _address(name: str, value: Any) -> bytes:
    try:
        return parse_address(str(value))
    except AddressError as error:
        raise BadTransaction(f"{name}: {error}", "copy the address as a whole") from None


def _accesses(value: Any) -> AccessList:
    hint = 'give [{"address": "0x...", "storageKeys": ["0x..."]}]'
    if not isinstance(value, list):
        raise BadTransaction("accessList is no list", hint)
    found = []
    for entry in value:
        if not isinstance(entry, dict) or set(entry) != {"address", "storageKeys"}:
            raise BadTransaction("accessList has something else in it", hint)
        keys = entry["storageKeys"]
        if not isinstance(keys, list):
            raise BadTransaction("storageKeys is no list", hint)
        slots = tuple(_bytes("storageKeys", key, 32) for key in keys)
        found.append((_address("accessList", entry["address"]), slots))
    return tuple(found)
