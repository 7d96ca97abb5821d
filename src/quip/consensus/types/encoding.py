"""RLP of blocks and their parts: what is none is a malformed message."""

from __future__ import annotations

from quip.consensus.errors.root import MalformedMessage
from quip.primitives import rlp


def decoded(data: bytes, malformed: type[MalformedMessage]) -> rlp.Decoded:
    """The one item that `data` holds. Raises `malformed` with the reason where it holds none."""
    try:
        return rlp.decode(data)
    except rlp.RlpError as error:
        raise malformed(str(error)) from error
