"""Messages to payloads and back, and the table of all messages: code, name, shape, largest size, channel, rate.

A payload is the RLP list of the message's fields; there is exactly one encoding of a message. docs/protocol.md holds
this table for people, and a test holds the two together.
What this file does not do: it knows no stream and no peer; `frames` and `session` do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from quip.consensus.errors.root import MalformedMessage
from quip.consensus.types.block import MAX_BODY_SIZE, MAX_OMMERS, MAX_OMMERS_SIZE, MAX_SEAL_SIZE, BlockBody
from quip.consensus.types.ommer import Ommer
from quip.net import limits
from quip.net.errors import FrameTooLarge, MalformedPayload, UnknownMessage
from quip.net.token_bucket import Rate
from quip.net.wire import fields as f
from quip.net.wire import messages as m
from quip.primitives import rlp


class Channel(Enum):
    """Which kind of stream carries a message, and who may send it."""

    JOIN_REQUEST = "stream 0, by the client"
    JOIN_RESPONSE = "stream 0, by the server"
    PUSH = "the sender's push stream"
    REQUEST = "a new stream, by its opener"
    REPLY = "the request's stream, back"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    code: int
    name: str
    kind: type[m.Message]
    channel: Channel
    rate: Rate | None
    """Per connection and direction; None where the channel itself bounds it."""
    shape: f.Field
    depth: int | None = None
    """Items below so many lists are read from their own RLP, which native code takes apart in one go."""

    @property
    def max_bytes(self) -> int:
        """Largest payload."""
        return self.shape.size


_HASH = f.digest("hash")
_EMPTY = rlp.encode(b"")
_CLAIM = f.record(
    m.HeadClaim, hash=_HASH, number=f.unsigned("number", 64), total_difficulty=f.unsigned("total difficulty", 256)
)
_REASON = f.text("reason", 0, limits.MAX_REASON_CHARACTERS)
_AGENT = f.text("agent", 0, limits.MAX_AGENT_CHARACTERS)
_JOIN = f.record(
    m.JoinRequest,
    protocol_version=f.unsigned("protocol version", 32),
    chain_id=f.unsigned("chain id", 64),
    genesis_hash=f.digest("genesis hash"),
    head=_CLAIM,
    public=f.optional(f.ADDRESS),
    agent=_AGENT,
)


def _hashes(kind: type[m.SealsRequest | m.BodiesRequest | m.TransactionsRequest], limit: int) -> f.Field:
    return f.record(kind, hashes=f.several("hashes", _HASH, 1, limit))


_INVENTORY = f.row("transaction claim", f.integer("type", 0, 0x7F), f.integer("size", 1, MAX_BODY_SIZE), _HASH)
_OMMERS = f.several("ommers", f.record(Ommer, header=f.HEADER, seal=f.SEAL), 0, MAX_OMMERS, MAX_OMMERS_SIZE)
_BODY = f.record(
    BlockBody,
    transactions=f.several("transactions", f.TRANSACTION, 0, MAX_BODY_SIZE, limits.MAX_TRANSACTIONS_OF_BODY_BYTES),
    ommers=_OMMERS,
)
_SEEN = f.row("peer", f.ADDRESS, f.unsigned("hour", 32))
_COUNTER = f.row("counter", f.text("name", 1, limits.MAX_COUNTER_NAME_CHARACTERS), f.unsigned("value", 64))

_ROWS = (
    Rule(0x01, "JOIN_REQUEST", m.JoinRequest, Channel.JOIN_REQUEST, None, _JOIN),
    Rule(
        0x02, "JOIN_RESPONSE", m.JoinResponse, Channel.JOIN_RESPONSE, None,
        f.record(m.JoinResponse, code=f.unsigned("code", 8), reason=_REASON, join=_JOIN, observed=f.ADDRESS),
    ),
    Rule(
        0x10, "GOODBYE", m.Goodbye, Channel.PUSH, Rate(1, 1),
        f.record(m.Goodbye, code=f.unsigned("code", 8), reason=_REASON),
    ),
    Rule(
        0x11, "HEARTBEAT", m.Heartbeat, Channel.PUSH, Rate(10, 20),
        f.record(m.Heartbeat, sequence=f.unsigned("sequence", 64), head=_CLAIM),
    ),
    Rule(
        0x12, "GOSSIP", m.Gossip, Channel.PUSH, Rate(20, 128),
        f.record(m.Gossip, blocks=f.several("claims", _CLAIM, 1, limits.MAX_GOSSIP_CLAIMS)),
    ),
    Rule(
        0x13, "BLOCK_SUBMIT", m.BlockSubmit, Channel.PUSH, Rate(20, 64),
        f.record(
            m.BlockSubmit,
            header=f.HEADER,
            seal=f.SEAL,
            total_difficulty=f.unsigned("total difficulty", 256),
            ommers=_OMMERS,
        ),
    ),
    Rule(
        0x14, "TRANSACTION_GOSSIP", m.TransactionGossip, Channel.PUSH, Rate(0.5, 4),
        f.record(
            m.TransactionGossip, items=f.several("transaction claims", _INVENTORY, 1, limits.MAX_TRANSACTION_CLAIMS)
        ),
    ),
    Rule(
        0x20, "HEADERS_REQUEST", m.HeadersRequest, Channel.REQUEST, Rate(20, 40),
        f.record(
            m.HeadersRequest,
            locator=f.several("hashes", _HASH, 1, limits.MAX_LOCATOR_HASHES),
            limit=f.integer("limit", 1, limits.MAX_HEADERS),
        ),
    ),
    Rule(
        0x21, "HEADERS", m.Headers, Channel.REPLY, None,
        f.record(m.Headers, headers=f.several("headers", f.RAW_HEADER, 0, limits.MAX_HEADERS)), depth=2,
    ),
    Rule(
        0x22, "SEALS_REQUEST", m.SealsRequest, Channel.REQUEST, Rate(100, 200),
        _hashes(m.SealsRequest, limits.MAX_SEALS),
    ),
    Rule(
        0x23, "SEALS", m.Seals, Channel.REPLY, None,
        f.record(
            m.Seals, seals=f.several("seals", f.optional(f.RAW_SEAL, _EMPTY), 1, limits.MAX_SEALS, MAX_SEAL_SIZE)
        ), depth=2,
    ),
    Rule(
        0x24, "BODIES_REQUEST", m.BodiesRequest, Channel.REQUEST, Rate(50, 100),
        _hashes(m.BodiesRequest, limits.MAX_BODIES),
    ),
    Rule(
        0x25, "BODIES", m.Bodies, Channel.REPLY, None,
        f.record(
            m.Bodies,
            bodies=f.several("bodies", f.optional(_BODY), 1, limits.MAX_BODIES, f.prefixed(limits.MAX_BODIES_BYTES)),
        ),
    ),
    Rule(0x26, "BLOCK_REQUEST", m.BlockRequest, Channel.REQUEST, Rate(50, 100), f.record(m.BlockRequest, hash=_HASH)),
    Rule(
        0x27, "BLOCK_RESPONSE", m.BlockResponse, Channel.REPLY, None,
        f.record(m.BlockResponse, block=f.optional(f.BLOCK)),
    ),
    Rule(
        0x28, "TRANSACTIONS_REQUEST", m.TransactionsRequest, Channel.REQUEST, Rate(20, 60),
        _hashes(m.TransactionsRequest, limits.MAX_TRANSACTIONS),
    ),
    Rule(
        0x29, "TRANSACTIONS", m.Transactions, Channel.REPLY, None,
        f.record(
            m.Transactions,
            transactions=f.several(
                "transactions", f.TRANSACTION, 0, limits.MAX_TRANSACTIONS, limits.MAX_TRANSACTIONS_BYTES
            ),
        ),
    ),
    Rule(0x30, "PEERS_REQUEST", m.PeersRequest, Channel.REQUEST, Rate(1 / 60, 2), f.record(m.PeersRequest)),
    Rule(
        0x31, "PEERS", m.Peers, Channel.REPLY, None,
        f.record(m.Peers, peers=f.several("peers", _SEEN, 0, limits.MAX_PEERS)),
    ),
    Rule(0x32, "STATUS_REQUEST", m.StatusRequest, Channel.REQUEST, Rate(1, 5), f.record(m.StatusRequest)),
    Rule(
        0x33, "STATUS", m.NodeStatus, Channel.REPLY, None,
        f.record(
            m.NodeStatus,
            head=_CLAIM,
            agent=_AGENT,
            synced=f.flag("synced"),
            mining=f.flag("mining"),
            peers=f.unsigned("peers", 32),
            uptime_s=f.unsigned("uptime", 64),
        ),
    ),
    Rule(0x34, "STATS_REQUEST", m.StatsRequest, Channel.REQUEST, Rate(1, 5), f.record(m.StatsRequest)),
    Rule(
        0x35, "STATS", m.NodeStats, Channel.REPLY, None,
        f.record(m.NodeStats, counters=f.several("counters", _COUNTER, 0, limits.MAX_COUNTERS)),
    ),
)  # fmt: skip

TABLE: dict[int, Rule] = {rule.code: rule for rule in _ROWS}
"""Every message by its code. A request's answer has the next code."""
_CODES: dict[type[m.Message], int] = {rule.kind: rule.code for rule in _ROWS}


def code_of(message: m.Message | m.Encoded) -> int:
    """The code of a message's type."""
    return message.code if isinstance(message, m.Encoded) else _CODES[type(message)]


def encode(message: m.Message | m.Encoded) -> bytes:
    """The payload. Raises ValueError for a message that no peer would take: a field out of range, or too many bytes."""
    rule = TABLE[code_of(message)]
    payload = message.payload if isinstance(message, m.Encoded) else rlp.encode(rule.shape.pack(message))
    if len(payload) > rule.max_bytes:
        raise ValueError(f"{rule.name} of {len(payload)} bytes, more than {rule.max_bytes}")
    return payload


def decode(code: int, payload: bytes) -> m.Message:
    """The message. Raises UnknownMessage, FrameTooLarge or MalformedPayload."""
    rule = TABLE.get(code)
    if rule is None:
        raise UnknownMessage(code=code)
    if len(payload) > rule.max_bytes:
        raise FrameTooLarge(name=rule.name, size=len(payload), limit=rule.max_bytes)
    try:
        message: m.Message = rule.shape.read(rlp.decode(payload, rule.depth))
    except (f.FieldError, rlp.RlpError, MalformedMessage) as error:
        raise MalformedPayload(str(error), name=rule.name) from error
    return message
