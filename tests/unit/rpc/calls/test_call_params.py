"""The objects of calls: what is taken, and go-ethereum's words for what is not."""

from typing import Any

import pytest

from quip.consensus.execution.simulation import AccountOverride, Authorization, BlockOverride, Call
from quip.rpc.calls import call_params
from quip.rpc.errors import CallFailed
from quip.rpc.params import BadArgument

WHO = "0x" + "Cd" * 20
WORD = "0x" + "ab" * 32
CHAIN_ID = 7


def checked(**members: Any) -> Call:
    return call_params.call_request(members).checked(CHAIN_ID)


def test_an_empty_object_is_a_call_of_nothing() -> None:
    assert checked() == Call()
    assert checked(to=None, gas=None, type="0x2", unknown=[1]) == Call()


def test_every_member_is_read() -> None:
    made = checked(
        **{"from": WHO},
        to=WHO,
        gas="0x5208",
        value="0x10",
        data="0x01",
        nonce="0x9",
        chainId=hex(CHAIN_ID),
        maxFeePerGas="0x20",
        maxPriorityFeePerGas="0x1",
        accessList=[{"address": WHO, "storageKeys": [WORD]}],
    )
    who, word = b"\xcd" * 20, b"\xab" * 32
    assert made == Call(who, who, 21_000, 32, 1, 16, b"\1", [(who, [word])])


def test_a_gas_price_is_both_fees_and_input_comes_before_data() -> None:
    made = checked(gasPrice="0x7", input="0x02", data="0x01")
    assert (made.max_fee, made.tip, made.data) == (7, 7, b"\2")
    assert checked(input="0x", data="0x01").data == b""


def test_authorizations() -> None:
    given = {"chainId": "0x1", "address": WHO, "nonce": "0x2", "yParity": "0x1", "r": "0x3", "s": "0x4"}
    made = checked(authorizationList=[given])
    assert made.authorizations == [Authorization(1, b"\xcd" * 20, 2, 1, 3, 4)]
    assert checked(authorizationList=[]).authorizations == []


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"gasPrice": "0x1", "maxFeePerGas": "0x1"},
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
        ),
        ({"gasPrice": "0x1", "maxPriorityFeePerGas": "0x0"}, "both gasPrice"),
        ({"chainId": "0x1"}, "chainId does not match node's (have=1, want=7)"),
        ({"blobVersionedHashes": [WORD]}, "blob transactions are not supported"),
        ({"maxFeePerGas": hex(1 << 128)}, "max fee per gas higher than 2^128-1"),
    ],
)
def test_calls_that_contradict_themselves(members: dict[str, Any], words: str) -> None:
    with pytest.raises(CallFailed) as caught:
        checked(**members)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0x", "cannot unmarshal string into Go value of type ethapi.TransactionArgs"),
        ([], "cannot unmarshal array into Go value"),
        (
            {"from": 1},
            "cannot unmarshal non-string into Go struct field TransactionArgs.from of type common.Address",
        ),
        ({"to": "0x12"}, "hex string has length 2, want 40 for common.Address into Go struct field TransactionArgs.to"),
        ({"to": ""}, "hex string has length 0, want 40"),
        (
            {"gas": "21000"},
            "hex string without 0x prefix into Go struct field TransactionArgs.gas of type hexutil.Uint64",
        ),
        ({"gas": "0x"}, 'hex string "0x"'),
        ({"gas": "0x01"}, "hex number with leading zero digits"),
        ({"gas": "0x1" + "0" * 16}, "hex number > 64 bits"),
        ({"nonce": "0x1" + "0" * 16}, "hex number > 64 bits"),
        ({"value": "0x1" + "0" * 64}, "hex number > 256 bits"),
        ({"value": "0xg"}, "invalid hex string"),
        ({"data": "0x1"}, "hex string of odd length into Go struct field TransactionArgs.data of type hexutil.Bytes"),
        ({"input": "0xgg"}, "invalid hex string"),
        ({"accessList": {}}, "cannot unmarshal object into Go struct field TransactionArgs.accessList"),
        ({"accessList": [{}]}, "missing required field 'address' for AccessTuple"),
        ({"accessList": [{"address": WHO}]}, "missing required field 'storageKeys' for AccessTuple"),
        ({"accessList": [{"address": WHO, "storageKeys": ["0x1"]}]}, "hex string of odd length"),
        ({"authorizationList": [{}]}, "missing required field 'chainId' for SetCodeAuthorization"),
        ({"authorizationList": 5}, "cannot unmarshal number"),
    ],
)
def test_calls_that_are_none(value: object, words: str) -> None:
    with pytest.raises(BadArgument) as caught:
        call_params.call_request(value)
    assert words in str(caught.value)


def test_state_overrides() -> None:
    given = {"balance": "0x5", "nonce": "0x1", "code": "0xfe", "stateDiff": {WORD: WORD}}
    word = b"\xab" * 32
    made = call_params.state_overrides({WHO: given, "0x" + "11" * 20: {"state": {}}})
    assert made == {
        b"\xcd" * 20: AccountOverride(5, 1, b"\xfe", None, {word: word}),
        b"\x11" * 20: AccountOverride(state={}),
    }
    assert call_params.state_overrides({}) == {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "cannot unmarshal array into Go value of type override.StateOverride"),
        ({"0x12": {}}, "hex string has length 2, want 40 for common.Address"),
        ({WHO: 1}, "cannot unmarshal number into Go value of type override.OverrideAccount"),
        ({WHO: {"state": {}, "stateDiff": {}}}, "has both 'state' and 'stateDiff'"),
        ({WHO: {"state": []}}, "cannot unmarshal array into Go struct field OverrideAccount.state"),
        ({WHO: {"state": {"0x1": WORD}}}, "hex string of odd length"),
        ({WHO: {"state": {WORD: "0x01"}}}, "hex string has length 2, want 64"),
        ({WHO: {"movePrecompileToAddress": WHO}}, "movePrecompileToAddress is not supported"),
    ],
)
def test_state_overrides_refused(value: object, words: str) -> None:
    with pytest.raises(BadArgument) as caught:
        call_params.state_overrides(value)
    assert words in str(caught.value)


def test_block_overrides() -> None:
    given = {
        "number": "0x1",
        "time": "0x2",
        "gasLimit": "0x3",
        "feeRecipient": WHO,
        "prevRandao": WORD,
        "baseFeePerGas": "0x4",
        "difficulty": "0x5",
    }
    assert call_params.block_overrides(given) == BlockOverride(1, 2, 3, b"\xcd" * 20, b"\xab" * 32, 4)
    assert call_params.block_overrides({}) == BlockOverride()
    for name in ("beaconRoot", "withdrawals", "blobBaseFee"):
        with pytest.raises(BadArgument, match=f'block override "{name}" is not supported'):
            call_params.block_overrides({name: "0x0"})
