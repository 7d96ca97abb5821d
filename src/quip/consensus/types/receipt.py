"""Receipts as a block's header commits to them, and as they are stored: one RLP list.

A legacy receipt is in it as its list, another as the string of its EIP-2718 bytes (EIP-2718; Yellow Paper, 4.3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from quip._native import state
from quip.primitives import rlp


@dataclass(frozen=True, slots=True)
class Log:
    """What a contract logged."""

    address: bytes
    """20 bytes."""
    topics: tuple[bytes, ...]
    """Up to four of 32 bytes."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of one transaction."""

    kind: int
    """The transaction's type."""
    succeeded: bool
    cumulative_gas_used: int
    """Of the block's transactions up to this one."""
    bloom: bytes
    """256 bytes."""
    logs: tuple[Log, ...]


def receipts_root(receipts: bytes) -> bytes:
    """Root of the trie RLP(index) -> receipt. Raises ValueError: not a list of receipts."""
    pairs = [(rlp.encode(rlp.int_to_bytes(index)), one) for index, one in enumerate(encoded_receipts(receipts))]
    return state.trie_root(pairs)


def encoded_receipts(receipts: bytes) -> list[bytes]:
    """The EIP-2718 bytes of each. Raises ValueError."""
    items = rlp.decode(receipts)
    if isinstance(items, bytes):
        raise ValueError("receipts are a list")
    return [item if isinstance(item, bytes) else rlp.encode(item) for item in items]


def decode_receipts(receipts: bytes) -> list[Receipt]:
    """All of a block. Raises ValueError."""
    return [decode_receipt(encoded) for encoded in encoded_receipts(receipts)]


def decode_receipt(encoded: bytes) -> Receipt:
    """One, from its EIP-2718 bytes. Raises ValueError."""
    if not encoded:
        raise ValueError("a receipt of no bytes")
    kind, body = (0, encoded) if encoded[0] >= 0xC0 else (encoded[0], encoded[1:])
    item = rlp.decode(body)
    if isinstance(item, bytes) or len(item) != 4:
        raise ValueError("a receipt is a list of four items")
    status, gas_used, bloom, logs = item
    if not isinstance(status, bytes) or not isinstance(gas_used, bytes) or not isinstance(bloom, bytes):
        raise ValueError("a receipt begins with status, gas and bloom")
    if isinstance(logs, bytes):
        raise ValueError("a receipt's logs are a list")
    return Receipt(kind, status == b"\1", rlp.bytes_to_int(gas_used), bloom, tuple(_log(log) for log in logs))


def _log(item: rlp.Decoded) -> Log:
    if isinstance(item, bytes) or len(item) != 3:
        raise ValueError("a log is a list of three items")
    address, topics, data = item
    if not isinstance(address, bytes) or isinstance(topics, bytes) or not isinstance(data, bytes):
        raise ValueError("a log is an address, a list of topics, and data")
    named = tuple(topic for topic in topics if isinstance(topic, bytes))
    if len(named) != len(topics):
        raise ValueError("a topic is a string")
    return Log(address, named, data)
