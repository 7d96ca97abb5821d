"""The block on the wire: [header, transactions, ommers, seal] in RLP; ommers are pairs [header, seal].

A typed transaction (EIP-2718) is a byte string, a legacy one a list; in `Block.transactions` both are the bytes that
transactionsRoot commits to. Size limits come first: nothing is decoded that is too long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quip._native import state
from quip.consensus.errors.body import BlockTooLarge, MalformedBlock, MalformedTransaction
from quip.consensus.types.encoding import decoded
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.primitives import rlp

MAX_BODY_SIZE = 8 << 20
"""Bytes of RLP([header, transactions, ommers' headers]): EIP-7934's 10 MiB less its 2 MiB margin."""
MAX_SEAL_SIZE = 1 << 20
"""Bytes of the seal; ten solutions of 600 bytes and both signatures are 11 kB."""
MAX_OMMERS = 4
"""More than any chain spec may allow."""
MAX_OMMERS_SIZE = 1 << 19
"""Bytes of the list of ommers with their seals; four of the public network's are 47 kB."""
MAX_BLOCK_SIZE = MAX_BODY_SIZE + MAX_OMMERS_SIZE + MAX_SEAL_SIZE
_LEGACY_PREFIX = 0xC0
_PREFIX = 9
"""Bytes of RLP's longest prefix."""
_BESIDE = 4_096
"""Bytes of a header with its prefixes, or of the rest of a seal; the exact size decides near the limit."""
_TYPED_END = 0x80


@dataclass(frozen=True, slots=True)
class BlockBody:
    """What a block has beside header and seal."""

    transactions: tuple[bytes, ...] = ()
    """EIP-2718 encodings; a legacy transaction is its RLP list."""
    ommers: tuple[Ommer, ...] = ()


NO_BODY = BlockBody()


@dataclass(frozen=True, slots=True)
class Block:
    """A header, its transactions and a witness of its work."""

    header: Header
    transactions: tuple[bytes, ...]
    """EIP-2718 encodings; a legacy transaction is its RLP list."""
    seal: Seal | None
    """None for genesis only."""
    ommers: tuple[Ommer, ...] = ()

    def encode(self) -> bytes:
        """RLP of the block; a genesis block's seal is the empty list."""
        seal: rlp.Item = self.seal.item() if self.seal else []
        ommers = [ommer.item() for ommer in self.ommers]
        return rlp.encode([self.header.fields(), _transaction_items(self.transactions), ommers, seal])

    def body_size(self) -> int:
        """Bytes of RLP([header, transactions, ommers' headers]): the block's `size`."""
        ommers = [ommer.header.fields() for ommer in self.ommers]
        return len(rlp.encode([self.header.fields(), _transaction_items(self.transactions), ommers]))

    @property
    def body(self) -> BlockBody:
        """What its header commits to."""
        return BlockBody(self.transactions, self.ommers)

    @staticmethod
    def decode(data: bytes) -> Block:
        """The block in `data`. Raises MalformedMessage (of the part that is malformed, or too large)."""
        if len(data) > MAX_BLOCK_SIZE:
            raise BlockTooLarge(part="block", size=len(data), limit=MAX_BLOCK_SIZE)
        item = decoded(data, MalformedBlock)
        if isinstance(item, bytes) or len(item) != 4:
            raise MalformedBlock("a block is a list of four items")
        seal = None if item[3] == [] else Seal.from_item(item[3])
        block = Block(Header.from_item(item[0]), _transactions(item[1]), seal, _ommers(item[2]))
        check_sizes(block.header, block.body, block.seal)
        return block


def check_sizes(header: Header, body: BlockBody, seal: Seal | None) -> None:
    """Raises BlockTooLarge for a body, ommers with their seals, or a seal over the limit."""
    ommers = body.ommers
    if len(ommers) > MAX_OMMERS:
        raise BlockTooLarge(part="list of ommers", size=len(ommers), limit=MAX_OMMERS)
    if _roughly(body.transactions) + len(ommers) * _BESIDE > MAX_BODY_SIZE:
        size = Block(header, body.transactions, None, ommers).body_size()
        if size > MAX_BODY_SIZE:
            raise BlockTooLarge(part="[header, transactions, ommers]", size=size, limit=MAX_BODY_SIZE)
    seals = [_roughly(_parts(ommer.seal)) + _BESIDE for ommer in ommers if ommer.seal]
    if sum(seals) > MAX_OMMERS_SIZE:
        size = len(rlp.encode([ommer.item() for ommer in ommers]))
        if size > MAX_OMMERS_SIZE:
            raise BlockTooLarge(part="ommers", size=size, limit=MAX_OMMERS_SIZE)
    if seal and _roughly(_parts(seal)) > MAX_SEAL_SIZE:
        size = len(seal.encode())
        if size > MAX_SEAL_SIZE:
            raise BlockTooLarge(part="seal", size=size, limit=MAX_SEAL_SIZE)


def _parts(seal: Seal) -> tuple[bytes, ...]:
    return (*seal.solutions, seal.ecdsa_key, seal.xmss_key, seal.ecdsa_signature, seal.xmss_signature)


def _roughly(items: Sequence[bytes]) -> int:
    """An upper bound of a list's size with a header, keys and signatures beside it, without encoding anything."""
    return sum(map(len, items)) + _PREFIX * len(items) + _BESIDE


def readable(transactions: Sequence[bytes]) -> bool:
    """False for a body that RLP's limits keep from being read as part of a block, in whatever form it came."""
    legacy = [raw for raw in transactions if raw[0] >= _LEGACY_PREFIX]
    if not legacy:
        return True
    try:
        rlp.decode(rlp.list_of([rlp.list_of(legacy)]))
    except rlp.RlpError:
        return False
    return True


def transactions_root(transactions: Sequence[bytes]) -> bytes:
    """Root of the trie RLP(index) -> transaction, 32 bytes."""
    if not transactions:
        return EMPTY_TRIE_ROOT
    pairs = [(rlp.encode(rlp.int_to_bytes(index)), transaction) for index, transaction in enumerate(transactions)]
    return state.trie_root(pairs)


def _transaction_items(transactions: Sequence[bytes]) -> list[rlp.Item]:
    return [rlp.decode(raw) if raw[0] >= _LEGACY_PREFIX else raw for raw in transactions]


def _ommers(item: rlp.Item) -> tuple[Ommer, ...]:
    if isinstance(item, bytes):
        raise MalformedBlock("ommers are a list")
    if len(item) > MAX_OMMERS:
        raise MalformedBlock(f"more than {MAX_OMMERS} ommers")
    return tuple(Ommer.from_item(element) for element in item)


def _transactions(item: rlp.Item) -> tuple[bytes, ...]:
    if isinstance(item, bytes):
        raise MalformedBlock("transactions are a list")
    return tuple(_transaction(element) for element in item)


def _transaction(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes):
        return rlp.encode(item)
    if not item or item[0] >= _TYPED_END:
        raise MalformedTransaction("a typed transaction begins with its type, 0x00 to 0x7f")
    return item
