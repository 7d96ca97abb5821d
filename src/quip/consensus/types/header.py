"""The block header: 16 fields, Ethereum's order (London), and the two hashes made from it.

What this file does not do: it judges nothing. Decoding is strict about the encoding (canonical RLP, exact lengths,
integer ranges); whether the values are lawful is the business of `rules`.

    block hash   = keccak256(RLP(all 16 fields))
    sealing hash = keccak256(RLP(the 14 fields without mixHash and nonce))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from quip._native import seal
from quip.consensus.errors.header import MalformedHeader
from quip.consensus.types.encoding import decoded
from quip.primitives import rlp
from quip.primitives.hashes import keccak256

HASH_SIZE = 32
ADDRESS_SIZE = 20
BLOOM_SIZE = 256
NONCE_SIZE = 8
MAX_EXTRA_SIZE = 32
MINER_ID_SIZE = 20
MIN_EXTRA_SIZE = MINER_ID_SIZE + 1
"""Miner id and number of ommers."""
MAX_UINT64 = (1 << 64) - 1
MAX_UINT256 = (1 << 256) - 1

EMPTY_OMMERS_HASH = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
"""keccak256(RLP([])): of a block without ommers."""
EMPTY_TRIE_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""keccak256(RLP(b"")): the root of a trie without entries."""
EMPTY_BLOOM = bytes(BLOOM_SIZE)

_FIELDS = 16
_PARENT_HASH = slice(4, 36)
"""In its RLP: behind the list's prefix (every header has 256 to 65,535 bytes) and the hash's own."""
_BLOOM = slice(192, 192 + BLOOM_SIZE)
"""In its RLP: behind six fields of fixed length, and its own prefix."""
_SIZES = {
    0: ("parentHash", HASH_SIZE),
    1: ("ommersHash", HASH_SIZE),
    2: ("beneficiary", ADDRESS_SIZE),
    3: ("stateRoot", HASH_SIZE),
    4: ("transactionsRoot", HASH_SIZE),
    5: ("receiptsRoot", HASH_SIZE),
    6: ("logsBloom", BLOOM_SIZE),
    13: ("mixHash", HASH_SIZE),
    14: ("nonce", NONCE_SIZE),
}
_LIMITS = {
    7: ("difficulty", MAX_UINT256),
    8: ("number", MAX_UINT64),
    9: ("gasLimit", MAX_UINT64),
    10: ("gasUsed", MAX_UINT64),
    11: ("timestamp", MAX_UINT64),
    15: ("baseFeePerGas", MAX_UINT256),
}


