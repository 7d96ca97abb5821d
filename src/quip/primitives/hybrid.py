"""Hybrid signatures: secp256k1 ECDSA AND XMSS over one digest. Both halves must verify.

| suite | XMSS half | signature | leaves |
|---|---|---|---|
| 0x01 | XMSS-SHA2_10_256 | 2,500 bytes | 1,024 |
| 0x02 | XMSSMT-SHA2_20/2_256 | 4,963 bytes | 1,048,576 |

A digest commits to the suite, both keys and the leaf, so neither half can be reused under another key.
This file verifies and names keys; it never signs (wallet/stateful_signer/signer.py does, and keeps
the state that signing needs).
"""

from __future__ import annotations

from dataclasses import dataclass

from quip._native import hashsig
from quip.primitives import ecdsa
from quip.primitives.hashes import keccak256
from quip.primitives.signature_errors import (
    LeafOutOfRange,
    MalformedKey,
    MalformedSignature,
    UnknownSuite,
    WrongEcdsaSignature,
    WrongXmssSignature,
)

SUITE_ACCOUNT = 0x01
SUITE_MINING = 0x02
XMSS_KEY_BYTES = 68
BLOCK_DOMAIN = b"quip/block/v1"
ACCOUNT_PREFIX = b"\x51"
MINER_PREFIX = b"\x52"


@dataclass(frozen=True, slots=True)
class Suite:
    """The sizes of one suite's XMSS half."""

    name: str
    """The parameter set's RFC 8391 name."""
    oid: int
    """First four bytes, big-endian, of every key of the suite."""
    index_bytes: int
    """Length of the big-endian leaf index at the head of a signature."""
    leaves: int
    """Signatures that one key can make."""
    signature_bytes: int
    """Length of a signature."""
    tail_leaves: int
    """Leaves at the end of the tree that are kept for one purpose: an account's rotation, a miner's sweeps."""


SUITES = {
    SUITE_ACCOUNT: Suite(
        "XMSS-SHA2_10_256", oid=1, index_bytes=4, leaves=1 << 10, signature_bytes=2_500, tail_leaves=16
    ),
    SUITE_MINING: Suite(
        "XMSSMT-SHA2_20/2_256", oid=1, index_bytes=3, leaves=1 << 20, signature_bytes=4_963, tail_leaves=256
    ),
}


@dataclass(frozen=True, slots=True)
class HybridKeys:
    """A hybrid public key. Lengths are checked where it is used, not here."""

    suite: int
    """Number of the suite, one byte."""
    ecdsa: bytes
    """Compressed secp256k1 point, 33 bytes."""
    xmss: bytes
    """OID (4 bytes) || root (32) || pub_seed (32)."""


def suite_of(number: int) -> Suite:
    """The suite's sizes. Raises UnknownSuite."""
    if number not in SUITES:
        raise UnknownSuite(f"signature suite 0x{number:02x}; known: {', '.join(f'0x{n:02x}' for n in SUITES)}")
    return SUITES[number]


def leaf_of(suite: int, xmss_signature: bytes) -> int:
    """The leaf index inside an XMSS signature. Raises UnknownSuite, MalformedSignature or LeafOutOfRange."""
    sizes = suite_of(suite)
    if len(xmss_signature) != sizes.signature_bytes:
        raise MalformedSignature(f"{sizes.name} signature of {len(xmss_signature)} bytes, want {sizes.signature_bytes}")
    leaf = int.from_bytes(xmss_signature[: sizes.index_bytes], "big")
    if leaf >= sizes.leaves:
        raise LeafOutOfRange(f"leaf {leaf} of a key with {sizes.leaves} leaves")
    return leaf


def miner_id(keys: HybridKeys) -> bytes:
    """The 20 bytes by which blocks name their miner; also an account, which receives bonuses.

    Raises UnknownSuite or MalformedKey.
    """
    return keccak256(MINER_PREFIX + _key_bytes(keys))[12:]


def account_address(keys: HybridKeys) -> bytes:
    """The 20-byte address of the account that is hybrid from birth. Raises UnknownSuite or MalformedKey."""
    return keccak256(ACCOUNT_PREFIX + _key_bytes(keys))[12:]


def block_digest(chain_id: int, keys: HybridKeys, leaf: int, block_hash: bytes) -> bytes:
    """What both halves of a block's seal sign: 32 bytes.

    keccak256("quip/block/v1" || chain id (32 bytes) || suite (1) || secp256k1 key (33) || XMSS key (68) || leaf (8) ||
    block hash (32)), integers big-endian. Raises UnknownSuite or MalformedKey; ValueError if the hash is not 32 bytes.
    """
    if len(block_hash) != 32:
        raise ValueError(f"block hash of {len(block_hash)} bytes, want 32")
    head = BLOCK_DOMAIN + chain_id.to_bytes(32, "big") + _key_bytes(keys)
    return keccak256(head + leaf.to_bytes(8, "big") + block_hash)


def verify(keys: HybridKeys, digest: bytes, ecdsa_signature: bytes, xmss_signature: bytes) -> None:
    """Return if both halves sign the 32-byte digest under `keys`; the cheap checks come first.

    Raises a SignatureError: UnknownSuite, MalformedKey, MalformedSignature, LeafOutOfRange, HighS,
    WrongEcdsaSignature or WrongXmssSignature.
    """
    _key_bytes(keys)
    leaf = leaf_of(keys.suite, xmss_signature)
    recovered = ecdsa.recover(ecdsa_signature, digest)
    if recovered != keys.ecdsa:
        raise WrongEcdsaSignature(f"signed by 0x{recovered.hex()}, not by the stated key 0x{keys.ecdsa.hex()}")
    if not hashsig.verify(keys.suite, keys.xmss, digest, xmss_signature):
        raise WrongXmssSignature(f"the XMSS signature with leaf {leaf} does not lead to root 0x{keys.xmss[4:36].hex()}")


def verify_block(
    chain_id: int, keys: HybridKeys, block_hash: bytes, ecdsa_signature: bytes, xmss_signature: bytes
) -> None:
    """Return if the two signatures seal this block under `keys`. Raises a SignatureError, as `verify` does."""
    leaf = leaf_of(keys.suite, xmss_signature)
    verify(keys, block_digest(chain_id, keys, leaf, block_hash), ecdsa_signature, xmss_signature)


def _key_bytes(keys: HybridKeys) -> bytes:
    """Suite || ECDSA key || XMSS key, after checking what can be checked without a curve."""
    sizes = suite_of(keys.suite)
    if len(keys.ecdsa) != ecdsa.PUBLIC_KEY_BYTES or keys.ecdsa[0] not in (2, 3):
        raise MalformedKey(f"0x{keys.ecdsa.hex()} is no compressed secp256k1 key")
    if len(keys.xmss) != XMSS_KEY_BYTES or int.from_bytes(keys.xmss[:4], "big") != sizes.oid:
        raise MalformedKey(
            f"0x{keys.xmss.hex()} is no {sizes.name} key: want OID {sizes.oid} in {XMSS_KEY_BYTES} bytes"
        )
    return bytes([keys.suite]) + keys.ecdsa + keys.xmss
