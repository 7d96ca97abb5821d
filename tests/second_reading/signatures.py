"""The two signatures of a seal."""

import hashlib
import struct
from collections.abc import Iterator

from second_reading.encoding import Block, Invalid, Seal, Violation, need
from second_reading.hashes import keccak256

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
Point = tuple[int, int, int]  # Jacobian; z = 0 is the point at infinity
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    1,
)
XMSS_BYTES, XMSS_LEAVES, XMSS_OID = 4_963, 2**20, bytes([0, 0, 0, 1])


def double(p: Point) -> Point:
    x, y, z = p
    s, m = 4 * x * y * y, 3 * x * x
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * y**4) % P, 2 * y * z % P


def add(p: Point, q: Point) -> Point:
    if p[2] == 0 or q[2] == 0:
        return q if p[2] == 0 else p
    zz1, zz2 = p[2] ** 2, q[2] ** 2
    u1, u2, s1, s2 = p[0] * zz2 % P, q[0] * zz1 % P, p[1] * zz2 * q[2] % P, q[1] * zz1 * p[2] % P
    if u1 == u2:
        return double(p) if s1 == s2 else (0, 1, 0)
    h, r = u2 - u1, s2 - s1
    hh = h * h % P
    x3 = (r * r - h * hh - 2 * u1 * hh) % P
    return x3, (r * (u1 * hh - x3) - s1 * h * hh) % P, h * p[2] * q[2] % P


def recover(digest: bytes, signature: bytes) -> bytes:
    """The compressed key whose signature over digest this is; Invalid where there is none."""
    need(len(signature) == 65, "the ECDSA signature has not 65 bytes")
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    need(v <= 1 and 0 < r < N and 0 < s <= N // 2, "r, s or v of the ECDSA signature is out of range")
    square = (pow(r, 3, P) + 7) % P
    y = pow(square, (P + 1) // 4, P)
    need(y * y % P == square, "r is on no point")
    nonce_point = (r, y if y % 2 == v else P - y, 1)
    inverse = pow(r, -1, N)
    u1, u2 = -int.from_bytes(digest, "big") * inverse % N, s * inverse % N
    both, total = add(G, nonce_point), (0, 1, 0)
    for bit in range(255, -1, -1):
        total = double(total)
        pick = (u1 >> bit & 1) + 2 * (u2 >> bit & 1)
        total = add(total, (G, nonce_point, both)[pick - 1]) if pick else total
    need(total[2] != 0, "the recovered key is the point at infinity")
    z = pow(total[2], -1, P)
    x, y = total[0] * z * z % P, total[1] * z**3 % P
    return bytes([2 + y % 2]) + x.to_bytes(32, "big")


def sha(kind: int, *parts: bytes) -> bytes:
    return hashlib.sha256(kind.to_bytes(32, "big") + b"".join(parts)).digest()


def xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def address(layer: int, tree_index: int, *words: int) -> bytes:
    return struct.pack(">IQ4I", layer, tree_index, *words)  # without its last word, keyAndMask


def rand_hash(seed: bytes, left: bytes, right: bytes, where: bytes) -> bytes:
    key, m0, m1 = (sha(3, seed, where, bytes([0, 0, 0, mask])) for mask in range(3))
    return sha(1, key, xor(left, m0), xor(right, m1))


def layer_root(seed: bytes, node: bytes, place: tuple[int, int, int], values: list[bytes]) -> bytes:
    layer, tree_index, leaf = place
    digits = [digit for byte in node for digit in (byte >> 4, byte & 15)]
    checksum = sum(15 - digit for digit in digits)
    digits += [checksum >> 8, checksum >> 4 & 15, checksum & 15]
    row = []
    for chain, (digit, start) in enumerate(zip(digits, values[:67], strict=True)):
        value = start
        for step in range(digit, 15):
            where = address(layer, tree_index, 0, leaf, chain, step)
            mask = sha(3, seed, where, b"\0\0\0\1")
            value = sha(0, sha(3, seed, where, bytes(4)), xor(value, mask))
        row.append(value)
    height = 0
    while len(row) > 1:
        parents = [
            rand_hash(seed, left, right, address(layer, tree_index, 1, leaf, height, j))
            for j, (left, right) in enumerate(zip(row[::2], row[1::2], strict=False))
        ]
        row, height = parents + row[len(parents) * 2 :], height + 1
    node = row[0]
    for k, other in enumerate(values[67:]):
        pair = (other, node) if leaf >> k & 1 else (node, other)
        node = rand_hash(seed, *pair, address(layer, tree_index, 2, 0, k, leaf >> (k + 1)))
    return node


def xmss_root(x: bytes, message: bytes, signature: bytes) -> bytes:
    """The root that a signature of suite 2 leads to."""
    index, seed = int.from_bytes(signature[:3], "big"), x[36:]
    values = [signature[at : at + 32] for at in range(35, XMSS_BYTES, 32)]
    node = sha(2, signature[3:35], x[4:36], index.to_bytes(32, "big"), message)
    for layer in range(2):
        leaf, index = index % 1024, index // 1024
        node = layer_root(seed, node, (layer, index, leaf), values[77 * layer : 77 * (layer + 1)])
    return node


def miner_id(seal: Seal) -> bytes:
    return keccak256(bytes([0x52, seal.suite]) + seal.k + seal.x)[12:]


def block_digest(chain_id: int, seal: Seal, block_hash: bytes) -> bytes:
    leaf = bytes(5) + seal.xmss[:3]
    return keccak256(
        b"quip/block/v1" + chain_id.to_bytes(32, "big") + bytes([seal.suite]) + seal.k + seal.x + leaf + block_hash
    )


def seal_violations(chain_id: int, block: Block, seal: Seal) -> Iterator[Violation]:
    if seal.suite != 2:
        yield "suite", f"{seal.suite}"
    if len(seal.k) != 33 or seal.k[0] not in {2, 3}:
        yield "ECDSA key", seal.k.hex()
    if len(seal.x) != 68 or seal.x[:4] != XMSS_OID:
        yield "XMSS key", seal.x.hex()
    if miner_id(seal) != block.header.miner:
        yield "miner id", f"{miner_id(seal).hex()} sealed, the header names {block.header.miner.hex()}"
    if len(seal.xmss) != XMSS_BYTES:
        yield "XMSS size", f"{len(seal.xmss)} bytes"
        return
    if int.from_bytes(seal.xmss[:3], "big") >= XMSS_LEAVES:
        yield "XMSS leaf", seal.xmss[:3].hex()
    digest = block_digest(chain_id, seal, block.header.hash())
    try:
        key = recover(digest, seal.ecdsa)
    except Invalid as error:
        yield "ECDSA signature", str(error)
    else:
        if key != seal.k:
            yield "ECDSA signature", f"{key.hex()} signed, not {seal.k.hex()}"
    if xmss_root(seal.x, digest, seal.xmss) != seal.x[4:36]:
        yield "XMSS signature", "it leads to another root"
