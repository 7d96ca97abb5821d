"""BLAKE3 in plain Python for short inputs (one chunk): hash, keyed hash, derive-key, extended output.

Source: "BLAKE3: one function, fast everywhere" (O'Connor, Aumasson, Neves, Wilcox-O'Hearn 2020). Inputs of more than
1,024 bytes are refused: the puzzle never hashes one. Used by tests only.
"""

import struct

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, ROOT = 1, 2, 8
KEYED_HASH, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL = 16, 32, 64
MASK = 0xFFFFFFFF


def _quarter(s: list[int], places: tuple[int, int, int, int], x: int, y: int) -> None:
    a, b, c, d = places
    for word, turn_d, turn_b in ((x, 16, 12), (y, 8, 7)):
        s[a] = (s[a] + s[b] + word) & MASK
        t = s[d] ^ s[a]
        s[d] = (t >> turn_d | t << (32 - turn_d)) & MASK
        s[c] = (s[c] + s[d]) & MASK
        t = s[b] ^ s[c]
        s[b] = (t >> turn_b | t << (32 - turn_b)) & MASK


COLUMNS_AND_DIAGONALS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


def compress(cv: tuple[int, ...], block: bytes, length: int, counter: int, flags: int) -> list[int]:
    """The compression function: 16 output words of a 64-byte block."""
    words = list(struct.unpack("<16I", block))
    s = [*cv, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for turn in range(7):
        for number, places in enumerate(COLUMNS_AND_DIAGONALS):
            _quarter(s, places, words[2 * number], words[2 * number + 1])
        if turn < 6:
            words = [words[k] for k in PERMUTATION]
    return [s[k] ^ s[k + 8] for k in range(8)] + [s[k + 8] ^ cv[k] for k in range(8)]


def _root(key: tuple[int, ...], data: bytes, flags: int, start: int, length: int) -> bytes:
    """Bytes start..start+length of the extended output of a one-chunk input."""
    if len(data) > 1024:
        raise ValueError("the reference hashes at most one chunk")
    blocks = [data[k : k + 64] for k in range(0, len(data), 64)] or [b""]
    cv = key
    for number, block in enumerate(blocks[:-1]):
        begin = CHUNK_START if number == 0 else 0
        cv = tuple(compress(cv, block.ljust(64, b"\0"), len(block), 0, flags | begin)[:8])
    last = blocks[-1]
    flags |= CHUNK_END | ROOT | (CHUNK_START if len(blocks) == 1 else 0)
    first, end = start // 64, start + length
    out = b"".join(
        struct.pack("<16I", *compress(cv, last.ljust(64, b"\0"), len(last), counter, flags))
        for counter in range(first, (end + 63) // 64)
    )
    return out[start - 64 * first : end - 64 * first]


def derive_key(context: str, material: bytes) -> bytes:
    """BLAKE3 derive-key mode, 32 bytes."""
    key = struct.unpack("<8I", _root(IV, context.encode(), DERIVE_KEY_CONTEXT, 0, 32))
    return _root(key, material, DERIVE_KEY_MATERIAL, 0, 32)


def keyed_stream(key: bytes, start: int, length: int) -> bytes:
    """Bytes start..start+length of keyed_hash(key, empty input) in XOF mode."""
    return _root(struct.unpack("<8I", key), b"", KEYED_HASH, start, length)
