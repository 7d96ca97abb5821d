"""Arguments that name storage slots, taken and refused as by go-ethereum (without "invalid argument" in its texts)."""

import json
import re
from dataclasses import dataclass

from quip.rpc.errors import InvalidParams, TooManySlots
from quip.rpc.params import BadArgument, address, block_hash, kind_of

MAX_SLOTS = 1_024  # read or proven by one call: each is a walk through a trie
_WORD = 32
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")


@dataclass(frozen=True, slots=True)
class StorageKey:
    """A slot as a caller names it."""

    slot: bytes
    """32 bytes."""
    whole: bool
    """It was given with all 32 bytes; eth_getProof gives it back in the form in which it came."""


def storage_key(value: object) -> StorageKey:
    """Up to 32 bytes as hex, of any length, with or without 0x."""
    if not isinstance(value, str):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type string")
    digits = value[2:] if value[:2] in ("0x", "0X") else value
    digits = "0" * (len(digits) % 2) + digits
    if len(digits) > 2 * _WORD:
        raise InvalidParams(f"storage key too long (want at most 32 bytes): {json.dumps(value[:200])}")
    if not _HEX.fullmatch(digits):
        raise InvalidParams(f"invalid hex in storage key: {json.dumps(value)}")
    return StorageKey(bytes.fromhex(digits).rjust(_WORD, b"\0"), len(digits) == 2 * _WORD)


def storage_keys(value: object) -> list[StorageKey]:
    """A list of up to MAX_SLOTS."""
    if not isinstance(value, list):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type []string")
    if len(value) > MAX_SLOTS:
        raise InvalidParams(f"too many slots (max {MAX_SLOTS})")
    return [storage_key(one) for one in value]


def slot_requests(value: object) -> dict[bytes, list[bytes]]:
    """An object: address -> list of slots, each of 32 bytes, MAX_SLOTS in all."""
    if not isinstance(value, dict):
        raise BadArgument(
            f"json: cannot unmarshal {kind_of(value)} into Go value of type map[common.Address][]common.Hash"
        )
    lists = {address(name): [] if slots is None else slots for name, slots in value.items()}
    for slots in lists.values():
        if not isinstance(slots, list):
            raise BadArgument(f"json: cannot unmarshal {kind_of(slots)} into Go value of type []common.Hash")
    count = sum(map(len, lists.values()))
    if count > MAX_SLOTS:
        raise TooManySlots(MAX_SLOTS)
    if not count:
        raise InvalidParams("empty request")
    return {account: [block_hash(slot) for slot in slots] for account, slots in lists.items()}
