"""What lies in which table, and how it is written. Keys and values are bytes; the store adds a checksum to each value.

table     | key           | value
meta      | a name        | "chain_id": integer; "genesis", "head": block hash; "archive": nothing, where
          |               | all states are kept ("store_version" is the store's own)
headers   | block hash    | RLP of the header
bodies    | block hash    | RLP list of the transactions, each a byte string, and of [hash, c(k + 1)] of the ommers
ommers    | block hash    | RLP of the header of an ommer that some stored block includes, be it a stored block or not
seals     | block hash    | RLP of the seal, of ommers too; none for genesis
rewards   | block hash    | RLP list of u(n - window - 1) and [miner id, address, wei] of the payments; none where flat
receipts  | block hash    | RLP list of the receipts; none where there are no transactions
transactions | transaction hash | block hash, index, u32be: on the canonical chain
contexts  | block hash    | RLP list of total difficulty, c(n), c(n + 1) and the recent blocks (25 bytes each)
canonical | number, u64be | block hash
tips      | block hash    | number, u64be: stored blocks without a stored child
miners    | miner id      | RLP list of blocks, earned

The states' tables are crates/state's; a block's key is number, u64be || block hash.

table         | key                                | value
flat          | keccak256(address)                 | RLP list of nonce, balance, storage root, code hash; none is empty
flat          | that || keccak256(slot)            | RLP of the value
trie          | owner || path                      | RLP of the trie node there, of the state that was flushed last
nodes         | owner || path || keccak256         | RLP of a trie node of any state: in an archive only
codes         | keccak256                          | code
state_blocks  | of each block whose state is kept  | parent's hash || state root
state_diffs   | of each block whose state is kept  | keys of flat, values before and after
state_marks   | "head", "flushed", "oldest"        | a block's key || state root
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from quip.chain.ports import MinerTotals, TransactionPlace
from quip.consensus.errors.root import MalformedMessage
from quip.consensus.execution.rewards import Payment, Rewards
from quip.consensus.types.block_context import BlockContext, RecentBlock
from quip.consensus.types.header import HASH_SIZE, Header
from quip.consensus.types.seal import Seal
from quip.primitives import rlp
from quip.storage.errors import corrupt

META = "meta"
HEADERS = "headers"
BODIES = "bodies"
OMMERS = "ommers"
SEALS = "seals"
REWARDS = "rewards"
RECEIPTS = "receipts"
TRANSACTIONS = "transactions"
CONTEXTS = "contexts"
CANONICAL = "canonical"
TIPS = "tips"
MINERS = "miners"
STATE_BLOCKS = "state_blocks"

CHAIN_ID = b"chain_id"
GENESIS = b"genesis"
HEAD = b"head"
ARCHIVE = b"archive"
"""There where no state is ever dropped."""

EMPTY_BODY = rlp.encode([[], []])
"""No transactions, no ommers."""
_NUMBER_SIZE = 8
_INDEX_SIZE = 4
_CONTEXT_SUMS = 3
_RECENT = Struct(">QBQQ")
"""Timestamp, number of ommers, streak, ended streak: packed, since a block's context has nine of them."""
_TOTALS_FIELDS = 2


def number_key(number: int) -> bytes:
    """A block number as a key: big-endian, so that keys ascend with numbers."""
    return number.to_bytes(_NUMBER_SIZE, "big")


def block_key(number: int, block_hash: bytes) -> bytes:
    """A block as a key of the states' tables."""
    return number_key(number) + block_hash


def encode_body(transactions: tuple[bytes, ...], ommers: Sequence[tuple[bytes, int]]) -> bytes:
    """Transactions as stored, every one a byte string, legacy ones too; and hash and c(k + 1) of every ommer."""
    named = [[ommer, rlp.int_to_bytes(controller)] for ommer, controller in ommers]
    return rlp.encode([list(transactions), named])


def decode_body(block_hash: bytes, data: bytes) -> tuple[tuple[bytes, ...], list[tuple[bytes, int]]]:
    """Transactions, and hash and c(k + 1) of every ommer. Raises StoreCorrupt."""
    items = _list(BODIES, block_hash, data)
    if len(items) != 2 or isinstance(items[0], bytes) or isinstance(items[1], bytes):
        raise corrupt(BODIES, block_hash, "not a list of transactions and ommers")
    transactions = tuple(_bytes(BODIES, block_hash, item) for item in items[0])
    return transactions, [_named_ommer(block_hash, item) for item in items[1]]


def _named_ommer(block_hash: bytes, item: rlp.Decoded) -> tuple[bytes, int]:
    if isinstance(item, bytes) or len(item) != 2:
        raise corrupt(BODIES, block_hash, "an ommer is a hash and a level")
    (controller,) = _integers(BODIES, block_hash, [item[1]], 1)
    return _bytes(BODIES, block_hash, item[0]), controller


