"""Every message between nodes. Shapes only: `codec` turns them to bytes and back, docs/protocol.md has the table.

Code 0x01..0x0f: joining, on the first bidirectional stream. 0x10..0x1f: pushed, on each side's own unidirectional
stream. 0x20..0x3f: a request and (code + 1) its answer, one pair per bidirectional stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from quip.consensus.types.block import Block, BlockBody
from quip.consensus.types.header import Header
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.net.address import Address


@dataclass(frozen=True, slots=True)
class HeadClaim:
    """What a peer says its head is. Claimed work is no work: it only says whom to ask."""

    hash: bytes
    """32 bytes."""
    number: int
    total_difficulty: int


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """JOIN_REQUEST 0x01, and the like half of JOIN_RESPONSE: who speaks, for which chain."""

    protocol_version: int
    chain_id: int
    genesis_hash: bytes
    """32 bytes."""
    head: HeadClaim
    public: Address | None
    """Where others can dial the sender; None: it does not say. An unspecified host (0.0.0.0) means: as you see me."""
    agent: str
    """Printable ASCII, at most 64 characters, such as quip/0.1.0."""


@dataclass(frozen=True, slots=True)
class JoinResponse:
    """JOIN_RESPONSE 0x02."""

    code: int
    """RefusalCode; 0: welcome."""
    reason: str
    """Printable ASCII, at most 200 characters; empty where welcome."""
    join: JoinRequest
    observed: Address
    """The requester's address as the responder sees it."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """GOODBYE 0x10: the sender is about to close, and why."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """HEARTBEAT 0x11: alive, and what the head is."""

    sequence: int
    head: HeadClaim


@dataclass(frozen=True, slots=True)
class Gossip:
    """GOSSIP 0x12: blocks that the sender holds and verified; 1 to 16 claims."""

    blocks: tuple[HeadClaim, ...]


@dataclass(frozen=True, slots=True)
class BlockSubmit:
    """BLOCK_SUBMIT 0x13: a new block's header, seal and ommers, pushed before execution."""

    header: Header
    seal: Seal
    total_difficulty: int
    """Claimed, this block included."""
    ommers: tuple[Ommer, ...] = ()
    """As many as the header says."""


TransactionClaim: TypeAlias = tuple[int, int, bytes]
"""A transaction that its teller holds: type, size in bytes, hash."""


@dataclass(frozen=True, slots=True)
class TransactionGossip:
    """TRANSACTION_GOSSIP 0x14: an inventory of transactions, 1 to 1,024."""

    items: tuple[TransactionClaim, ...]


@dataclass(frozen=True, slots=True)
class HeadersRequest:
    """HEADERS_REQUEST 0x20: canonical headers after the first locator hash that is canonical at the answerer."""

    locator: tuple[bytes, ...]
    """1 to 64 hashes, highest first, the genesis hash last."""
    limit: int
    """1 to 512."""


@dataclass(frozen=True, slots=True)
class Headers:
    """HEADERS 0x21: consecutive, ascending, at most 512; empty: nothing after it."""

    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class SealsRequest:
    """SEALS_REQUEST 0x22: seals by block hash, of ommers too, 1 to 64."""

    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Seals:
    """SEALS 0x23: in the order asked for, None where the answerer has none; may end early (at least one)."""

    seals: tuple[Seal | None, ...]


@dataclass(frozen=True, slots=True)
class BodiesRequest:
    """BODIES_REQUEST 0x24: bodies by block hash, 1 to 64."""

    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bodies:
    """BODIES 0x25: transactions and ommers per block, in order, None where the answerer has none; may end early."""

    bodies: tuple[BlockBody | None, ...]


@dataclass(frozen=True, slots=True)
class BlockRequest:
    """BLOCK_REQUEST 0x26: one whole block by hash."""

    hash: bytes


@dataclass(frozen=True, slots=True)
class BlockResponse:
    """BLOCK_RESPONSE 0x27: the block, or None where the answerer has none."""

    block: Block | None


@dataclass(frozen=True, slots=True)
class TransactionsRequest:
    """TRANSACTIONS_REQUEST 0x28: transactions by hash, 1 to 256."""

    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Transactions:
    """TRANSACTIONS 0x29: EIP-2718 bytes of those that the answerer has, in the order asked for."""

    transactions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class PeersRequest:
    """PEERS_REQUEST 0x30: addresses of other nodes."""


@dataclass(frozen=True, slots=True)
class Peers:
    """PEERS 0x31: at most 250 addresses, each with the hour (Unix time // 3600) in which it was last seen alive."""

    peers: tuple[tuple[Address, int], ...]


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """STATUS_REQUEST 0x32."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """STATUS 0x33: how the answerer is."""

    head: HeadClaim
    agent: str
    synced: bool
    mining: bool
    peers: int
    uptime_s: int


@dataclass(frozen=True, slots=True)
class StatsRequest:
    """STATS_REQUEST 0x34."""


@dataclass(frozen=True, slots=True)
class NodeStats:
    """STATS 0x35: counters since the answerer's start, by name; at most 32, names of at most 32 ASCII characters."""

    counters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer that is a payload already (`codec.encode`): headers and seals go out as they are stored."""

    code: int
    payload: bytes


Request: TypeAlias = (
    HeadersRequest | SealsRequest | BodiesRequest | BlockRequest | TransactionsRequest
    | PeersRequest | StatusRequest | StatsRequest
)  # fmt: skip
Push: TypeAlias = Goodbye | Heartbeat | Gossip | BlockSubmit | TransactionGossip
Reply: TypeAlias = Headers | Seals | Bodies | BlockResponse | Transactions | Peers | NodeStatus | NodeStats
Message: TypeAlias = JoinRequest | JoinResponse | Push | Request | Reply
