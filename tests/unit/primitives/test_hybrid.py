"""Names, digests and verification of hybrid keys; XMSS itself is in test_xmss.py."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from quip._native import hashsig
from quip.primitives import ecdsa, hybrid
from quip.primitives.hybrid import HybridKeys
from quip.primitives.signature_errors import (
    HighS,
    LeafOutOfRange,
    MalformedKey,
    MalformedSignature,
    SignatureError,
    UnknownSuite,
    WrongEcdsaSignature,
    WrongXmssSignature,
)
from support.places import VECTORS

GOLDEN: list[dict[str, Any]] = json.loads((VECTORS / "hybrid.json").read_text())
SECRET = bytes(31) + b"\1"
CHAIN_ID = 20050
BLOCK_HASH = b"\xbb" * 32


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"suite {case['suite']}")
def test_names_and_digests_equal_the_reference(case: dict[str, Any]) -> None:
    keys = HybridKeys(case["suite"], bytes.fromhex(case["ecdsa_key"]), bytes.fromhex(case["xmss_key"]))
    assert hybrid.miner_id(keys).hex() == case["miner_id"]
    assert hybrid.account_address(keys).hex() == case["account_address"]
    digest = hybrid.block_digest(case["chain_id"], keys, case["leaf"], bytes.fromhex(case["block_hash"]))
    assert digest.hex() == case["block_digest"]


@dataclasses.dataclass(frozen=True)
class Sealed:
    """A block hash and its two good signatures."""

    keys: HybridKeys
    ecdsa: bytes
    xmss: bytes

    def verify(self, block_hash: bytes = BLOCK_HASH, chain_id: int = CHAIN_ID) -> None:
        hybrid.verify_block(chain_id, self.keys, block_hash, self.ecdsa, self.xmss)


@pytest.fixture(scope="module", params=[hybrid.SUITE_ACCOUNT, hybrid.SUITE_MINING])
def sealed(request: pytest.FixtureRequest) -> Sealed:
    key = hashsig.XmssKey.generate(request.param, bytes(range(96)))
    keys = HybridKeys(request.param, ecdsa.public_key(SECRET), key.public_key)
    digest = hybrid.block_digest(CHAIN_ID, keys, 3, BLOCK_HASH)
    return Sealed(keys, ecdsa.sign(SECRET, digest), key.sign(3, digest))


def test_a_good_seal(sealed: Sealed) -> None:
    sealed.verify()
    assert hybrid.leaf_of(sealed.keys.suite, sealed.xmss) == 3
    assert len(sealed.xmss) == hybrid.suite_of(sealed.keys.suite).signature_bytes


def test_a_seal_is_good_for_one_block_of_one_chain(sealed: Sealed) -> None:
    with pytest.raises(WrongEcdsaSignature):
        sealed.verify(block_hash=bytes(32))
    with pytest.raises(WrongEcdsaSignature):
        sealed.verify(chain_id=CHAIN_ID + 1)


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def with_keys(**changes: Any) -> Callable[[Sealed], Sealed]:
    return lambda sealed: dataclasses.replace(sealed, keys=dataclasses.replace(sealed.keys, **changes))


def resigned(sealed: Sealed) -> Sealed:
    """The ECDSA half made anew by another key."""
    digest = hybrid.block_digest(CHAIN_ID, sealed.keys, 3, BLOCK_HASH)
    return dataclasses.replace(sealed, ecdsa=ecdsa.sign(b"\2" * 32, digest))


MUTANTS: list[tuple[str, Callable[[Sealed], Sealed], type[SignatureError]]] = [
    ("suite", with_keys(suite=7), UnknownSuite),
    ("ecdsa key length", with_keys(ecdsa=b"\2" * 32), MalformedKey),
    ("ecdsa key prefix", with_keys(ecdsa=b"\4" * 33), MalformedKey),
    ("xmss key length", with_keys(xmss=b"\0\0\0\1" + bytes(63)), MalformedKey),
    ("xmss key OID", with_keys(xmss=b"\0\0\0\2" + bytes(64)), MalformedKey),
    ("ecdsa length", lambda s: dataclasses.replace(s, ecdsa=s.ecdsa[:64]), MalformedSignature),
    ("high s", lambda s: dataclasses.replace(s, ecdsa=s.ecdsa[:32] + b"\xff" * 32 + s.ecdsa[64:]), HighS),
    ("another ecdsa key", resigned, WrongEcdsaSignature),
    ("xmss length", lambda s: dataclasses.replace(s, xmss=s.xmss + b"\0"), MalformedSignature),
    ("leaf", lambda s: dataclasses.replace(s, xmss=b"\x7f" + s.xmss[1:]), LeafOutOfRange),
    ("another leaf", lambda s: dataclasses.replace(s, xmss=flip(s.xmss, 1)), SignatureError),
    ("randomizer", lambda s: dataclasses.replace(s, xmss=flip(s.xmss, 5)), WrongXmssSignature),
    ("one-time signature", lambda s: dataclasses.replace(s, xmss=flip(s.xmss, 1000)), WrongXmssSignature),
    ("path", lambda s: dataclasses.replace(s, xmss=flip(s.xmss, len(s.xmss) - 1)), WrongXmssSignature),
]


@pytest.mark.parametrize(("mutate", "error"), [m[1:] for m in MUTANTS], ids=[m[0] for m in MUTANTS])
def test_every_field_counts(sealed: Sealed, mutate: Callable[[Sealed], Sealed], error: type[SignatureError]) -> None:
    with pytest.raises(error):
        mutate(sealed).verify()


def test_the_other_suites_signature_has_the_wrong_length(sealed: Sealed) -> None:
    other = 3 - sealed.keys.suite
    with pytest.raises(MalformedSignature):
        hybrid.leaf_of(other, sealed.xmss)


def test_both_halves_must_sign(sealed: Sealed) -> None:
    digest = hybrid.block_digest(CHAIN_ID, sealed.keys, 3, bytes(32))
    with pytest.raises(WrongXmssSignature):
        hybrid.verify(sealed.keys, digest, ecdsa.sign(SECRET, digest), sealed.xmss)


def test_block_hashes_have_32_bytes(sealed: Sealed) -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        hybrid.block_digest(CHAIN_ID, sealed.keys, 0, bytes(20))
