"""Classical half of every signature: secp256k1 ECDSA by libsecp256k1, as Ethereum uses it.

Nonces by RFC 6979, low s (EIP-2), recoverable: r (32 bytes) || s (32) || v (1 byte, 0 or 1). Digests are 32 bytes.
The only file that touches the ECDSA library.
"""

from __future__ import annotations

from quip._native import keys
from quip.primitives.hashes import keccak256
from quip.primitives.signature_errors import HighS, MalformedKey, MalformedSignature, WrongEcdsaSignature

SIGNATURE_BYTES = 65
PUBLIC_KEY_BYTES = 33
HALF_ORDER = 0x7FFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_5D576E73_57A4501D_DFE92F46_681B20A0


def public_key(secret: bytes) -> bytes:
    """The compressed public key (33 bytes) of a secret key (32 bytes). Raises MalformedKey."""
    try:
        return keys.ecdsa_public_key(secret)
    except ValueError as error:
        raise MalformedKey(str(error)) from error


def sign(secret: bytes, digest: bytes) -> bytes:
    """Sign a 32-byte digest: r || s || v, 65 bytes, the same every time (RFC 6979).

    Raises MalformedKey, and ValueError if the digest has another length.
    """
    if len(digest) != 32:
        raise ValueError(f"digest of {len(digest)} bytes, want 32")
    try:
        return keys.ecdsa_sign(secret, digest)
    except ValueError as error:
        raise MalformedKey(str(error)) from error


def recover(signature: bytes, digest: bytes) -> bytes:
    """The compressed public key (33 bytes) that made `signature` over a 32-byte digest.

    Raises MalformedSignature (length, v), HighS, or WrongEcdsaSignature (no key fits).
    """
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedSignature(f"ECDSA signature of {len(signature)} bytes, want {SIGNATURE_BYTES}")
    if signature[64] > 1:
        raise MalformedSignature(f"v is {signature[64]}, want 0 or 1")
    if int.from_bytes(signature[32:64], "big") > HALF_ORDER:
        raise HighS(f"s 0x{signature[32:64].hex()} is above half the group order")
    try:
        return keys.ecdsa_recover(signature, digest)
    except ValueError as error:
        raise WrongEcdsaSignature(str(error)) from error


def address(key: bytes) -> bytes:
    """Ethereum's address (20 bytes) of a compressed public key: keccak256 of x || y, last 20. Raises MalformedKey."""
    try:
        point = keys.ecdsa_uncompressed(key)
    except ValueError as error:
        raise MalformedKey(str(error)) from error
    return keccak256(point)[12:]
