"""Transactions of type 0x51 and leaf windows in plain Python, without a line of `quip`: written from docs/protocol.md.

A transaction is a dictionary of the fields that EIP-712 signs, in its names, beside "chainId" and the signatures' own
(v, r, s, xmss). Slow on purpose.
"""

import hmac
from hashlib import sha256
from typing import Any

from reference import xmss
from reference.law import keccak256, number, rlp
from second_reading.encoding import Invalid, unrlp
from second_reading.signatures import G, N, P, Point, add, double, recover

Transaction = dict[str, Any]

TYPES = {
    "EIP712Domain": (("string", "name"), ("string", "version"), ("uint256", "chainId")),
    "AccessTuple": (("address", "account"), ("bytes32[]", "storageKeys")),
    "Transaction": (
        ("uint64", "nonce"),
        ("uint256", "maxPriorityFeePerGas"),
        ("uint256", "maxFeePerGas"),
        ("uint64", "gas"),
        ("bytes", "to"),
        ("uint256", "value"),
        ("bytes", "data"),
        ("AccessTuple[]", "accessList"),
        ("address", "sender"),
        ("uint8", "suite"),
        ("bytes", "ecdsaKey"),
        ("bytes", "xmssKey"),
        ("uint64", "leafIndex"),
    ),
}
DOMAIN = {"name": "quip/tx", "version": "1"}
SUITES = {1: xmss.XMSS_10, 2: xmss.XMSSMT_20_2}
OID = bytes([0, 0, 0, 1])
BOUNDS = {"chainId": 64, "nonce": 64, "maxPriorityFeePerGas": 128, "maxFeePerGas": 128, "gas": 64, "value": 256,
          "suite": 8, "leafIndex": 64, "v": 8, "r": 256, "s": 256}  # fmt: skip
MAX_BYTES = 2 << 20


class Refused(Exception):
    """Not a lawful transaction, or a leaf that may not be used."""


def need(condition: bool, what: str) -> None:
    if not condition:
        raise Refused(what)


# EIP-712, for any types: encodeType, encodeData, hashStruct.


def encode_type(name: str) -> str:
    """The primary type, then those that it refers to."""
    used = [kind.removesuffix("[]") for kind, _ in TYPES[name] if kind.removesuffix("[]") in TYPES]
    return "".join(f"{one}({','.join(f'{k} {n}' for k, n in TYPES[one])})" for one in (name, *sorted(set(used))))


def encode_value(kind: str, value: Any) -> bytes:
    """32 bytes."""
    if kind.endswith("[]"):
        return keccak256(b"".join(encode_value(kind[:-2], item) for item in value))
    if kind in TYPES:
        return hash_struct(kind, value)
    if kind == "string":
        return keccak256(value.encode())
    if kind == "bytes":
        return keccak256(value)
    return value.rjust(32, b"\0") if isinstance(value, bytes) else value.to_bytes(32, "big")


def hash_struct(name: str, value: Any) -> bytes:
    encoded = b"".join(encode_value(kind, value[field]) for kind, field in TYPES[name])
    return keccak256(keccak256(encode_type(name).encode()) + encoded)


def digest(transaction: Transaction) -> bytes:
    domain = hash_struct("EIP712Domain", {**DOMAIN, "chainId": transaction["chainId"]})
    return keccak256(b"\x19\x01" + domain + hash_struct("Transaction", transaction))


# The bytes.


def payload_items(transaction: Transaction) -> list[Any]:
    t = transaction
    accesses = [[one["account"], list(one["storageKeys"])] for one in t["accessList"]]
    return [
        number(t["chainId"]), number(t["nonce"]), number(t["maxPriorityFeePerGas"]), number(t["maxFeePerGas"]),
        number(t["gas"]), t["to"], number(t["value"]), t["data"], accesses, t["sender"], number(t["suite"]),
        [t["ecdsaKey"], t["xmssKey"]], number(t["leafIndex"]),
    ]  # fmt: skip


def encode(transaction: Transaction) -> bytes:
    numbers = [number(transaction[name]) for name in ("v", "r", "s")]
    return b"\x51" + rlp([*payload_items(transaction), *numbers, transaction["xmss"]])


