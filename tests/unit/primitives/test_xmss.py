"""Native XMSS against the authors' implementation, the golden vectors and the plain-Python reference."""

import json
import random
from hashlib import sha256
from typing import Any

import pytest

from quip._native.hashsig import XmssKey
from quip._native.hashsig import verify as xmss_verify
from reference import xmss
from support.places import OUTSIDE, ROOT

PUBLISHED = OUTSIDE / "xmss.json"
GOLDEN: list[dict[str, Any]] = json.loads((ROOT / "tests" / "vectors" / "xmss.json").read_text())
SUITES = {1: xmss.XMSS_10, 2: xmss.XMSSMT_20_2}


def test_public_keys_and_signatures_of_the_reference_implementation() -> None:
    if not PUBLISHED.is_file():
        pytest.skip("the XMSS vectors are not here")
    vectors = json.loads(PUBLISHED.read_text())["vectors"]
    assert len(vectors) == 4
    for vector in vectors:
        suite = {"XMSS-SHA2_10_256": 1, "XMSSMT-SHA2_20/2_256": 2}[vector["parameter_set"]]
        seeds, message = bytes.fromhex(vector["sk_seed"] + vector["sk_prf"] + vector["pub_seed"]), vector["message"]
        key = XmssKey.generate(suite, seeds)
        assert key.public_key.hex() == vector["public_key"]
        signature = key.sign(vector["index"], bytes.fromhex(message))
        assert signature.hex() == vector["signature"]
        assert xmss_verify(suite, key.public_key, bytes.fromhex(message), signature)
        assert xmss.verify(SUITES[suite], key.public_key[4:], bytes.fromhex(message), signature)


@pytest.mark.parametrize("suite", SUITES)
def test_golden_signatures(suite: int) -> None:
    cases = [case for case in GOLDEN if case["height"] == 10 and case["layers"] == suite]
    assert len(cases) >= 2
    key = XmssKey.generate(suite, bytes.fromhex(cases[0]["seeds"]))
    for case in cases:
        assert key.public_key.hex() == case["public_key"]
        signature = key.sign(case["leaf"], bytes.fromhex(case["message"]))
        assert sha256(signature).hexdigest() == case["signature_sha256"]


@pytest.mark.parametrize("case", [case for case in GOLDEN if case["height"] < 10], ids=lambda case: case["leaf"])
def test_the_reference_still_makes_the_golden_signatures(case: dict[str, Any]) -> None:
    parameters = xmss.Parameters(case["height"], case["layers"], case["index_bytes"])
    message = bytes.fromhex(case["message"])
    key, signature = xmss.sign_small(parameters, bytes.fromhex(case["seeds"]), case["leaf"], message)
    assert sha256(signature).hexdigest() == case["signature_sha256"]
    assert xmss.verify(parameters, key, message, signature)


@pytest.mark.parametrize("suite", SUITES)
def test_native_and_reference_agree_on_random_messages(suite: int) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    draw = random.Random(seed)
    seeds, parameters = draw.randbytes(96), SUITES[suite]
    key = XmssKey.generate(suite, seeds)
    for _ in range(12):
        leaf, message = draw.randrange(1024), draw.randbytes(draw.randrange(100))
        signature = key.sign(leaf, message)
        assert xmss_verify(suite, key.public_key, message, signature)
        assert xmss.verify(parameters, key.public_key[4:], message, signature)
        assert one_time_part(parameters, seeds, key.public_key, leaf, message) == signature[: len_one_time(parameters)]
        damaged = bytearray(signature)
        damaged[draw.randrange(len(signature))] ^= 1 << draw.randrange(8)
        assert not verifies(suite, key.public_key, message, bytes(damaged))
        assert not xmss.verify(parameters, key.public_key[4:], message, bytes(damaged))


def len_one_time(parameters: xmss.Parameters) -> int:
    return parameters.index_bytes + 32 + 32 * xmss.CHAINS


def one_time_part(parameters: xmss.Parameters, seeds: bytes, key: bytes, leaf: int, message: bytes) -> bytes:
    """Index, randomizer and lowest WOTS+ signature: all that needs no tree."""
    r = xmss.randomizer(seeds[32:64], leaf)
    digest = xmss.message_hash(r, key[4:36], leaf, message)
    one_time = xmss.wots_sign(seeds[:32], seeds[64:], digest, 0, leaf >> parameters.height, leaf % 1024)
    return leaf.to_bytes(parameters.index_bytes, "big") + r + b"".join(one_time)


def verifies(suite: int, key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        return xmss_verify(suite, key, message, signature)
    except ValueError:
        return False


@pytest.fixture(scope="module")
def key() -> XmssKey:
    return XmssKey.generate(2, bytes(range(96)))


def test_trees_are_built_when_they_are_needed_and_survive_a_restart(key: XmssKey) -> None:
    key.prepare(0)
    signature = key.sign(5, b"message")
    key.prepare(1023 * 1024)
    stored = key.tree(0)
    top = key.tree(1)
    assert stored is not None and stored[0] == 1023
    assert top is not None and top[0] == 0
    again = XmssKey.restore(2, bytes(range(96)), top[1])
    assert again.public_key == key.public_key
    again.put_tree(0, *stored)
    assert again.sign(1023 * 1024 + 7, b"m") == key.sign(1023 * 1024 + 7, b"m")
    assert key.sign(5, b"message") == signature
    assert key.tree(2) is None


def test_the_next_tree_is_built_ahead(key: XmssKey) -> None:
    key.sign(1020, b"m")
    after = key.sign(1024, b"m")
    assert xmss.verify(xmss.XMSSMT_20_2, key.public_key[4:], b"m", after)
    assert key.sign(2**20 - 1, b"m")[:3] == b"\x0f\xff\xff"


def test_progress_counts_up_and_can_stop_the_work() -> None:
    seen: list[tuple[int, int]] = []
    XmssKey.generate(1, bytes(96), lambda done, total: seen.append((done, total)))
    assert seen == [(done, 1024) for done in range(32, 1025, 32)]

    def stop(done: int, total: int) -> None:
        raise InterruptedError(f"{done} of {total}")

    with pytest.raises(InterruptedError, match="32 of 1024"):
        XmssKey.generate(1, bytes(96), stop)


def test_a_damaged_tree_never_gives_a_signature(key: XmssKey) -> None:
    top = key.tree(1)
    assert top is not None
    damaged = XmssKey.restore(2, bytes(range(96)), top[1])
    damaged.put_tree(0, 3, bytes(len(top[1])))
    with pytest.raises(RuntimeError, match="damaged"):
        damaged.sign(3 * 1024, b"m")


def test_bad_arguments(key: XmssKey) -> None:
    good = key.sign(0, b"m")
    for suite, public_key, signature in [
        (3, key.public_key, good),
        (2, key.public_key[1:], good),
        (2, b"\1" + key.public_key[1:], good),
        (2, key.public_key, good[1:]),
        (1, key.public_key, good),
        (2, key.public_key, b"\x10\0\0" + good[3:]),
    ]:
        with pytest.raises(ValueError):
            xmss_verify(suite, public_key, b"m", signature)
    with pytest.raises(ValueError):
        key.sign(2**20, b"m")
    with pytest.raises(ValueError):
        key.put_tree(1, 0, bytes(2047 * 32))
    with pytest.raises(ValueError):
        key.put_tree(0, 1024, bytes(2047 * 32))
    with pytest.raises(ValueError):
        key.put_tree(0, 0, bytes(2046 * 32))
    with pytest.raises(ValueError):
        XmssKey.generate(2, bytes(95))
