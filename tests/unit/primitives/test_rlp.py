import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.primitives import rlp
from support.places import OUTSIDE

PUBLISHED = OUTSIDE / "ethereum" / "RLPTests"
ITEMS = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5), max_leaves=20)


def published(name: str) -> dict[str, dict[str, Any]]:
    path = PUBLISHED / name
    if not path.is_file():
        pytest.skip("the published RLP tests are not here")
    tests: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return tests


def item(value: object) -> rlp.Item:
    """What a JSON value of the published tests stands for."""
    if isinstance(value, list):
        return [item(part) for part in value]
    if isinstance(value, int):
        return rlp.int_to_bytes(value)
    assert isinstance(value, str)
    return rlp.int_to_bytes(int(value[1:])) if value.startswith("#") else value.encode()


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def lists(value: rlp.Item) -> rlp.Decoded:
    return value if isinstance(value, bytes) else [lists(part) for part in value]


def test_published_encodings() -> None:
    tests = published("rlptest.json")
    assert len(tests) >= 25
    for name, test in tests.items():
        assert rlp.encode(item(test["in"])) == unhex(test["out"]), name
        assert rlp.decode(unhex(test["out"])) == lists(item(test["in"])), name


def test_published_invalid_encodings() -> None:
    tests = published("invalidRLPTest.json")
    assert len(tests) >= 20
    for name, test in tests.items():
        with pytest.raises(rlp.RlpError):
            pytest.fail(f"{name}: {rlp.decode(unhex(test['out']))!r}")


def test_published_random_encodings() -> None:
    for test in published("RandomRLPTests/example.json").values():
        data = unhex(test["out"])
        assert rlp.encode(rlp.decode(data)) == data


def nested(depth: int) -> bytes:
    data = b"\xc0"
    for _ in range(depth):
        data = rlp_list(data)
    return data


def rlp_list(payload: bytes) -> bytes:
    assert len(payload) < 56
    return bytes([0xC0 + len(payload)]) + payload


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("empty", b""),
        ("bytes after the item", b"\x80\x80"),
        ("a single byte behind a prefix", b"\x81\x7f"),
        ("long form of a short string", b"\xb8\x01\x80"),
        ("leading zero of a length", b"\xb9\x00\x38" + bytes(56)),
        ("short string", b"\x83ab"),
        ("short list", b"\xc3\x80\x80"),
        ("length beyond 64 bits", b"\xbf" + b"\xff" * 8),
        ("too deep", nested(40)),
    ],
)
def test_bad_bytes_are_refused(why: str, data: bytes) -> None:
    with pytest.raises(rlp.RlpError):
        pytest.fail(f"{why}: {rlp.decode(data)!r}")


def test_depth_has_a_limit_in_both_directions() -> None:
    value: rlp.Item = []
    for _ in range(32):
        value = [value]
    assert rlp.decode(rlp.encode(value)) == value
    with pytest.raises(ValueError, match="deep"):
        rlp.encode([value])


@given(ITEMS)
def test_decoding_undoes_encoding(value: rlp.Decoded) -> None:
    assert rlp.decode(rlp.encode(value)) == value


@given(st.binary(max_size=64))
def test_whatever_decodes_is_the_one_encoding(data: bytes) -> None:
    try:
        value = rlp.decode(data)
    except rlp.RlpError:
        return
    assert rlp.encode(value) == data


def test_tuples_are_lists_and_other_types_are_our_bug() -> None:
    assert rlp.encode((b"a", (b"b",))) == rlp.encode([b"a", [b"b"]])
    with pytest.raises(TypeError):
        rlp.encode("text")


@pytest.mark.parametrize(
    ("number", "data"), [(0, b""), (1, b"\1"), (127, b"\x7f"), (256, b"\1\0"), (2**256, b"\1" + bytes(32))]
)
def test_integers_are_minimal(number: int, data: bytes) -> None:
    assert rlp.int_to_bytes(number) == data
    assert rlp.bytes_to_int(data) == number


def test_leading_zeros_and_negative_numbers_are_refused() -> None:
    with pytest.raises(rlp.RlpError):
        rlp.bytes_to_int(b"\0")
    with pytest.raises(rlp.RlpError):
        rlp.bytes_to_int(b"\0\1")
    with pytest.raises(OverflowError):
        rlp.int_to_bytes(-1)


def test_a_bomb_of_tiny_items_is_refused() -> None:
    few, many = 200_000, (1 << 18) + 1
    assert len(rlp.decode(rlp.encode([b"\1"] * few))) == few
    payload = b"\1" * many
    with pytest.raises(rlp.RlpError, match="too many items"):
        rlp.decode(b"\xfa" + len(payload).to_bytes(3, "big") + payload)
