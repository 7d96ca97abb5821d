"""Keccak-256 with the original padding, and BLAKE3 in its three modes."""

import struct
from collections.abc import Iterator
from itertools import count

M32, M64 = 2**32 - 1, 2**64 - 1


def keccak_tables() -> tuple[list[int], list[tuple[int, int, int]]]:
    """Round constants, and (source lane, target lane, rotation) of rho and pi."""
    constants, register = [], 1
    for _ in range(24):
        value = 0
        for j in range(7):
            register = ((register << 1) ^ ((register >> 7) * 0x71)) % 256
            value ^= ((register >> 1) & 1) << ((1 << j) - 1)
        constants.append(value)
    moves, x, y = [(0, 0, 0)], 1, 0
    for t in range(24):
        moves.append((x + 5 * y, y + 5 * ((2 * x + 3 * y) % 5), (t + 1) * (t + 2) // 2 % 64))
        x, y = y, (2 * x + 3 * y) % 5
    return constants, moves


ROUND_CONSTANTS, RHO_PI = keccak_tables()
CHI = [(5 * y + x, 5 * y + (x + 1) % 5, 5 * y + (x + 2) % 5) for y in range(5) for x in range(5)]


def keccak256(data: bytes) -> bytes:
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % 136))
    padded[-1] |= 0x80
    a = [0] * 25
    for start in range(0, len(padded), 136):
        for lane, word in enumerate(struct.unpack_from("<17Q", padded, start)):
            a[lane] ^= word
        for constant in ROUND_CONSTANTS:
            c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
            d = [c[x - 1] ^ ((c[x - 4] << 1 | c[x - 4] >> 63) & M64) for x in range(5)]
            b = [0] * 25
            for source, target, turn in RHO_PI:
                lane = a[source] ^ d[source % 5]
                b[target] = (lane << turn | lane >> (64 - turn)) & M64
            a = [b[i] ^ (~b[j] & b[k]) for i, j, k in CHI]
            a[0] ^= constant
    return struct.pack("<4Q", *a[:4])


IV = struct.unpack(">8I", bytes.fromhex("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19"))
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = (1 << bit for bit in range(7))
Node = tuple[tuple[int, ...], bytes, int, int, int]  # chaining value, block, counter, length, flags


def blake3_mixes() -> list[tuple[int, int, int, int, int, int]]:
    columns = [(i, 4 + i, 8 + i, 12 + i) for i in range(4)]
    diagonals = [(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)]
    mixes, words = [], list(range(16))
    for _ in range(7):
        mixes += [(*lanes, words[2 * i], words[2 * i + 1]) for i, lanes in enumerate(columns + diagonals)]
        words = [words[i] for i in PERMUTATION]
    return mixes


MIXES = blake3_mixes()


def compress(node: Node) -> bytes:
    """The 64 output bytes of a node; the first 32 are its chaining value."""
    cv, block, counter, length, flags = node
    v = [*cv, *IV[:4], counter & M32, counter >> 32, length, flags]
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    for ia, ib, ic, id_, x, y in MIXES:
        b = v[ib]
        a = (v[ia] + b + m[x]) & M32
        d = v[id_] ^ a
        d = (d >> 16 | d << 16) & M32
        c = (v[ic] + d) & M32
        b ^= c
        b = (b >> 12 | b << 20) & M32
        a = (a + b + m[y]) & M32
        d ^= a
        d = (d >> 8 | d << 24) & M32
        c = (c + d) & M32
        b ^= c
        v[ia], v[ib], v[ic], v[id_] = a, (b >> 7 | b << 25) & M32, c, d
    return struct.pack("<16I", *(v[i] ^ v[i + 8] for i in range(8)), *(v[i + 8] ^ cv[i] for i in range(8)))


def words_of(node: Node) -> tuple[int, ...]:
    return struct.unpack("<8I", compress(node)[:32])


def tree(data: bytes, key: tuple[int, ...], mode: int, counter: int = 0) -> Node:
    """The topmost node over data, not yet compressed."""
    if len(data) > 1024:
        left = 1024 << ((len(data) - 1) // 1024).bit_length() - 1
        halves = (tree(data[:left], key, mode, counter), tree(data[left:], key, mode, counter + left // 1024))
        return key, b"".join(compress(half)[:32] for half in halves), 0, 64, mode | PARENT
    cv, start = key, CHUNK_START
    while len(data) > 64:
        cv, start, data = words_of((cv, data[:64], counter, 64, mode | start)), 0, data[64:]
    return cv, data, counter, len(data), mode | start | CHUNK_END


def output(node: Node) -> Iterator[bytes]:
    cv, block, _, length, flags = node
    return (compress((cv, block, counter, length, flags | ROOT)) for counter in count())


def blake3(data: bytes) -> bytes:
    return next(output(tree(data, IV, 0)))[:32]


SEED_KEY = struct.unpack("<8I", next(output(tree(b"quip 2026 ising seed v1", IV, CONTEXT)))[:32])


def derive_seed(sealing_hash: bytes, nonce: bytes) -> bytes:
    return next(output(tree(sealing_hash + nonce, SEED_KEY, MATERIAL)))[:32]


class Stream:
    """BLAKE3 keyed_hash(seed) of nothing, in extended-output mode."""

    def __init__(self, seed: bytes) -> None:
        self.blocks = output(tree(b"", struct.unpack("<8I", seed), KEYED))
        self.ready = b""

    def read(self, size: int) -> bytes:
        parts, have = [self.ready], len(self.ready)
        while have < size:
            parts.append(next(self.blocks))
            have += 64
        data = b"".join(parts)
        self.ready = data[size:]
        return data[:size]

    def align(self) -> None:
        """Go to the next multiple of 64 bytes: what is left over is always the rest of one such block."""
        self.ready = b""