def decode(data: bytes) -> Transaction:
    """The transaction; Refused unless the bytes are its one encoding and its lengths and ranges are possible."""
    need(data[:1] == b"\x51" and len(data) <= MAX_BYTES, "type or size")
    try:
        items: Any = unrlp(data[1:])
    except (Invalid, IndexError) as error:
        raise Refused("RLP") from error
    need(isinstance(items, list) and len(items) == 17, "17 fields")
    lists = [isinstance(item, list) for item in items]
    need(lists == [index in (8, 11) for index in range(17)], "lists where none are, or none where they are")
    for entry in items[8]:
        need(isinstance(entry, list) and len(entry) == 2, "access list")
        account, keys = entry
        need(isinstance(account, bytes) and len(account) == 20 and isinstance(keys, list), "access list")
        need(all(isinstance(key, bytes) and len(key) == 32 for key in keys), "access list")
    need(len(items[11]) == 2 and all(isinstance(key, bytes) for key in items[11]), "public keys")
    names = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "data", "accessList",
             "sender", "suite", "publicKeys", "leafIndex", "v", "r", "s", "xmss")  # fmt: skip
    made: Transaction = dict(zip(names, items, strict=True))
    for name, bits in BOUNDS.items():
        need(made[name][:1] != b"\0", f"{name} has a leading zero")
        made[name] = int.from_bytes(made[name], "big")
        need(made[name] < 1 << bits, f"{name} has more than {bits} bits")
    made["accessList"] = [{"account": account, "storageKeys": keys} for account, keys in made["accessList"]]
    made["ecdsaKey"], made["xmssKey"] = made.pop("publicKeys")
    check_ranges(made)
    return made


def check_ranges(t: Transaction) -> None:
    need(len(t["to"]) in (0, 20) and len(t["sender"]) == 20, "an address has 20 bytes")
    need(t["suite"] in SUITES, "suite")
    parameters = SUITES[t["suite"]]
    need(len(t["ecdsaKey"]) == 33 and t["ecdsaKey"][0] in (2, 3), "ECDSA key")
    need(len(t["xmssKey"]) == 68 and t["xmssKey"][:4] == OID, "XMSS key")
    need(t["leafIndex"] >> parameters.height * parameters.layers == 0, "leaf")
    need(t["v"] <= 1, "v")
    size = parameters.index_bytes + 32 + parameters.layers * 77 * 32
    need(len(t["xmss"]) == size, "XMSS signature's length")
    need(int.from_bytes(t["xmss"][: parameters.index_bytes], "big") == t["leafIndex"], "another leaf inside")


def names_of(transaction: Transaction) -> list[bytes]:
    """The senders that the keys stand for by themselves."""
    t = transaction
    keys = bytes([t["suite"]]) + t["ecdsaKey"] + t["xmssKey"]
    prefixes = (b"\x51", b"\x52") if t["suite"] == 2 else (b"\x51",)
    return [keccak256(prefix + keys)[12:] for prefix in prefixes]


def verify(transaction: Transaction) -> bool:
    """Both halves."""
    t, signed = transaction, digest(transaction)
    try:
        made_by = recover(signed, t["r"].to_bytes(32, "big") + t["s"].to_bytes(32, "big") + bytes([t["v"]]))
    except Invalid:
        return False
    return made_by == t["ecdsaKey"] and xmss.verify(SUITES[t["suite"]], t["xmssKey"][4:], signed, t["xmss"])


# ECDSA, for vectors.


def times(scalar: int) -> Point:
    total: Point = (0, 1, 0)
    for bit in range(255, -1, -1):
        total = double(total)
        total = add(total, G) if scalar >> bit & 1 else total
    return total


def ecdsa_sign(secret: int, signed: bytes) -> tuple[int, int, int]:
    """(v, r, s), low s, nonce by RFC 6979 (its first candidate, which is good but once in 2^128)."""
    key, seed = bytes(32), b"\1" * 32
    inputs = secret.to_bytes(32, "big") + (int.from_bytes(signed, "big") % N).to_bytes(32, "big")
    for step in (b"\0", b"\1"):
        key = hmac.digest(key, seed + step + inputs, sha256)
        seed = hmac.digest(key, seed, sha256)
    k = int.from_bytes(hmac.digest(key, seed, sha256), "big")
    x, y, z = times(k)
    inverse = pow(z, -1, P)
    r, odd = x * inverse**2 % P % N, y * inverse**3 % P % 2
    s = pow(k, -1, N) * (int.from_bytes(signed, "big") + r * secret) % N
    return (odd, r, s) if s <= N // 2 else (1 - odd, r, N - s)


# The leaf window, as what it stands for: the set of used leaves.


class Window:
    """Which leaves are used: one past the highest, and each of the 256 below that."""

    def __init__(self) -> None:
        self.next = 0
        self.used: set[int] = set()

    def burn(self, leaf: int, leaves: int) -> None:
        """Use a leaf. Raises Refused, and changes nothing then."""
        need(leaf < leaves, "past the end")
        need(leaf >= self.next - 256, "too old")
        need(leaf not in self.used, "used")
        self.next = max(self.next, leaf + 1)
        self.used = {one for one in (*self.used, leaf) if one >= self.next - 256}

    @property
    def map(self) -> int:
        """Bit i: leaf next - 1 - i is used."""
        return sum(1 << self.next - 1 - leaf for leaf in self.used)
