"""Network messages for tests: one strategy per type, and the largest message of each type."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from hypothesis import strategies as st

from quip.consensus.types.block import MAX_OMMERS_SIZE, MAX_SEAL_SIZE, Block, BlockBody
from quip.consensus.types.header import MAX_UINT64, MAX_UINT256, Header
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.net import limits
from quip.net.address import Address
from quip.net.wire import messages as m
from quip.net.wire.codec import TABLE
from quip.primitives import rlp
from support.chains import grown

STORED = grown(1).chain.block_by_number(1)
assert STORED is not None
assert STORED.seal is not None
HEADER: Header = STORED.header
SEAL: Seal = STORED.seal
BLOCK = Block(HEADER, STORED.transactions, SEAL)
ZERO = bytes(32)
CLAIM = m.HeadClaim(ZERO, 0, 0)
JOIN = m.JoinRequest(1, 5, ZERO, CLAIM, None, "quip/0.1.0")

HASHES = st.binary(min_size=32, max_size=32)
UINT8 = st.integers(0, 255)
UINT32 = st.integers(0, (1 << 32) - 1)
UINT64 = st.integers(0, MAX_UINT64)
UINT256 = st.integers(0, MAX_UINT256)
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
CLAIMS = st.builds(m.HeadClaim, HASHES, UINT64, UINT256)
HOSTS = st.one_of(
    st.integers(0, (1 << 32) - 1).map(lambda number: str(IPv4Address(number))),
    st.integers(0, (1 << 128) - 1).map(IPv6Address).filter(lambda host: host.ipv4_mapped is None).map(str),
)
ADDRESSES = st.builds(Address, HOSTS, st.integers(1, 65_535))
TYPED = st.binary(min_size=1, max_size=40).filter(lambda data: data[0] < 0x80)
LEGACY = st.lists(st.binary(max_size=9), max_size=9).map(rlp.encode)
TRANSACTIONS = st.one_of(TYPED, LEGACY)
HEADERS = st.builds(
    lambda number, extra, parent: replace(HEADER, number=number, extra_data=extra, parent_hash=parent),
    UINT64, st.binary(max_size=32), HASHES,
)  # fmt: skip
SEALS = st.builds(
    lambda suite, solutions, key: Seal(suite, key, b"", solutions, b"r", key),
    st.integers(1, 255), st.lists(st.binary(max_size=20), max_size=4).map(tuple), st.binary(max_size=70),
)  # fmt: skip
OMMERS = st.lists(st.builds(Ommer, HEADERS, SEALS), max_size=4).map(tuple)
BODIES = st.builds(BlockBody, st.lists(TRANSACTIONS, max_size=4).map(tuple), OMMERS)
REASONS = st.text(PRINTABLE, max_size=limits.MAX_REASON_CHARACTERS)
AGENTS = st.text(PRINTABLE, max_size=limits.MAX_AGENT_CHARACTERS)


def some(part: st.SearchStrategy, high: int, low: int = 0) -> st.SearchStrategy:
    """Tuples of a few parts, never more than the message may hold."""
    return st.lists(part, min_size=low, max_size=min(high, 5)).map(tuple)


JOINS = st.builds(m.JoinRequest, UINT32, UINT64, HASHES, CLAIMS, st.none() | ADDRESSES, AGENTS)
STRATEGIES: dict[type[m.Message], st.SearchStrategy] = {
    m.JoinRequest: JOINS,
    m.JoinResponse: st.builds(m.JoinResponse, UINT8, REASONS, JOINS, ADDRESSES),
    m.Goodbye: st.builds(m.Goodbye, UINT8, REASONS),
    m.Heartbeat: st.builds(m.Heartbeat, UINT64, CLAIMS),
    m.Gossip: st.builds(m.Gossip, some(CLAIMS, limits.MAX_GOSSIP_CLAIMS, 1)),
    m.BlockSubmit: st.builds(m.BlockSubmit, HEADERS, SEALS, UINT256, OMMERS),
    m.TransactionGossip: st.builds(
        m.TransactionGossip, some(st.tuples(st.integers(0, 127), st.integers(1, 1 << 20), HASHES), 5, 1)
    ),
    m.HeadersRequest: st.builds(m.HeadersRequest, some(HASHES, 5, 1), st.integers(1, limits.MAX_HEADERS)),
    m.Headers: st.builds(m.Headers, some(HEADERS, 5)),
    m.SealsRequest: st.builds(m.SealsRequest, some(HASHES, 5, 1)),
    m.Seals: st.builds(m.Seals, some(st.none() | SEALS, 5, 1)),
    m.BodiesRequest: st.builds(m.BodiesRequest, some(HASHES, 5, 1)),
    m.Bodies: st.builds(m.Bodies, some(st.none() | BODIES, 5, 1)),
    m.BlockRequest: st.builds(m.BlockRequest, HASHES),
    m.BlockResponse: st.builds(
        m.BlockResponse, st.none() | st.builds(Block, HEADERS, some(TRANSACTIONS, 5), SEALS, OMMERS)
    ),
    m.TransactionsRequest: st.builds(m.TransactionsRequest, some(HASHES, 5, 1)),
    m.Transactions: st.builds(m.Transactions, some(TRANSACTIONS, 5)),
    m.PeersRequest: st.just(m.PeersRequest()),
    m.Peers: st.builds(m.Peers, some(st.tuples(ADDRESSES, UINT32), 5)),
    m.StatusRequest: st.just(m.StatusRequest()),
    m.NodeStatus: st.builds(m.NodeStatus, CLAIMS, AGENTS, st.booleans(), st.booleans(), UINT32, UINT64),
    m.StatsRequest: st.just(m.StatsRequest()),
    m.NodeStats: st.builds(
        m.NodeStats, some(st.tuples(st.text(PRINTABLE, min_size=1, max_size=32), UINT64), limits.MAX_COUNTERS)
    ),
}
MESSAGES = st.one_of(*(STRATEGIES[rule.kind] for rule in TABLE.values()))

BIG_HASH = b"\xff" * 32
BIG_CLAIM = m.HeadClaim(BIG_HASH, MAX_UINT64, MAX_UINT256)
BIG_ADDRESS = Address("ff00::1", 65_535)
BIG_JOIN = m.JoinRequest((1 << 32) - 1, MAX_UINT64, BIG_HASH, BIG_CLAIM, BIG_ADDRESS, "a" * 64)
BIG_HEADER = replace(
    HEADER,
    difficulty=MAX_UINT256, number=MAX_UINT64, gas_limit=MAX_UINT64, gas_used=MAX_UINT64, timestamp=MAX_UINT64,
    extra_data=bytes(32), base_fee_per_gas=MAX_UINT256,
)  # fmt: skip


def seal_of_size(size: int) -> Seal:
    """A seal of so many bytes (from 300)."""
    empty = Seal(2, bytes(33), bytes(68), (), bytes(65), bytes(100))
    room = size - len(empty.encode())
    for length in range(max(0, room - 20), room + 1):
        seal = replace(empty, xmss_signature=bytes(100 + length))
        if len(seal.encode()) == size:
            return seal
    raise AssertionError(f"no seal of {size} bytes")


def transactions_of_size(size: int) -> m.Transactions:
    """A TRANSACTIONS whose list's contents have so many bytes."""
    for small in range(3):  # where a string's prefix grows, one transaction alone skips a size
        for prefix in range(6):
            long = [b"\x02" * (size - prefix - small)] if size - prefix - small > 0 else []
            transactions = [*long, *[b"\x01"] * small]
            if sum(len(rlp.encode(part)) for part in transactions) == size:
                return m.Transactions(tuple(transactions))
    raise AssertionError(f"no transactions of {size} bytes")


