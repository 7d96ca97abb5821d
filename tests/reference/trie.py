"""Merkle-Patricia trie in plain Python: the root of a whole mapping, straight from the Yellow Paper (appendices C, D).

Nothing incremental, nothing stored: what a root is, not how to keep one.
"""

from collections.abc import Mapping

from quip.primitives.hashes import keccak256
from quip.primitives.rlp import Item, encode

EMPTY_ROOT = keccak256(encode(b""))


def hex_prefix(nibbles: tuple[int, ...], leaf: bool) -> bytes:
    flag = 2 * leaf + len(nibbles) % 2
    padded = (flag, *nibbles) if len(nibbles) % 2 else (flag, 0, *nibbles)
    return bytes(16 * high + low for high, low in zip(padded[::2], padded[1::2], strict=True))


def node(pairs: Mapping[tuple[int, ...], bytes]) -> Item:
    """The structure of the trie of these paths: RLP items, children referred to as `reference` says."""
    if not pairs:
        return b""
    if len(pairs) == 1:
        ((path, value),) = pairs.items()
        return [hex_prefix(path, True), value]
    first, last = min(pairs), max(pairs)
    common = 0
    while common < min(len(first), len(last)) and first[common] == last[common]:
        common += 1
    if common:
        below = {path[common:]: value for path, value in pairs.items()}
        return [hex_prefix(first[:common], False), reference(below)]
    children = [
        reference({path[1:]: value for path, value in pairs.items() if path[:1] == (nibble,)}) for nibble in range(16)
    ]
    return [*children, pairs.get((), b"")]


def reference(pairs: Mapping[tuple[int, ...], bytes]) -> Item:
    structure = node(pairs)
    if not pairs:
        return b""
    encoded = encode(structure)
    return structure if len(encoded) < 32 else keccak256(encoded)


def root(pairs: Mapping[bytes, bytes]) -> bytes:
    """The root of the trie of these keys and (non-empty) values."""
    paths = {tuple(nibble for byte in key for nibble in (byte >> 4, byte & 15)): pairs[key] for key in pairs}
    return keccak256(encode(node(paths)))
