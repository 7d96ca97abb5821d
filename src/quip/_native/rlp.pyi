"""RLP, strict both ways (crates/python/src/rlp.rs)."""

from collections.abc import Sequence
from typing import TypeAlias

Item: TypeAlias = bytes | Sequence[Item]
Decoded: TypeAlias = bytes | list[Decoded]

def encode(item: Item) -> bytes: ...
def decode(data: bytes, depth: int | None = None) -> Decoded:
    """The one item that `data` holds; what lies deeper than `depth` lists stays RLP, unchecked but for its length."""
