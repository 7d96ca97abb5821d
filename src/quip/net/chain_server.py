"""Reads the chain for peers: headers, seals, bodies, whole blocks.

Pure and thread-safe: the shell calls `answer` in a reading thread. What it reads is stored only after it was verified.
Each answer is bounded in items and bytes; what no longer fits is left out, and the asker asks again from there.
Headers, bodies and seals lie in the store as they are sent, so they are not decoded on the way.
"""

from __future__ import annotations

from collections.abc import Iterable

from quip.chain.ports import Part
from quip.consensus.types.block import MAX_SEAL_SIZE
from quip.consensus.types.header import Header
from quip.net.limits import (
    MAX_BODIES,
    MAX_BODIES_BYTES,
    MAX_HEADERS,
    MAX_LOCATOR_HASHES,
    MAX_SEALS,
)
from quip.net.ports import ChainView
from quip.net.wire.codec import encode
from quip.net.wire.messages import (
    BlockRequest,
    BlockResponse,
    BodiesRequest,
    Encoded,
    HeadersRequest,
    Request,
    SealsRequest,
)
from quip.primitives import rlp

_HEADERS, _SEALS, _BODIES, _BLOCK = 0x21, 0x23, 0x25, 0x27
_NONE = rlp.encode(b"")


class ChainServer:
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
                return Encoded(_SEALS, self._parts(Part.SEAL, hashes[:MAX_SEALS], MAX_SEAL_SIZE))
            case BodiesRequest(hashes):
                return Encoded(_BODIES, self._parts(Part.BODY, hashes[:MAX_BODIES], MAX_BODIES_BYTES))
            case BlockRequest(block_hash):
                block = self._view.block(block_hash)
                whole = None if block is None else block.block
                return Encoded(_BLOCK, encode(BlockResponse(whole)))
            case _:
                raise TypeError(f"{type(request).__name__} is no question about the chain")

    def _headers(self, locator: Iterable[bytes], limit: int) -> list[bytes]:
        named = ((self._canonical_number(block_hash), block_hash) for block_hash in locator)
        start = next(((number, block_hash) for number, block_hash in named if number is not None), None)
        if start is None:
            return []
        found: list[bytes] = []
        below, parent_hash = start
        for number in range(below + 1, below + 1 + limit):
            block_hash = self._view.canonical(number)
            header = self._view.encoded(Part.HEADER, block_hash) if block_hash is not None else None
            # The chain may be reorganised while we read: only what hangs on the named block, one on the other, is told.
            if block_hash is None or header is None or Header.parent_of(header) != parent_hash:
                break
            found.append(header)
            parent_hash = block_hash
        return found

    def _canonical_number(self, block_hash: bytes) -> int | None:
        header = self._view.header(block_hash)
        if header is None or self._view.canonical(header.number) != block_hash:
            return None
        return header.number

    def _parts(self, part: Part, hashes: Iterable[bytes], limit: int) -> bytes:
        """The answer's payload: the first parts, as many as fit in `limit` bytes; the very first always does."""
        found: list[bytes] = []
        total = 0
        for block_hash in hashes:
            encoded = self._view.encoded(part, block_hash) or _NONE
            total += len(encoded)
            if found and total > limit:
                break
            found.append(encoded)
        return rlp.list_of([rlp.list_of(found)])
