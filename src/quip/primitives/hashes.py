"""The two hash functions of the protocol. SHA-256 lives inside XMSS only (crates/hashsig)."""

from __future__ import annotations

from quip._native import hashes


def keccak256(data: bytes) -> bytes:
    """Ethereum's Keccak-256 (original padding, not FIPS 202's SHA3-256): 32 bytes."""
    return hashes.keccak256(data)


def blake3(data: bytes) -> bytes:
    """BLAKE3 in its plain mode (no key, no context): 32 bytes."""
    return hashes.blake3(data)
