"""The seal: the witness that a header's work was done, and by whom.

    seal = [suite, [secp256k1 key, XMSS key], [solution, ...], ECDSA signature, XMSS signature]

The block hash does not commit to it, so a bad seal spoils a message, never a hash.
What this file does not do: it checks lengths of nothing but the encoding's own shape; `proof` and `rules` judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from quip._native import seal as native_seal
from quip.consensus.errors.seal import MalformedSeal
from quip.consensus.types.encoding import decoded
from quip.primitives import rlp

_ITEMS = 5
_MAX_SUITE = 0xFF
MAX_SOLUTIONS = 1_024
"""More than any chain spec may ask for."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Public keys, solutions and both signatures of one block."""

    suite: int
    """Signature suite, 0x02 for every block of protocol version 1."""
    ecdsa_key: bytes
    """Compressed secp256k1 key, 33 bytes."""
    xmss_key: bytes
    """XMSS key with its OID, 68 bytes."""
    solutions: tuple[bytes, ...]
    """min_solutions spin configurations, ceil(n / 8) bytes each, strictly ascending."""
    ecdsa_signature: bytes
    """r || s || v, 65 bytes."""
    xmss_signature: bytes
    """4,963 bytes in suite 0x02; holds the leaf's index."""
    _encoded: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def item(self) -> rlp.Item:
        """The seal as an RLP item."""
        return [
            rlp.int_to_bytes(self.suite),
            [self.ecdsa_key, self.xmss_key],
            list(self.solutions),
            self.ecdsa_signature,
            self.xmss_signature,
        ]

    def encode(self) -> bytes:
        """RLP of the seal. Made once."""
        if self._encoded is None:
            object.__setattr__(self, "_encoded", rlp.encode(self.item()))
        assert self._encoded is not None
        return self._encoded

    @staticmethod
    def from_item(item: rlp.Item) -> Seal:
        """The seal of a decoded RLP item. Raises MalformedSeal."""
        if isinstance(item, bytes) or len(item) != _ITEMS:
            raise MalformedSeal(f"a seal is a list of {_ITEMS} items")
        suite = _bytes(item[0], "suite")
        if len(suite) != 1 or suite == b"\x00":
            raise MalformedSeal(f"the suite is one byte from 1 to {_MAX_SUITE}")
        if len(item[2]) > MAX_SOLUTIONS:
            raise MalformedSeal(f"more than {MAX_SOLUTIONS} solutions")
        keys = _byte_list(item[1], "public keys")
        if len(keys) != 2:
            raise MalformedSeal("public keys are a list of two")
        return Seal(
            suite=suite[0],
            ecdsa_key=keys[0],
            xmss_key=keys[1],
            solutions=_byte_list(item[2], "solutions"),
            ecdsa_signature=_bytes(item[3], "ECDSA signature"),
            xmss_signature=_bytes(item[4], "XMSS signature"),
        )

    @staticmethod
    def decode(data: bytes) -> Seal:
        """The seal encoded in `data`, which it keeps. Raises MalformedSeal."""
        parts = native_seal.decode_seal(data)
        if parts is not None:
            seal = Seal(*parts)
            object.__setattr__(seal, "_encoded", data)
            return seal
        return Seal.from_item(decoded(data, MalformedSeal))


def _bytes(item: rlp.Item, name: str) -> bytes:
    if not isinstance(item, bytes):
        raise MalformedSeal(f"{name}: a list where bytes belong")
    return item


def _byte_list(item: rlp.Item, name: str) -> tuple[bytes, ...]:
    if isinstance(item, bytes):
        raise MalformedSeal(f"{name}: bytes where a list belongs")
    return tuple(_bytes(element, name) for element in item)
