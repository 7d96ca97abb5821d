"""Transactions of type 0x51: of accounts that sign with ECDSA and XMSS over one digest. What they look like, not what
they do.

0x51 || RLP([chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gas, to, value, data, accessList, sender, suite,
[ECDSA key, XMSS key], leafIndex, v, r, s, xmss]). Both halves sign the EIP-712 hash of the first 13 fields
(docs/protocol.md). Bytes are judged natively (crates/hybrid): there is one encoding, and whatever is in it is in range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quip._native import hybrid as native
from quip.primitives import hybrid, rlp
from quip.primitives.ecdsa import SIGNATURE_BYTES
from quip.primitives.hashes import keccak256
from quip.primitives.hybrid import HybridKeys
from quip.primitives.signature_errors import SignatureError
from quip.primitives.transaction_fields import TransactionFields

TRANSACTION_TYPE = 0x51


class MalformedTransaction(ValueError):
    """The bytes, or the values, are not those of one transaction of type 0x51."""


@dataclass(frozen=True, slots=True)
class HybridPayload(TransactionFields):
    """Everything that is signed. Ranges are checked by `digest`, and on encoding."""

    sender: bytes
    """20 bytes: a name of the keys, or an account whose key policy names them."""
    keys: HybridKeys
    leaf: int
    """Index of the one-time key."""

    def digest(self) -> bytes:
        """What both halves sign: the EIP-712 hash, 32 bytes. Raises MalformedTransaction."""
        try:
            return native.payload_digest(rlp.encode(self._items()))
        except (ValueError, OverflowError) as error:
            raise MalformedTransaction(str(error)) from error

    def _items(self) -> list[rlp.Item]:
        keys = self.keys
        head = [self.chain_id, self.nonce, self.max_priority_fee_per_gas, self.max_fee_per_gas, self.gas]
        accesses = [(account, list(slots)) for account, slots in self.access_list]
        middle: list[rlp.Item] = [self.to, rlp.int_to_bytes(self.value), self.data, accesses, self.sender]
        tail: list[rlp.Item] = [rlp.int_to_bytes(keys.suite), [keys.ecdsa, keys.xmss], rlp.int_to_bytes(self.leaf)]
        return [*map(rlp.int_to_bytes, head), *middle, *tail]


@dataclass(frozen=True, slots=True)
class HybridTransaction:
    """A payload with both signatures, which may be wrong until `verify` returns."""

    payload: HybridPayload
    ecdsa: bytes
    """r || s || v, 65 bytes."""
    xmss: bytes

    def encode(self) -> bytes:
        """The bytes, as in a block's body. Raises MalformedTransaction."""
        if len(self.ecdsa) != SIGNATURE_BYTES:
            raise MalformedTransaction(f"ECDSA signature of {len(self.ecdsa)} bytes, want {SIGNATURE_BYTES}")
        r, s = (int.from_bytes(self.ecdsa[at : at + 32], "big") for at in (0, 32))
        numbers = [rlp.int_to_bytes(number) for number in (self.ecdsa[-1], r, s)]
        try:
            encoded = bytes([TRANSACTION_TYPE]) + rlp.encode([*self.payload._items(), *numbers, self.xmss])
        except OverflowError as error:
            raise MalformedTransaction(str(error)) from error
        _check(encoded)
        return encoded

    @classmethod
    def decode(cls, encoded: bytes) -> HybridTransaction:
        """From its bytes. Raises MalformedTransaction."""
        _check(encoded)
        fields: Any = rlp.decode(encoded[1:])
        number = rlp.bytes_to_int
        chain_id, nonce, priority, fee, gas = map(number, fields[:5])
        payload = HybridPayload(
            chain_id,
            nonce,
            priority,
            fee,
            gas,
            to=fields[5],
            value=number(fields[6]),
            data=fields[7],
            access_list=tuple((account, tuple(slots)) for account, slots in fields[8]),
            sender=fields[9],
            keys=HybridKeys(number(fields[10]), *fields[11]),
            leaf=number(fields[12]),
        )
        ecdsa = fields[14].rjust(32, b"\0") + fields[15].rjust(32, b"\0") + bytes([number(fields[13])])
        return cls(payload, ecdsa, fields[16])

    def hash(self) -> bytes:
        """By which the chain knows it: 32 bytes. Raises MalformedTransaction."""
        return keccak256(self.encode())

    def verify(self) -> bool:
        """Return if both halves sign the payload: whether its keys name the sender by themselves. If they don't, only
        the sender's key policy can. Raises MalformedTransaction or a SignatureError.
        """
        encoded = self.encode()
        try:
            return native.verify_transaction(encoded)
        except ValueError:
            hybrid.verify(self.payload.keys, self.payload.digest(), self.ecdsa, self.xmss)  # says what is wrong
            raise SignatureError("one of the two verifiers refuses the signatures") from None


def _check(encoded: bytes) -> None:
    try:
        native.check_transaction(encoded)
    except ValueError as error:
        raise MalformedTransaction(str(error)) from error