def encode_place(place: TransactionPlace) -> bytes:
    """Where a transaction is."""
    return place.block_hash + place.index.to_bytes(_INDEX_SIZE, "big")


def decode_place(transaction_hash: bytes, data: bytes) -> TransactionPlace:
    """Raises StoreCorrupt."""
    if len(data) != HASH_SIZE + _INDEX_SIZE:
        raise corrupt(TRANSACTIONS, transaction_hash, "not a hash and an index")
    return TransactionPlace(data[:HASH_SIZE], int.from_bytes(data[HASH_SIZE:], "big"))


def encode_rewards(rewards: Rewards) -> bytes:
    """The counted streak, then the payments in order."""
    payments: rlp.Item = [[miner, address, rlp.int_to_bytes(amount)] for miner, address, amount in rewards.payments]
    return rlp.encode([rlp.int_to_bytes(rewards.counted_streak), payments])


def decode_rewards(block_hash: bytes, data: bytes) -> Rewards:
    """Raises StoreCorrupt."""
    items = _list(REWARDS, block_hash, data)
    if len(items) != 2 or isinstance(items[1], bytes):
        raise corrupt(REWARDS, block_hash, "not a list of a number and payments")
    (counted,) = _integers(REWARDS, block_hash, items[:1], 1)
    payments: list[Payment] = []
    for item in items[1]:
        if isinstance(item, bytes) or len(item) != 3:
            raise corrupt(REWARDS, block_hash, "a payment is a list of three items")
        miner_id, address = (_bytes(REWARDS, block_hash, part) for part in item[:2])
        payments.append(Payment(miner_id, address, *_integers(REWARDS, block_hash, item[2:], 1)))
    return Rewards(tuple(payments), counted)


def decode_header(block_hash: bytes, data: bytes, table: str = HEADERS) -> Header:
    """Raises StoreCorrupt."""
    try:
        return Header.decode(data)
    except MalformedMessage as error:
        raise corrupt(table, block_hash, str(error)) from error


def decode_seal(block_hash: bytes, data: bytes) -> Seal:
    """Raises StoreCorrupt."""
    try:
        return Seal.decode(data)
    except MalformedMessage as error:
        raise corrupt(SEALS, block_hash, str(error)) from error


def encode_context(context: BlockContext) -> bytes:
    """Three integers, then the recent blocks, the oldest first, in one string of fixed widths; all are >= 0."""
    sums = (context.total_difficulty, context.controller, context.next_controller)
    recent = b"".join(_RECENT.pack(*block) for block in context.recent)
    return rlp.encode([*(rlp.int_to_bytes(integer) for integer in sums), recent])


def decode_context(block_hash: bytes, data: bytes) -> BlockContext:
    """Raises StoreCorrupt."""
    *sums, recent = _list(CONTEXTS, block_hash, data) or [b""]
    total, controller, following = _integers(CONTEXTS, block_hash, sums, _CONTEXT_SUMS)
    packed = _bytes(CONTEXTS, block_hash, recent)
    if not packed or len(packed) % _RECENT.size:
        raise corrupt(CONTEXTS, block_hash, f"{len(packed)} bytes are no recent blocks")
    blocks = tuple(RecentBlock(*block) for block in _RECENT.iter_unpack(packed))
    return BlockContext(total, controller, following, blocks)


def encode_totals(totals: MinerTotals) -> bytes:
    """Blocks and earnings; the miner id is the key."""
    return rlp.encode([rlp.int_to_bytes(totals.blocks), rlp.int_to_bytes(totals.earned)])


def decode_totals(miner_id: bytes, data: bytes) -> MinerTotals:
    """Raises StoreCorrupt."""
    blocks, earned = _integers(MINERS, miner_id, _list(MINERS, miner_id, data), _TOTALS_FIELDS)
    return MinerTotals(miner_id, blocks, earned)


def _list(table: str, key: bytes, data: bytes) -> list[rlp.Decoded]:
    try:
        item = rlp.decode(data)
    except rlp.RlpError as error:
        raise corrupt(table, key, str(error)) from error
    if isinstance(item, bytes):
        raise corrupt(table, key, "a string where a list belongs")
    return item


def _bytes(table: str, key: bytes, item: rlp.Decoded) -> bytes:
    if not isinstance(item, bytes):
        raise corrupt(table, key, "a list where bytes belong")
    return item


def _integers(table: str, key: bytes, items: rlp.Decoded, count: int) -> list[int]:
    if isinstance(items, bytes) or len(items) != count:
        raise corrupt(table, key, f"not a list of {count} integers")
    try:
        return [rlp.bytes_to_int(_bytes(table, key, item)) for item in items]
    except rlp.RlpError as error:
        raise corrupt(table, key, str(error)) from error
