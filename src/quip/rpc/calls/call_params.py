"""Arguments of calls that nobody signed: the call object, state overrides, block overrides, as go-ethereum takes them.

Unknown members are ignored, as there. A parser raises BadArgument with go-ethereum's words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from quip.consensus.execution.simulation import AccountOverride, Authorization, BlockOverride, Call
from quip.rpc.errors import CallFailed
from quip.rpc.params import HEX, BadArgument

T = TypeVar("T")
MAX_FEE_BITS = 128
"""Wei per gas: more than all there is."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call object. What it asks together may still be contradictory: `call` says so."""

    call: Call
    gas_price: int | None
    max_fee: int | None
    tip: int | None
    chain_id: int | None
    has_blobs: bool

    def checked(self, chain_id: int) -> Call:
        """The call with its fees. Raises CallFailed."""
        if self.gas_price is not None and (self.max_fee is not None or self.tip is not None):
            raise CallFailed("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
        if self.chain_id is not None and self.chain_id != chain_id:
            raise CallFailed(f"chainId does not match node's (have={self.chain_id}, want={chain_id})")
        if self.has_blobs:
            raise CallFailed("blob transactions are not supported: this chain has no blobs")
        price = self.gas_price
        max_fee, tip = (price, price) if price is not None else (self.max_fee or 0, self.tip or 0)
        for name, fee in (("maxFeePerGas", max_fee), ("maxPriorityFeePerGas", tip)):
            if fee.bit_length() > MAX_FEE_BITS:
                raise CallFailed(f"max fee per gas higher than 2^{MAX_FEE_BITS}-1: {name}: {fee}")
        return replace(self.call, max_fee=max_fee, tip=tip)


class _Object:
    """A JSON object of a Go type; a member that is absent or null is None."""

    def __init__(self, value: object, go_type: str) -> None:
        if not isinstance(value, dict):
            raise BadArgument(f"json: cannot unmarshal {_kind(value)} into Go value of type {go_type}")
        self._members: dict[str, Any] = value
        self._name = go_type.rpartition(".")[2]

    def get(self, name: str, parse: Callable[[Any], T], go_type: str) -> T | None:
        """A member, parsed."""
        value = self._members.get(name)
        if value is None:
            return None
        try:
            return parse(value)
        except _BadValue as error:
            place = f"Go struct field {self._name}.{name} of type {go_type}"
            raise BadArgument(f"json: cannot unmarshal {error} into {place}") from None

    def number(self, name: str, bits: int) -> int | None:
        """A quantity."""
        go_type = "hexutil.Uint64" if bits == 64 else "*hexutil.Big"
        return self.get(name, lambda value: _quantity(value, bits), go_type)

    def address(self, name: str) -> bytes | None:
        """20 bytes."""
        return self.get(name, lambda value: _sized(value, 20, "common.Address"), "common.Address")

    def word(self, name: str) -> bytes | None:
        """32 bytes."""
        return self.get(name, lambda value: _sized(value, 32, "common.Hash"), "common.Hash")

    def data(self, name: str) -> bytes | None:
        """Any bytes."""
        return self.get(name, _bytes, "hexutil.Bytes")

    def need(self, name: str, value: T | None) -> T:
        """A member that must be there."""
        if value is None:
            raise BadArgument(f"missing required field '{name}' for {self._name}")
        return value


class _BadValue(Exception):
    """A member that is not of its type; the text goes into the sentence around it."""


def call_request(value: object) -> CallRequest:
    """The object that eth_call, eth_estimateGas and eth_createAccessList take."""
    given = _Object(value, "ethapi.TransactionArgs")
    given.number("nonce", 64)  # the account's is taken
    data, spare = given.data("input"), given.data("data")
    call = Call(
        sender=given.address("from") or bytes(20),
        to=given.address("to"),
        gas=given.number("gas", 64),
        value=given.number("value", 256) or 0,
        data=(data if data is not None else spare) or b"",
        access_list=given.get("accessList", _access_list, "types.AccessList") or (),
        authorizations=given.get("authorizationList", _authorizations, "[]types.SetCodeAuthorization"),
    )
    return CallRequest(
        call,
        gas_price=given.number("gasPrice", 256),
        max_fee=given.number("maxFeePerGas", 256),
        tip=given.number("maxPriorityFeePerGas", 256),
        chain_id=given.number("chainId", 256),
        has_blobs=given.get("blobVersionedHashes", _list, "[]common.Hash") is not None,
    )


def state_overrides(value: object) -> Mapping[bytes, AccountOverride]:
    """Address -> what is different there."""
    if not isinstance(value, dict):
        raise BadArgument(f"json: cannot unmarshal {_kind(value)} into Go value of type override.StateOverride")
    return {_key(name, 20, "common.Address"): _account(name, one) for name, one in value.items()}


def block_overrides(value: object) -> BlockOverride:
    """What is different about the block."""
    given = _Object(value, "override.BlockOverrides")
    for name in ("beaconRoot", "withdrawals", "blobBaseFee"):
        if given.get(name, lambda any_value: any_value, "") is not None:
            raise BadArgument(f'block override "{name}" is not supported for this RPC method')
    given.number("difficulty", 256)  # no opcode shows it
    return BlockOverride(
        number=given.number("number", 64),
        timestamp=given.number("time", 64),
        gas_limit=given.number("gasLimit", 64),
        beneficiary=given.address("feeRecipient"),
        randomness=given.word("prevRandao"),
        base_fee=given.number("baseFeePerGas", 64),
    )


def _account(name: str, value: object) -> AccountOverride:
    given = _Object(value, "override.OverrideAccount")
    if given.address("movePrecompileToAddress") is not None:
        raise BadArgument("movePrecompileToAddress is not supported")
    state = given.get("state", _slots, "map[common.Hash]common.Hash")
    difference = given.get("stateDiff", _slots, "map[common.Hash]common.Hash")
    if state is not None and difference is not None:
        raise BadArgument(f"account {name} has both 'state' and 'stateDiff'")
    return AccountOverride(
        balance=given.number("balance", 256),
        nonce=given.number("nonce", 64),
        code=given.data("code"),
        state=state,
        state_diff=difference or {},
    )


def _slots(value: object) -> dict[bytes, bytes]:
    if not isinstance(value, dict):
        raise _BadValue(_kind(value))
    return {_key(slot, 32, "common.Hash"): _sized(one, 32, "common.Hash") for slot, one in value.items()}


def _key(name: str, size: int, go_type: str) -> bytes:
    """The name of a member that is bytes."""
    try:
        return _sized(name, size, go_type)
    except _BadValue as error:
        raise BadArgument(f"json: cannot unmarshal {error} into Go value of type {go_type}") from None


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _BadValue(_kind(value))
    return value


def _access_list(value: object) -> list[tuple[bytes, list[bytes]]]:
    items = []
    for one in _list(value):
        item = _Object(one, "types.AccessTuple")
        slots = item.get("storageKeys", _words, "[]common.Hash")
        items.append((item.need("address", item.address("address")), item.need("storageKeys", slots)))
    return items


def _words(value: object) -> list[bytes]:
    return [_sized(one, 32, "common.Hash") for one in _list(value)]


def _authorizations(value: object) -> list[Authorization]:
    return [_authorization(_Object(one, "types.SetCodeAuthorization")) for one in _list(value)]


def _authorization(given: _Object) -> Authorization:
    parity = given.get("yParity", lambda one: _quantity(one, 8), "hexutil.Uint64")
    return Authorization(
        chain_id=given.need("chainId", given.number("chainId", 256)),
        address=given.need("address", given.address("address")),
        nonce=given.need("nonce", given.number("nonce", 64)),
        parity=given.need("yParity", parity),
        r=given.need("r", given.number("r", 256)),
        s=given.need("s", given.number("s", 256)),
    )


def _digits(value: object) -> str:
    if not isinstance(value, str):
        raise _BadValue("non-string")
    if not value:
        raise _BadValue("empty hex string")
    if value[:2] not in ("0x", "0X"):
        raise _BadValue("hex string without 0x prefix")
    return value[2:]


def _quantity(value: object, bits: int) -> int:
    digits = _digits(value)
    if not digits:
        raise _BadValue('hex string "0x"')
    if len(digits) > 1 and digits[0] == "0":
        raise _BadValue("hex number with leading zero digits")
    if not HEX.fullmatch(digits):
        raise _BadValue("invalid hex string")
    if len(digits) * 4 > bits:
        raise _BadValue(f"hex number > {bits} bits")
    return int(digits, 16)


def _bytes(value: object) -> bytes:
    if value == "":
        return b""
    digits = _digits(value)
    if len(digits) % 2:
        raise _BadValue("hex string of odd length")
    if not HEX.fullmatch(digits):
        raise _BadValue("invalid hex string")
    return bytes.fromhex(digits)


def _sized(value: object, size: int, go_type: str) -> bytes:
    found = _bytes(value)
    if len(found) != size:
        raise _BadValue(f"hex string has length {2 * len(found)}, want {2 * size} for {go_type}")
    return found


def _kind(value: object) -> str:
    kinds = {bool: "bool", str: "string", list: "array", dict: "object", int: "number", float: "number"}
    return kinds.get(type(value), "null")