BIG_OMMERS = (Ommer(BIG_HEADER, seal_of_size(MAX_OMMERS_SIZE - 4 - len(BIG_HEADER.encode()))),)

LARGEST: dict[type[m.Message], m.Message] = {
    m.JoinRequest: BIG_JOIN,
    m.JoinResponse: m.JoinResponse(255, "r" * 200, BIG_JOIN, BIG_ADDRESS),
    m.Goodbye: m.Goodbye(255, "r" * 200),
    m.Heartbeat: m.Heartbeat(MAX_UINT64, BIG_CLAIM),
    m.Gossip: m.Gossip((BIG_CLAIM,) * limits.MAX_GOSSIP_CLAIMS),
    m.BlockSubmit: m.BlockSubmit(BIG_HEADER, seal_of_size(MAX_SEAL_SIZE), MAX_UINT256, BIG_OMMERS),
    m.TransactionGossip: m.TransactionGossip(((127, 8 << 20, BIG_HASH),) * limits.MAX_TRANSACTION_CLAIMS),
    m.HeadersRequest: m.HeadersRequest((BIG_HASH,) * limits.MAX_LOCATOR_HASHES, limits.MAX_HEADERS),
    m.Headers: m.Headers((BIG_HEADER,) * limits.MAX_HEADERS),
    m.SealsRequest: m.SealsRequest((BIG_HASH,) * limits.MAX_SEALS),
    m.Seals: m.Seals((seal_of_size(MAX_SEAL_SIZE),)),
    m.BodiesRequest: m.BodiesRequest((BIG_HASH,) * limits.MAX_BODIES),
    m.Bodies: m.Bodies((BlockBody((b"\x02" * (limits.MAX_TRANSACTIONS_OF_BODY_BYTES - 4),), BIG_OMMERS),)),
    m.BlockRequest: m.BlockRequest(BIG_HASH),
    m.TransactionsRequest: m.TransactionsRequest((BIG_HASH,) * limits.MAX_TRANSACTIONS),
    m.Transactions: m.Transactions((b"\x02" * (limits.MAX_TRANSACTIONS_BYTES - 4),)),
    m.PeersRequest: m.PeersRequest(),
    m.Peers: m.Peers(((BIG_ADDRESS, (1 << 32) - 1),) * limits.MAX_PEERS),
    m.StatusRequest: m.StatusRequest(),
    m.NodeStatus: m.NodeStatus(BIG_CLAIM, "a" * 64, True, True, (1 << 32) - 1, MAX_UINT64),
    m.StatsRequest: m.StatsRequest(),
    m.NodeStats: m.NodeStats((("c" * 32, MAX_UINT64),) * limits.MAX_COUNTERS),
}
"""BLOCK_RESPONSE is missing: its largest is made of MAX_BODY_SIZE and MAX_SEAL_SIZE, which no block reaches both to
the byte; tests of the limit use a string of that size."""
