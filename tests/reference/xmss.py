"""XMSS and XMSS^MT (RFC 8391, SP 800-208) in plain Python, without a line of `quip`: SHA-256, n = 32, w = 16.

Written from docs/protocol/signatures.md. Slow: a tree of height 10 takes seconds, so tests build small ones.
"""

from dataclasses import dataclass
from hashlib import sha256

N = 32
MESSAGE_CHAINS = 64
CHAINS = 67
LAST_STEP = 15


@dataclass(frozen=True)
class Parameters:
    """`layers` trees of height `height`; the leaf index takes `index_bytes` in a signature."""

    height: int
    layers: int
    index_bytes: int


XMSS_10 = Parameters(height=10, layers=1, index_bytes=4)
XMSSMT_20_2 = Parameters(height=10, layers=2, index_bytes=3)


def to_byte(number: int, length: int) -> bytes:
    return number.to_bytes(length, "big")


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def prf(key: bytes, message: bytes) -> bytes:
    return sha256(to_byte(3, N) + key + message).digest()


def prf_keygen(sk_seed: bytes, pub_seed: bytes, address: bytes) -> bytes:
    return sha256(to_byte(4, N) + sk_seed + pub_seed + address).digest()


def message_hash(r: bytes, root: bytes, leaf: int, message: bytes) -> bytes:
    return sha256(to_byte(2, N) + r + root + to_byte(leaf, N) + message).digest()


def ots_address(layer: int, tree: int, leaf: int, chain: int = 0, step: int = 0, mask: int = 0) -> bytes:
    return to_byte(layer, 4) + to_byte(tree, 8) + b"".join(to_byte(w, 4) for w in (0, leaf, chain, step, mask))


def ltree_address(layer: int, tree: int, leaf: int, height: int, index: int, mask: int) -> bytes:
    return to_byte(layer, 4) + to_byte(tree, 8) + b"".join(to_byte(w, 4) for w in (1, leaf, height, index, mask))


def hash_tree_address(layer: int, tree: int, height: int, index: int, mask: int) -> bytes:
    return to_byte(layer, 4) + to_byte(tree, 8) + b"".join(to_byte(w, 4) for w in (2, 0, height, index, mask))


def rand_hash(seed: bytes, left: bytes, right: bytes, addresses: list[bytes]) -> bytes:
    key, first, second = (prf(seed, address) for address in addresses)
    return sha256(to_byte(1, N) + key + xor(left, first) + xor(right, second)).digest()


def chain(seed: bytes, value: bytes, start: int, end: int, place: tuple[int, int, int, int]) -> bytes:
    """Steps start..end-1 of one chain; place = (layer, tree, leaf, chain)."""
    for step in range(start, end):
        key = prf(seed, ots_address(*place, step, 0))
        mask = prf(seed, ots_address(*place, step, 1))
        value = sha256(to_byte(0, N) + key + xor(value, mask)).digest()
    return value


def digits(digest: bytes) -> list[int]:
    message = [half for byte in digest for half in (byte >> 4, byte & 15)]
    checksum = sum(LAST_STEP - digit for digit in message)
    return [*message, checksum >> 8, checksum >> 4 & 15, checksum & 15]


def wots_start(sk_seed: bytes, seed: bytes, place: tuple[int, int, int, int]) -> bytes:
    return prf_keygen(sk_seed, seed, ots_address(*place))