@dataclass(frozen=True, slots=True)
class Header:
    """One block header. Hashes, roots and the mixHash are 32 bytes, addresses 20, the bloom 256, the nonce 8."""

    parent_hash: bytes
    """Block hash of the parent; 32 zero bytes in the genesis header."""
    ommers_hash: bytes
    """keccak256 of the RLP list of the ommers' headers."""
    beneficiary: bytes
    """The payee: any address, a contract included."""
    state_root: bytes
    """Root of the state after this block."""
    transactions_root: bytes
    """Root of the trie RLP(index) -> EIP-2718 transaction."""
    receipts_root: bytes
    """Root of the trie RLP(index) -> EIP-2718 receipt."""
    logs_bloom: bytes
    """Bloom filter of all logs."""
    difficulty: int
    """Work in force, in units of 1,000 spin updates: work(level)."""
    number: int
    """Height; genesis is 0."""
    gas_limit: int
    """Most gas the block's transactions may use."""
    gas_used: int
    """Gas the block's transactions used."""
    timestamp: int
    """Unix seconds."""
    extra_data: bytes
    """Miner id (20 bytes), number of ommers (1 byte), then up to 11 free bytes."""
    mix_hash: bytes
    """The puzzle's seed; in the genesis header the digest of the chain spec."""
    nonce: bytes
    """8 bytes, chosen by the miner so that the seed opens the gate."""
    base_fee_per_gas: int
    """Wei per gas that is burned (EIP-1559)."""
    _encoded: bytes | None = field(default=None, init=False, repr=False, compare=False)
    _hash: bytes | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def miner_id(self) -> bytes:
        """The first 20 bytes of extraData: who sealed the block. Meaningless in the genesis header."""
        return self.extra_data[:MINER_ID_SIZE]

    @property
    def ommer_count(self) -> int:
        """The byte of extraData behind the miner id: how many ommers the block includes."""
        return self.extra_data[MINER_ID_SIZE] if len(self.extra_data) > MINER_ID_SIZE else 0

    @property
    def hash(self) -> bytes:
        """The block hash, keccak256(RLP(header)). Computed once."""
        if self._hash is None:
            object.__setattr__(self, "_hash", keccak256(self.encode()))
        assert self._hash is not None
        return self._hash

    @property
    def sealing_hash(self) -> bytes:
        """keccak256 of the RLP of the 14 fields that the puzzle commits to."""
        fields = self.fields()
        return keccak256(rlp.encode([*fields[:13], fields[15]]))

    def fields(self) -> list[bytes]:
        """The 16 RLP items in order."""
        return [
            self.parent_hash,
            self.ommers_hash,
            self.beneficiary,
            self.state_root,
            self.transactions_root,
            self.receipts_root,
            self.logs_bloom,
            rlp.int_to_bytes(self.difficulty),
            rlp.int_to_bytes(self.number),
            rlp.int_to_bytes(self.gas_limit),
            rlp.int_to_bytes(self.gas_used),
            rlp.int_to_bytes(self.timestamp),
            self.extra_data,
            self.mix_hash,
            self.nonce,
            rlp.int_to_bytes(self.base_fee_per_gas),
        ]

    def encode(self) -> bytes:
        """RLP of the header. Made once."""
        if self._encoded is None:
            object.__setattr__(self, "_encoded", rlp.encode(self.fields()))
        assert self._encoded is not None
        return self._encoded

    def hashed(self, block_hash: bytes) -> Header:
        """The header, whose hash the caller has computed from `encode()`."""
        object.__setattr__(self, "_hash", block_hash)
        return self

    @staticmethod
    def from_item(item: rlp.Item) -> Header:
        """The header of a decoded RLP item. Raises MalformedHeader."""
        if isinstance(item, bytes) or len(item) != _FIELDS:
            raise MalformedHeader(f"a header is a list of {_FIELDS} items")
        values: list[bytes] = []
        for value in item:
            if not isinstance(value, bytes):
                raise MalformedHeader("a header field is a list")
            values.append(value)
        for index, (name, size) in _SIZES.items():
            if len(values[index]) != size:
                raise MalformedHeader(f"{name} has {len(values[index])} bytes, not {size}")
        if len(values[12]) > MAX_EXTRA_SIZE:
            raise MalformedHeader(f"extraData has {len(values[12])} bytes, more than {MAX_EXTRA_SIZE}")
        return _build(values, _integers(values))

    @staticmethod
    def parent_of(encoded: bytes) -> bytes:
        """The parent hash in the RLP of a header, without a look at the rest of it."""
        return encoded[_PARENT_HASH]

    @staticmethod
    def bloom_of(encoded: bytes) -> bytes:
        """The logs' bloom in the RLP of a header, without a look at the rest of it."""
        return encoded[_BLOOM]

    @staticmethod
    def decode(data: bytes) -> Header:
        """The header encoded in `data`, which it keeps. Raises MalformedHeader."""
        fields = seal.decode_header(data)
        if fields is not None:
            header = Header(*fields)
            object.__setattr__(header, "_encoded", data)
            return header
        return Header.from_item(decoded(data, MalformedHeader))


def _integers(values: Sequence[bytes]) -> dict[int, int]:
    integers: dict[int, int] = {}
    for index, (name, limit) in _LIMITS.items():
        try:
            number = rlp.bytes_to_int(values[index])
        except rlp.RlpError as error:
            raise MalformedHeader(f"{name}: {error}") from error
        if number > limit:
            raise MalformedHeader(f"{name} has more than {limit.bit_length()} bits")
        integers[index] = number
    return integers


def _build(values: Sequence[bytes], integers: dict[int, int]) -> Header:
    return Header(
        parent_hash=values[0],
        ommers_hash=values[1],
        beneficiary=values[2],
        state_root=values[3],
        transactions_root=values[4],
        receipts_root=values[5],
        logs_bloom=values[6],
        difficulty=integers[7],
        number=integers[8],
        gas_limit=integers[9],
        gas_used=integers[10],
        timestamp=integers[11],
        extra_data=values[12],
        mix_hash=values[13],
        nonce=values[14],
        base_fee_per_gas=integers[15],
    )
