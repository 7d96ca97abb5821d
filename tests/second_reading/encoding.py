"""RLP, the Merkle-Patricia trie, and the header, seal and block that are written in them."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from second_reading.hashes import keccak256

Item = bytes | list["Item"]
MAX_BODY, MAX_SEAL, MAX_OMMERS = 8_388_608, 1_048_576, 524_288
MAX_DEPTH, MAX_ITEMS = 32, 262_144


class Invalid(Exception):
    """Bytes or a document that cannot be read at all."""


class Oversized(Invalid):
    """More bytes than a block may have."""


def need(condition: bool, what: str) -> None:
    if not condition:
        raise Invalid(what)


def number_bytes(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def rlp(item: Item) -> bytes:
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        body, base = item, 0x80
    else:
        body, base = b"".join(map(rlp, item)), 0xC0
    if len(body) < 56:
        return bytes([base + len(body)]) + body
    size = number_bytes(len(body))
    return bytes([base + 55 + len(size)]) + size + body


def unrlp_at(data: bytes, at: int, end: int, depth: int, left: list[int]) -> tuple[Item, int]:
    need(at < end, "RLP: ends early")
    left[0] -= 1
    need(depth <= MAX_DEPTH and left[0] >= 0, "RLP: lists within lists too deep, or too many items")
    first, at = data[at], at + 1
    if first < 0x80:
        return bytes([first]), at
    base = 0x80 if first < 0xC0 else 0xC0
    size = first - base
    if size > 55:
        start, at = at, at + size - 55
        size = int.from_bytes(data[start:at], "big")
        need(at <= end and data[start] != 0 and size > 55, "RLP: a length in a longer form than needed")
    stop = at + size
    need(stop <= end, "RLP: ends early")
    if base == 0x80:
        need(size != 1 or data[at] >= 0x80, "RLP: a byte in a longer form than needed")
        return data[at:stop], stop
    items: list[Item] = []
    while at < stop:
        item, at = unrlp_at(data, at, stop, depth + 1, left)
        items.append(item)
    return items, stop


def unrlp(data: bytes) -> Item:
    item, at = unrlp_at(data, 0, len(data), 0, [MAX_ITEMS])
    need(at == len(data), "RLP: bytes behind the end")
    return item


def hex_prefix(nibbles: bytes, leaf: bool) -> bytes:
    flag = 2 * leaf + len(nibbles) % 2
    full = bytes([flag, *nibbles]) if len(nibbles) % 2 else bytes([flag, 0, *nibbles])
    return bytes(16 * high + low for high, low in zip(full[::2], full[1::2], strict=True))


def trie_node(pairs: list[tuple[bytes, bytes]], depth: int) -> Item:
    """The node over sorted (nibbles, value) pairs which agree in their first `depth` nibbles."""
    if len(pairs) == 1:
        return [hex_prefix(pairs[0][0][depth:], True), pairs[0][1]]
    first, last = pairs[0][0], pairs[-1][0]
    fork = next((i for i in range(depth, len(first)) if first[i] != last[i]), len(first))
    if fork > depth:
        return [hex_prefix(first[depth:fork], False), trie_link(trie_node(pairs, fork))]
    value = pairs[0][1] if len(first) == depth else b""
    below = [[pair for pair in pairs if len(pair[0]) > depth and pair[0][depth] == nibble] for nibble in range(16)]
    return [*(trie_link(trie_node(part, depth + 1)) if part else b"" for part in below), value]


@lru_cache(1 << 16)
def hash_of(data: bytes) -> bytes:
    """keccak256, remembered: from block to block most of a state stays."""
    return keccak256(data)


def trie_link(node: Item) -> Item:
    encoded = rlp(node)
    return node if len(encoded) < 32 else hash_of(encoded)


def trie_root(entries: dict[bytes, bytes]) -> bytes:
    pairs = sorted((bytes(n for byte in key for n in (byte >> 4, byte & 15)), value) for key, value in entries.items())
    return keccak256(rlp(trie_node(pairs, 0) if pairs else b""))


EMPTY_ROOT = trie_root({})
NO_CODE = keccak256(b"")
NO_OMMERS = keccak256(rlp([]))
Violation = tuple[str, str]  # the broken rule, and the values


class Account(NamedTuple):
    nonce: int = 0
    balance: int = 0
    code_hash: bytes = NO_CODE
    storage: Mapping[bytes, bytes] = MappingProxyType({})  # slot -> value, 32 bytes each, none of them zero


Accounts = dict[bytes, Account]  # by address


def storage_root(storage: Mapping[bytes, bytes]) -> bytes:
    return trie_root({hash_of(slot): rlp(value.lstrip(b"\0")) for slot, value in storage.items()})


def state_root(accounts: Accounts) -> bytes:
    return trie_root({
        hash_of(address): rlp([number_bytes(nonce), number_bytes(balance), storage_root(storage), code_hash])
        for address, (nonce, balance, code_hash, storage) in accounts.items()
    })  # fmt: skip


class Header(NamedTuple):
    parent_hash: bytes
    ommers_hash: bytes
    beneficiary: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes
    nonce: bytes
    base_fee: int

    def items(self) -> list[Item]:
        return [value if isinstance(value, bytes) else number_bytes(value) for value in self]

    def hash(self) -> bytes:
        return keccak256(rlp(self.items()))

    def sealing_hash(self) -> bytes:
        items = self.items()
        return keccak256(rlp([*items[:13], items[15]]))

    @property
    def miner(self) -> bytes:
        return self.extra_data[:20]

    @property
    def ommers(self) -> int:
        return self.extra_data[20] if len(self.extra_data) > 20 else 0


FIELD_BYTES = (32, 32, 20, 32, 32, 32, 256, None, None, None, None, None, (0, 32), 32, 8, None)
FIELD_LIMITS = dict.fromkeys((8, 9, 10, 11), 2**64) | dict.fromkeys((7, 15), 2**256)


class Seal(NamedTuple):
    suite: int
    k: bytes
    x: bytes
    solutions: tuple[bytes, ...]
    ecdsa: bytes
    xmss: bytes

    def items(self) -> list[Item]:
        return [number_bytes(self.suite), [self.k, self.x], list(self.solutions), self.ecdsa, self.xmss]


class Ommer(NamedTuple):
    header: Header
    seal: Seal | None


class Block(NamedTuple):
    header: Header
    transactions: list[Item]
    seal: Seal | None
    ommers: tuple[Ommer, ...] = ()

    def items(self) -> list[Item]:
        ommers: list[Item] = [[o.header.items(), o.seal.items() if o.seal else []] for o in self.ommers]
        return [self.header.items(), self.transactions, ommers, self.seal.items() if self.seal else []]


def as_bytes(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise Invalid("a list where bytes belong")
    return item


def as_list(item: Item, size: int | None = None) -> list[Item]:
    if not isinstance(item, list) or (size is not None and len(item) != size):
        raise Invalid(f"not a list of {size} items")
    return item


def as_number(item: Item, limit: int) -> int:
    data = as_bytes(item)
    need(data[:1] != b"\0", "a leading zero in an integer")
    value = int.from_bytes(data, "big")
    need(value < limit, "an integer that is too large")
    return value


def header_of(item: Item) -> Header:
    fields: list[Any] = []
    for index, (value, size) in enumerate(zip(as_list(item, 16), FIELD_BYTES, strict=True)):
        if size is None:
            fields.append(as_number(value, FIELD_LIMITS[index]))
            continue
        fields.append(as_bytes(value))
        low, high = size if isinstance(size, tuple) else (size, size)
        need(low <= len(fields[-1]) <= high, f"header field {index} has {len(fields[-1])} bytes")
    return Header(*fields)


def seal_of(item: Item) -> Seal | None:
    if item == []:
        return None
    suite, keys, solutions, ecdsa, xmss = as_list(item, 5)
    k, x = map(as_bytes, as_list(keys, 2))
    proof = tuple(map(as_bytes, as_list(solutions)))
    return Seal(as_number(suite, 256), k, x, proof, as_bytes(ecdsa), as_bytes(xmss))


def ommer_of(item: Item) -> Ommer:
    head, seal = as_list(item, 2)
    return Ommer(header_of(head), seal_of(seal))


def block_of(data: bytes) -> Block:
    """The block in these bytes; Invalid where they are too many or not one."""
    head, body, ommers, seal = as_list(unrlp(data), 4)
    heads: list[Item] = [as_list(pair, 2)[0] for pair in as_list(ommers)]
    need(len(heads) <= 4, "more than four ommers")
    if len(rlp([head, body, heads])) > MAX_BODY or len(rlp(seal)) > MAX_SEAL or len(rlp(ommers)) > MAX_OMMERS:
        raise Oversized("the body, the ommers or the seal are too large")
    for transaction in as_list(body):
        need(isinstance(transaction, list) or (transaction[:1] < b"\x80" and transaction != b""), "not a transaction")
    return Block(header_of(head), as_list(body), seal_of(seal), tuple(map(ommer_of, as_list(ommers))))
