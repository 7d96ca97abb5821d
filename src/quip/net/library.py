"""Reads the chain for peers: headers, seals, bodies, whole blocks.

Pure and thread-safe: the shell calls `answer` in a reading thread. What it reads is stored only after it was verified.
Each answer is bounded in items and bytes; what no longer fits is left out, and the asker asks again from there. Headers
and seals lie in the store as they are sent, so they are not decoded on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from quip.consensus.block import MAX_SEAL_SIZE, Block
from quip.consensus.header import Header
from quip.net.codec import code_of, encode
from quip.net.limits import (
    MAX_BODIES,
    MAX_BODIES_BYTES,
    MAX_HEADERS,
    MAX_LOCATOR_HASHES,
    MAX_SEALS,
)
from quip.net.messages import (
    BlockRequest,
    BlockResponse,
    Bodies,
    BodiesRequest,
    Encoded,
    HeadersRequest,
    Reply,
    Request,
    SealsRequest,
)
from quip.net.ports import ChainView
from quip.primitives import rlp

T = TypeVar("T")
_RLP_PREFIX = 4
"""Most bytes before an item below 16 MiB."""
_HEADERS, _SEALS = 0x21, 0x23
_NONE = rlp.encode(b"")


class Library:
    """Answers what the chain alone can answer."""

    def __init__(self, view: ChainView) -> None:
        self._view = view

    def answer(self, request: Request) -> Encoded:
        """The answer to a request for headers, seals, bodies or a block. Raises TypeError for another."""
        match request:
            case HeadersRequest(locator, limit):
                headers = self._headers(locator[:MAX_LOCATOR_HASHES], min(limit, MAX_HEADERS))
                return Encoded(_HEADERS, rlp.list_of([rlp.list_of(headers)]))
            case SealsRequest(hashes):
                seals = _within(map(self._seal, hashes[:MAX_SEALS]), MAX_SEAL_SIZE)
                return Encoded(_SEALS, rlp.list_of([rlp.list_of(seals)]))
            case BodiesRequest(hashes):
                return _encoded(Bodies(_within(map(self._body, hashes[:MAX_BODIES]), MAX_BODIES_BYTES)))
            case BlockRequest(block_hash):
                block = self._view.block(block_hash)
                whole = None if block is None else Block(block.header, block.transactions, block.seal)
                return _encoded(BlockResponse(whole))
            case _:
                raise TypeError(f"{type(request).__name__} is no question about the chain")

    def _headers(self, locator: Iterable[bytes], limit: int) -> list[bytes]:
        start = next((number for number in map(self._canonical_number, locator) if number is not None), None)
        if start is None:
            return []
        found: list[bytes] = []
        parent_hash = None
        for number in range(start + 1, start + 1 + limit):
            block_hash = self._view.canonical(number)
            header = self._view.encoded_header(block_hash) if block_hash is not None else None
            # The chain may be reorganised while we read: only a connected run is told.
            if header is None or (parent_hash is not None and Header.parent_of(header) != parent_hash):
                break
            found.append(header)
            parent_hash = block_hash
        return found

    def _canonical_number(self, block_hash: bytes) -> int | None:
        header = self._view.header(block_hash)
        if header is None or self._view.canonical(header.number) != block_hash:
            return None
        return header.number

    def _seal(self, block_hash: bytes) -> tuple[bytes, int]:
        seal = self._view.encoded_seal(block_hash)
        return (_NONE, 1) if seal is None else (seal, len(seal))

    def _body(self, block_hash: bytes) -> tuple[tuple[bytes, ...] | None, int]:
        block = self._view.block(block_hash)
        if block is None:
            return None, 1
        return block.transactions, sum(len(raw) + _RLP_PREFIX for raw in block.transactions) + _RLP_PREFIX


def _within(parts: Iterable[tuple[T, int]], limit: int) -> tuple[T, ...]:
    """The first parts, as many as fit in `limit` bytes; the very first always does."""
    found: list[T] = []
    total = 0
    for item, size in parts:
        total += size
        if found and total > limit:
            break
        found.append(item)
    return tuple(found)


def _encoded(reply: Reply) -> Encoded:
    return Encoded(code_of(reply), encode(reply))
