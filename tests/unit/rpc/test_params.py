"""Arguments: what is taken, and go-ethereum's words for what is not."""

from typing import Any

import pytest

from quip.rpc import params
from quip.rpc.errors import InvalidParams
from quip.rpc.params import BadArgument, BlockRef, Param

HASH = "0x" + "ab" * 32
ADDRESS = "0x" + "Cd" * 20


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("0x0", BlockRef(number=0)),
        ("0x1f", BlockRef(number=31)),
        (" latest ", BlockRef(tag="latest")),
        ("earliest", BlockRef(tag="earliest")),
        ("pending", BlockRef(tag="pending")),
        ("safe", BlockRef(tag="safe")),
        ("finalized", BlockRef(tag="finalized")),
        (HASH, BlockRef(hash=bytes.fromhex(HASH[2:]))),
        ({"blockHash": HASH}, BlockRef(hash=bytes.fromhex(HASH[2:]))),
        ({"blockHash": HASH, "requireCanonical": True}, BlockRef(hash=bytes.fromhex(HASH[2:]), require_canonical=True)),
        ({"blockNumber": "0x2"}, BlockRef(number=2)),
        ({"blockNumber": "latest"}, BlockRef(tag="latest")),
    ],
)
def test_block_references(value: object, wanted: BlockRef) -> None:
    assert params.block_reference(value) == wanted


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "empty hex string"),
        ("1", "hex string without 0x prefix"),
        (1, "hex string without 0x prefix"),
        ("0x", 'hex string "0x"'),
        ("0x01", "hex number with leading zero digits"),
        ("0xg", "invalid hex string"),
        ("0x" + "f" * 17, "hex number > 64 bits"),
        ("0x8000000000000000", "block number larger than int64"),
        ({}, "neither block nor hash specified"),
        ({"blockHash": HASH, "blockNumber": "0x1"}, "cannot specify both"),
        ({"blockHash": "0x12"}, "hex string has length 2, want 64 for common.Hash"),
        (None, "hex string without 0x prefix"),
    ],
)
def test_block_references_refused(value: object, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        params.block_reference(value)


def test_fixed_sizes_and_booleans() -> None:
    assert params.address(ADDRESS) == b"\xcd" * 20
    assert params.block_hash(HASH) == b"\xab" * 32
    assert params.boolean(True) is True


@pytest.mark.parametrize(
    ("parse", "value", "words"),
    [
        (
            params.address,
            "0x12",
            "hex string has length 2, want 40 for common.Address into Go value of type common.Address",
        ),
        (params.address, ADDRESS[2:], "json: cannot unmarshal hex string without 0x prefix"),
        (params.address, "0x123", "hex string of odd length"),
        (params.address, "0x" + "zz" * 20, "invalid hex string"),
        (params.address, 12, "non-string into Go value of type common.Address"),
        (params.block_hash, ADDRESS, "has length 40, want 64"),
        (params.boolean, "true", "cannot unmarshal string into Go value of type bool"),
        (params.boolean, 1, "cannot unmarshal number into Go value of type bool"),
        (params.boolean, [], "cannot unmarshal array into Go value of type bool"),
    ],
)
def test_fixed_sizes_and_booleans_refused(parse: Any, value: object, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        parse(value)


PAIR = (Param("who", params.address), Param("when", params.block_reference, params.LATEST))


def test_arguments_take_their_defaults() -> None:
    who = b"\xcd" * 20
    assert params.parse_arguments(PAIR, [ADDRESS]) == [who, params.LATEST]
    assert params.parse_arguments(PAIR, [ADDRESS, None]) == [who, params.LATEST]
    assert params.parse_arguments(PAIR, [ADDRESS, "0x1"]) == [who, BlockRef(number=1)]
    assert params.parse_arguments((), None) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "missing value for required argument 0"),
        (None, "missing value for required argument 0"),
        ([None], "missing value for required argument 0"),
        ([ADDRESS, "latest", 1], "too many arguments, want at most 2"),
        ({"who": ADDRESS}, "non-array args"),
        ([ADDRESS, "x"], "invalid argument 1: hex string without 0x prefix"),
    ],
)
def test_arguments_refused(given: object, words: str) -> None:
    with pytest.raises(InvalidParams, match=words):
        params.parse_arguments(PAIR, given)