def l_tree(seed: bytes, values: list[bytes], layer: int, tree: int, leaf: int) -> bytes:
    height = 0
    while len(values) > 1:
        parents = [
            rand_hash(
                seed,
                values[2 * i],
                values[2 * i + 1],
                [ltree_address(layer, tree, leaf, height, i, mask) for mask in range(3)],
            )
            for i in range(len(values) // 2)
        ]
        values = parents + values[2 * len(parents) :]
        height += 1
    return values[0]


def make_leaf(sk_seed: bytes, seed: bytes, layer: int, tree: int, leaf: int) -> bytes:
    places = [(layer, tree, leaf, i) for i in range(CHAINS)]
    ends = [chain(seed, wots_start(sk_seed, seed, place), 0, LAST_STEP, place) for place in places]
    return l_tree(seed, ends, layer, tree, leaf)


def parent_row(seed: bytes, row: list[bytes], layer: int, tree: int, height: int) -> list[bytes]:
    return [
        rand_hash(
            seed,
            row[2 * i],
            row[2 * i + 1],
            [hash_tree_address(layer, tree, height, i, mask) for mask in range(3)],
        )
        for i in range(len(row) // 2)
    ]


def make_tree(sk_seed: bytes, seed: bytes, height: int, layer: int, tree: int) -> list[list[bytes]]:
    """All rows, leaves first."""
    rows = [[make_leaf(sk_seed, seed, layer, tree, leaf) for leaf in range(1 << height)]]
    for level in range(height):
        rows.append(parent_row(seed, rows[-1], layer, tree, level))
    return rows


def wots_sign(sk_seed: bytes, seed: bytes, digest: bytes, layer: int, tree: int, leaf: int) -> list[bytes]:
    places = [(layer, tree, leaf, i) for i in range(CHAINS)]
    return [
        chain(seed, wots_start(sk_seed, seed, place), 0, end, place)
        for place, end in zip(places, digits(digest), strict=True)
    ]


def randomizer(sk_prf: bytes, leaf: int) -> bytes:
    return prf(sk_prf, to_byte(leaf, N))


def sign_small(parameters: Parameters, seeds: bytes, leaf: int, message: bytes) -> tuple[bytes, bytes]:
    """(root || pub_seed, signature), computing every tree on the way: for small heights."""
    sk_seed, sk_prf, seed = seeds[:32], seeds[32:64], seeds[64:]
    top = make_tree(sk_seed, seed, parameters.height, parameters.layers - 1, 0)
    root = top[-1][0]
    r = randomizer(sk_prf, leaf)
    out = to_byte(leaf, parameters.index_bytes) + r
    signed, rest = message_hash(r, root, leaf, message), leaf
    for layer in range(parameters.layers):
        local, rest = rest % (1 << parameters.height), rest >> parameters.height
        rows = make_tree(sk_seed, seed, parameters.height, layer, rest)
        out += b"".join(wots_sign(sk_seed, seed, signed, layer, rest, local))
        out += b"".join(rows[level][(local >> level) ^ 1] for level in range(parameters.height))
        signed = rows[-1][0]
    return root + seed, out


def verify(parameters: Parameters, key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` leads to the root in key = root || pub_seed (without the OID)."""
    root, seed = key[:N], key[N:]
    layer_bytes = (CHAINS + parameters.height) * N
    if len(signature) != parameters.index_bytes + N + parameters.layers * layer_bytes:
        return False
    leaf = int.from_bytes(signature[: parameters.index_bytes], "big")
    if leaf >> parameters.height * parameters.layers:
        return False
    r = signature[parameters.index_bytes : parameters.index_bytes + N]
    node, rest = message_hash(r, root, leaf, message), leaf
    for layer in range(parameters.layers):
        start = parameters.index_bytes + N + layer * layer_bytes
        parts = [signature[at : at + N] for at in range(start, start + layer_bytes, N)]
        local, rest = rest % (1 << parameters.height), rest >> parameters.height
        ends = [
            chain(seed, value, step, LAST_STEP, (layer, rest, local, i))
            for i, (value, step) in enumerate(zip(parts[:CHAINS], digits(node), strict=True))
        ]
        node = l_tree(seed, ends, layer, rest, local)
        for level, sibling in enumerate(parts[CHAINS:]):
            index = local >> level
            pair = (node, sibling) if index % 2 == 0 else (sibling, node)
            addresses = [hash_tree_address(layer, rest, level, index >> 1, mask) for mask in range(3)]
            node = rand_hash(seed, *pair, addresses)
    return node == root
